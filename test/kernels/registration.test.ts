import { expect, test } from 'vitest'
import { phaseShifts, SHIFT_MARGIN } from '../../src/kernels/phase-shift.js'
import { resample } from '../../src/kernels/resample.js'
import gdal from '../../src/raster/gdal.js'

const [WIDTH, HEIGHT] = [90, 70]
const pattern = (x: number, y: number) =>
  Math.round(3000 + 900 * Math.sin(x / 2.3) * Math.cos(y / 3.1) + 400 * Math.sin((x * y) / 90))
const image = Uint16Array.from({ length: WIDTH * HEIGHT }, (_, i) =>
  pattern(i % WIDTH, Math.floor(i / WIDTH)),
)

/** The same by GDAL's cubic warp onto a grid that lies `columns`, `rows` pixels to the right and below. */
async function byGdal(columns: number, rows: number): Promise<Uint16Array> {
  const source = gdal.open('image', 'w', 'MEM', WIDTH, HEIGHT, 1, gdal.GDT_UInt16)
  source.geoTransform = [500000, 10, 0, 4900000, 0, -10]
  source.srs = gdal.SpatialReference.fromEPSG(32631)
  source.bands.get(1).pixels.write(0, 0, WIDTH, HEIGHT, image)
  const [left, top] = [500000 + columns * 10, 4900000 - rows * 10]
  const warped = await gdal.warpAsync(
    'warped',
    null,
    [source],
    [
      ...['-of', 'MEM', '-r', 'cubic', '-ts', `${WIDTH}`, `${HEIGHT}`],
      ...['-te', `${left}`, `${top - HEIGHT * 10}`, `${left + WIDTH * 10}`, `${top}`],
    ],
  )
  const out = new Uint16Array(WIDTH * HEIGHT)
  await warped.bands.get(1).pixels.readAsync(0, 0, WIDTH, HEIGHT, out)
  return out
}

test.each([
  [0.25, -0.4],
  [-1.7, 2.05],
])('pixels between pixels are those of GDAL: %f columns, %f rows', async (columns, rows) => {
  const out = new Uint16Array(WIDTH * HEIGHT)
  const window = { x: 0, y: 0, width: WIDTH, height: HEIGHT }
  resample({ image: { ...window, pixels: image }, places: { kind: 'shift', columns, rows }, window, out })
  const expected = await byGdal(columns, rows)
  let worst = 0
  for (let y = 6; y < HEIGHT - 6; y++)
    for (let x = 6; x < WIDTH - 6; x++)
      worst = Math.max(worst, Math.abs(out[y * WIDTH + x]! - expected[y * WIDTH + x]!))
  // Both round to whole numbers, of sums in another order.
  expect(worst).toBeLessThanOrEqual(1)
})

test('arguments are checked before anything is read', () => {
  const window = { x: 0, y: 0, width: WIDTH, height: HEIGHT }
  const piece = { ...window, pixels: image.subarray(1) }
  const out = new Uint16Array(WIDTH * HEIGHT)
  const places = { kind: 'shift', columns: 0, rows: 0 } as const
  expect(() => {
    resample({ image: piece, places, window, out })
  }).toThrow(/pixels/)
  const nodes = { kind: 'nodes', column: new Float64Array(1), row: new Float64Array(1) } as const
  expect(() => {
    resample({ image: { ...window, pixels: image }, places: { ...nodes, columns: 1, rows: 1 }, window, out })
  }).toThrow(/rows/)
  const side = 32
  const shifts = {
    ...{ windows: 1, first: 0, last: 1, side, columns: 0, rows: 0 },
    images: new Uint16Array((side + 2 * SHIFT_MARGIN) ** 2),
    references: new Int16Array(side ** 2),
    usable: new Uint8Array(side ** 2),
    out: new Float64Array(4),
  }
  phaseShifts(shifts)
  expect([...shifts.out]).toEqual([NaN, NaN, 0, 0])
  for (const [wrong, told] of [
    [{ side: 48 }, /side/],
    [{ columns: 8.5 }, /columns/],
    [{ columns: NaN }, /columns/],
    [{ images: new Uint16Array(9) }, /images/],
    [{ last: 2 }, /last/],
  ] as const)
    expect(() => {
      phaseShifts({ ...shifts, ...wrong })
    }).toThrow(told)
})

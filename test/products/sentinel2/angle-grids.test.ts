import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  fillByPlane,
  planeThrough,
  readRawAngles,
  readViewAngles,
  type RawAngles,
} from '../../../src/products/sentinel2/angle-grids.js'
import { parseXml } from '../../../src/products/sentinel2/parse-xml.js'

const DEGREE = Math.PI / 180
const ROWS = 23
const COLS = 23

/** Angles of a satellite whose offset over height is a plane: exactly what `fillByPlane` supposes. */
function planeAngles(
  east: (x: number, y: number) => number,
  north: (x: number, y: number) => number,
  isValid: (row: number, col: number) => boolean,
): { raw: RawAngles; truth: RawAngles } {
  const make = (all: boolean): RawAngles => {
    const zenith = new Float64Array(ROWS * COLS).fill(NaN)
    const azimuth = new Float64Array(ROWS * COLS).fill(NaN)
    for (let i = 0; i < zenith.length; i++) {
      const [row, col] = [Math.floor(i / COLS), i % COLS]
      if (!all && !isValid(row, col)) continue
      const [e, n] = [east(col * 5000, row * 5000), north(col * 5000, row * 5000)]
      zenith[i] = Math.atan(Math.hypot(e, n)) / DEGREE
      azimuth[i] = (Math.atan2(e, n) / DEGREE + 360) % 360
    }
    return { rows: ROWS, cols: COLS, stepXM: 5000, stepYM: 5000, zenith, azimuth }
  }
  return { raw: make(false), truth: make(true) }
}

const difference = (a: number, b: number) => Math.abs(((a - b + 540) % 360) - 180)

test('a grid cut from a plane comes back whole, also across north and through nadir', () => {
  fc.assert(
    fc.property(
      fc.double({ min: -0.15, max: 0.15, noNaN: true }),
      fc.double({ min: -0.15, max: 0.15, noNaN: true }),
      fc.integer({ min: 0, max: 18 }),
      fc.integer({ min: 3, max: 5 }),
      (east0, north0, firstCol, width) => {
        const { raw, truth } = planeAngles(
          (x, y) => east0 + 1.3e-6 * x - 3e-7 * y,
          (x, y) => north0 + 2e-7 * x + 1e-7 * y,
          (row, col) => col >= firstCol && col < firstCol + width && row > 2,
        )
        const filled = fillByPlane(raw, 0, 0)
        filled.zenith.forEach((z, i) => {
          expect(Math.abs(z - truth.zenith[i]!)).toBeLessThan(1e-6)
          // Below 0.01 degree of zenith the azimuth has no meaning.
          if (truth.zenith[i]! > 0.01)
            expect(difference(filled.azimuth[i]!, truth.azimuth[i]!)).toBeLessThan(1e-3)
        })
      },
    ),
    { numRuns: 50 },
  )
})

test('azimuths of 359 and 1 degree are filled with 0, not with 180', () => {
  const zenith = new Float64Array(4).fill(NaN)
  const azimuth = new Float64Array(4).fill(NaN)
  zenith.set([5, 5], 0)
  azimuth.set([359, 1], 0)
  const filled = fillByPlane({ rows: 2, cols: 2, stepXM: 5000, stepYM: 5000, zenith, azimuth }, 0, 0)
  // Two nodes in a row: no slope is known to the south, so the second row repeats the first.
  expect([...filled.azimuth].map((a) => Math.round(a) % 360)).toEqual([359, 1, 359, 1])
  expect(filled.zenith[2]).toBeCloseTo(5, 2)
})

test('nodes on one line or at one place give a plane without a slope across', () => {
  const along = planeThrough([
    [0, 0, 1],
    [0, 5000, 2],
    [0, 10000, 3],
  ])
  expect(along(0, 15000)).toBeCloseTo(4, 9)
  expect(along(50000, 0)).toBeCloseTo(1, 9)
  const diagonal = planeThrough([
    [0, 0, 0],
    [5000, 5000, 2],
  ])
  expect(diagonal(5000, -5000)).toBeCloseTo(0, 9)
  expect(planeThrough([[5, 5, 7]])(1e5, -1e5)).toBe(7)
})

const grid = (name: string, rows: readonly string[]) =>
  `<${name}><COL_STEP unit="m">5000</COL_STEP><ROW_STEP unit="m">5000</ROW_STEP><Values_List>${rows.map((row) => `<VALUES>${row}</VALUES>`).join('')}</Values_List></${name}>`
const view = (band: number, detector: number, zenith: readonly string[], azimuth: readonly string[]) =>
  `<Viewing_Incidence_Angles_Grids bandId="${band}" detectorId="${detector}">${grid('Zenith', zenith)}${grid('Azimuth', azimuth)}</Viewing_Incidence_Angles_Grids>`

test('a detector given twice is merged with itself only; one without values is left out and named', () => {
  const xml = parseXml(
    `<Tile_Angles>${view(1, 9, ['4 NaN', 'NaN NaN'], ['10 NaN', 'NaN NaN'])}${view(1, 8, ['2 2', '2 2'], ['200 200', '200 200'])}` +
      `${view(1, 9, ['7 5', 'NaN NaN'], ['70 10', 'NaN NaN'])}${view(1, 3, ['NaN NaN', 'NaN NaN'], ['NaN NaN', 'NaN NaN'])}</Tile_Angles>`,
    'x.xml',
  )
  const notes: string[] = []
  const [first, second, ...more] = readViewAngles(xml, 0, 0, 'x.xml', notes).get(1)!
  expect(more).toEqual([])
  expect([first!.detector, second!.detector]).toEqual([8, 9])
  expect([...first!.angles.zenith]).toEqual([2, 2, 2, 2])
  expect([...second!.angles.zenith.subarray(0, 2)]).toEqual([4, 5])
  expect(second!.validNodes).toBe(2)
  expect(notes.join()).toContain('detector 3')
})

test.each([
  ['rows of different length', ['1 2', '3']],
  ['a zenith of 91 degrees', ['1 91', '1 1']],
  ['a single row', ['1 2']],
])('%s are refused', (_what, zenith) => {
  const element = parseXml(`<a>${grid('Zenith', zenith)}${grid('Azimuth', ['1 2', '3 4'])}</a>`, 'x.xml')
  expect(() => readRawAngles(element, 'Sun angles', 'x.xml')).toThrow(/Sun angles in 'x.xml'/)
})

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import type { Grid } from '../../../src/domain/grid.js'
import { SCENE_FLAGS } from '../../../src/domain/l1-scene.js'
import { L1C_QUALITY, type L1cBand, type L1cProduct, type MaskSource } from '../../../src/domain/sentinel2.js'
import { openCloudMask, openQualityMask, type BitMask } from '../../../src/products/sentinel2/quality-mask.js'
import { readL1cMetadata } from '../../../src/products/sentinel2/read-l1c.js'
import { hasRealL1c, REAL_L1C } from '../../support/safe-copy.js'
import { writeJp2 } from '../../support/write-jp2.js'

const folder = mkdtempSync(join(tmpdir(), 'tilth quality '))
afterAll(() => {
  rmSync(folder, { recursive: true })
})
const grid: Grid = {
  epsg: 32631,
  ulx: 600000,
  uly: 5000040,
  pixelWidthM: 20,
  pixelHeightM: 20,
  width: 40,
  height: 30,
}

function gml(
  name: string,
  features: readonly (readonly [type: string, x0: number, y0: number, x1: number, y1: number])[],
): MaskSource {
  const members = features.map(([type, x0, y0, x1, y1], i) => {
    const corners = [
      [x0, y0],
      [x1, y0],
      [x1, y1],
      [x0, y1],
      [x0, y0],
    ]
      .map(([x, y]) => `${grid.ulx + x! * 20} ${grid.uly - y! * 20} 0`)
      .join(' ')
    return (
      `<eop:MaskFeature gml:id="${type}-${i}"><eop:maskType>${type}</eop:maskType><eop:extentOf><gml:Polygon><gml:exterior><gml:LinearRing>` +
      `<gml:posList srsDimension="3">${corners}</gml:posList></gml:LinearRing></gml:exterior></gml:Polygon></eop:extentOf></eop:MaskFeature>`
    )
  })
  const path = join(folder, name)
  writeFileSync(
    path,
    `<?xml version="1.0"?><eop:Mask xmlns:eop="e" xmlns:gml="g" gml:id="m"><eop:maskMembers>${members.join('')}</eop:maskMembers></eop:Mask>`,
  )
  return { kind: 'gml', path }
}

async function whole(mask: BitMask, g: Grid): Promise<Uint8Array> {
  const out = new Uint8Array(g.width * g.height).fill(255)
  await mask.read({ x: 0, y: 0, width: g.width, height: g.height }, out)
  mask.close()
  return out
}
const bandWith = (...quality: MaskSource[]) => ({ grid, quality }) as unknown as L1cBand
const productWith = (clouds: MaskSource | null) => ({ clouds }) as unknown as L1cProduct

test('GML features of several masks become bits of the pixels whose centre they hold', async () => {
  const mask = await openQualityMask(
    bandWith(
      gml('MSK_SATURA_B05.gml', [['QT_SATURATED_PIXELS_L1A', 2, 3, 6, 7]]),
      gml('MSK_NODATA_B05.gml', [
        ['QT_NODATA_PIXELS', 5, 0, 8, 4],
        ['QT_PARTIALLY_CORRECTED_PIXELS', 0, 0, 40, 30],
      ]),
      gml('MSK_DEFECT_B05.gml', [['QT_DEFECTIVE_PIXELS', 20.4, 10.4, 22.6, 11.6]]),
      gml('MSK_TECQUA_B05.gml', [
        ['MSI_LOST', 30, 20, 41, 35],
        ['SOMETHING_NEW', 0, 0, 1, 1],
      ]),
    ),
  )
  expect(mask.notes.join()).toMatch(/MSK_TECQUA_B05.gml.*SOMETHING_NEW/)
  const out = await whole(mask, grid)
  const inside = (x: number, y: number, x0: number, y0: number, x1: number, y1: number) =>
    x >= x0 && x < x1 && y >= y0 && y < y1
  out.forEach((bits, i) => {
    const [x, y] = [(i % 40) + 0.5, Math.floor(i / 40) + 0.5]
    const expected =
      (inside(x, y, 2, 3, 6, 7) ? L1C_QUALITY.saturated : 0) |
      (inside(x, y, 5, 0, 8, 4) ? L1C_QUALITY.noData : 0) |
      (inside(x, y, 20.4, 10.4, 22.6, 11.6) ? L1C_QUALITY.defective : 0) |
      (inside(x, y, 30, 20, 41, 35) ? L1C_QUALITY.lost : 0)
    expect(bits).toBe(expected)
  })
})

test('a band without masks, and an empty mask, flag nothing', async () => {
  expect((await whole(await openQualityMask(bandWith()), grid)).every((bits) => bits === 0)).toBe(true)
  expect(
    (await whole(await openQualityMask(bandWith(gml('MSK_SATURA_B06.gml', []))), grid)).every(
      (bits) => bits === 0,
    ),
  ).toBe(true)
})

test('the eight planes of MSK_QUALIT are taken in the order of the product specification', async () => {
  const path = join(folder, 'MSK_QUALIT_B05.jp2')
  // Plane k flags column k alone.
  writeJp2(
    path,
    grid,
    Array.from({ length: 8 }, (_, k) => Uint8Array.from({ length: 1200 }, (_, i) => (i % 40 === k ? 1 : 0))),
    64,
  )
  const mask = await openQualityMask(bandWith({ kind: 'jp2', path }))
  expect(mask.notes).toEqual([])
  const out = await whole(mask, grid)
  const { lost, defective, noData, saturated } = L1C_QUALITY
  expect([...out.subarray(40, 50)]).toEqual([lost, 0, lost, 0, defective, noData, 0, saturated, 0, 0])
})

test('clouds come from both forms, on a finer grid than the mask', async () => {
  const coarse: Grid = { ...grid, pixelWidthM: 60, pixelHeightM: 60, width: 14, height: 10 }
  const path = join(folder, 'MSK_CLASSI_B00.jp2')
  const plane = (column: number) => Uint8Array.from({ length: 140 }, (_, i) => (i % 14 === column ? 1 : 0))
  writeJp2(path, coarse, [plane(0), plane(1), plane(2)], 64)
  const raster = await whole((await openCloudMask(productWith({ kind: 'jp2', path }), grid))!, grid)
  const { opaque, cirrus, snow } = SCENE_FLAGS
  expect([...raster.subarray(0, 12)]).toEqual([
    opaque,
    opaque,
    opaque,
    cirrus,
    cirrus,
    cirrus,
    snow,
    snow,
    snow,
    0,
    0,
    0,
  ])
  const polygons = await whole(
    (await openCloudMask(
      productWith(
        gml('MSK_CLOUDS_B00.gml', [
          ['OPAQUE', 0, 0, 3, 30],
          ['CIRRUS', 2, 0, 5, 30],
        ]),
      ),
      grid,
    ))!,
    grid,
  )
  expect([...polygons.subarray(0, 6)]).toEqual([opaque, opaque, opaque | cirrus, cirrus, cirrus, 0])
  expect(await openCloudMask(productWith(null), grid)).toBeNull()
})

test('what is no mask is refused by name', async () => {
  const path = join(folder, 'other.gml')
  writeFileSync(path, '<kml/>')
  await expect(openQualityMask(bandWith({ kind: 'gml', path }))).rejects.toMatchObject({
    code: 'METADATA_INVALID',
    message: expect.stringContaining('other.gml') as string,
  })
  await expect(
    openQualityMask(bandWith({ kind: 'gml', path: join(folder, 'none.gml') })),
  ).rejects.toMatchObject({ code: 'RASTER_UNREADABLE' })
})

describe.skipIf(!hasRealL1c)('the real product', () => {
  test('has one defective detector line in B10 and no unknown feature in any band', async () => {
    const product = await readL1cMetadata(REAL_L1C)
    for (const band of Object.values(product.bands)) expect((await openQualityMask(band)).notes).toEqual([])
    const fine: Grid = {
      ...product.bands.B10!.grid,
      width: 1830,
      height: 1830,
      pixelWidthM: 60,
      pixelHeightM: 60,
    }
    const out = await whole(await openQualityMask({ ...product.bands.B10!, grid: fine }), fine)
    // A polygon 21.1 m wide along x over 1830 rows of 60 m pixels holds the centre of about every third.
    const flagged = out.reduce((count, bits) => count + (bits === L1C_QUALITY.defective ? 1 : 0), 0)
    expect(flagged).toBeGreaterThan(1830 * (21.1 / 60) * 0.95)
    expect(flagged).toBeLessThan(1830 * (21.1 / 60) * 1.05)
    const clouds = await whole(
      (await openCloudMask(product, product.bands.B02!.grid))!,
      product.bands.B02!.grid,
    )
    expect(clouds.every((bits) => bits === 0)).toBe(true)
  })
})

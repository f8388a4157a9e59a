import { describe, expect, test } from 'vitest'
import fc from 'fast-check'
import { buildItem, type ItemInput, type RasterAsset } from '../../src/products/stac/build-item.js'
import { footprintOf, type LonLat } from '../../src/products/stac/footprint.js'
import { stacItemFaults, validateStacItem } from '../../src/products/stac/validate-stac-item.js'
import { gridOutline, toLonLat } from '../../src/raster/transform.js'

const grid = {
  epsg: 32755,
  ulx: 499980,
  uly: 6100000,
  pixelWidthM: 640,
  pixelHeightM: 640,
  width: 172,
  height: 172,
}
const sha256 = 'ab'.repeat(32)
const red: RasterAsset = {
  file: 'B04_sre.tif',
  title: 'Surface reflectance B04',
  band: 'B04',
  roles: ['data', 'reflectance'],
  grid,
  dataType: 'int16',
  nodata: -32768,
  scale: 0.0001,
  offset: 0,
  unit: '1',
  sizeBytes: 1234,
  sha256,
  statistics: { min: -0.01, mean: 0.1, max: 0.9, validPercent: 99.5 },
}
const mask: RasterAsset = {
  file: 'MASK.tif',
  title: 'Mask',
  roles: ['data', 'cloud'],
  grid,
  dataType: 'uint16',
  nodata: null,
  scale: 1,
  offset: 0,
  unit: '1',
  sizeBytes: 99,
  sha256,
}
const input: ItemInput = {
  name: 'S2A_L2A_55JEJ_20171207T002051_R116',
  level: 'L2A',
  platforms: ['S2A'],
  naming: {
    extension: 'mgrs',
    properties: { 'mgrs:utm_zone': 55, 'mgrs:latitude_band': 'J', 'mgrs:grid_square': 'EJ' },
  },
  relativeOrbit: 116,
  orbitDirection: 'DESCENDING',
  sensedAt: '2017-12-07T00:20:51.026Z',
  createdAt: '2024-05-01T10:00:00Z',
  epsg: 32755,
  outline: toLonLat(32755, gridOutline(grid, 8)),
  sun: { zenith: 25.1, azimuth: 80.2 },
  view: { zenith: 10, azimuth: 104.5 },
  cloudPercent: 3.25,
  lineage: 'L2A of S2A_MSIL1C_20171207T002051_N0206_R116_T55JEJ_20171207T032513',
  processorVersion: '1',
  software: { tilth: '0.1.0', gdal: '3.6.2' },
  rasters: [red, mask],
  quicklook: { file: 'quicklook.png', title: 'True-colour picture', sizeBytes: 10, sha256 },
  report: { file: 'report.json', sizeBytes: 10, sha256 },
}

/** A deep copy of the valid item with one value changed, or removed where `value` is undefined. */
function broken(path: readonly (string | number)[], value: unknown): unknown {
  const item: unknown = JSON.parse(JSON.stringify(buildItem(input)))
  let parent = item as Record<string | number, unknown>
  for (const key of path.slice(0, -1)) parent = parent[key] as Record<string | number, unknown>
  const last = path.at(-1)!
  if (value === undefined) Reflect.deleteProperty(parent, last)
  else parent[last] = value
  return item
}

describe('the STAC item of an L2A product', () => {
  test('is valid, with and without what may be missing', async () => {
    expect(await stacItemFaults(buildItem(input))).toEqual([])
    const { name, level, platforms, naming, relativeOrbit, sensedAt, createdAt, epsg, outline } = input
    const { lineage, processorVersion, software, rasters } = input
    const needed = { name, level, platforms, naming, relativeOrbit, sensedAt, createdAt, epsg, outline }
    const item = buildItem({ ...needed, lineage, processorVersion, software, rasters, cloudPercent: null })
    expect(await stacItemFaults(item)).toEqual([])
    expect(item.properties).not.toHaveProperty('eo:cloud_cover')
    await expect(validateStacItem(item)).resolves.toBeUndefined()
  })

  test('says what a reader needs to place and scale the pixels', () => {
    const item = buildItem(input)
    expect(item.assets['B04_sre']).toMatchObject({
      href: './B04_sre.tif',
      'proj:shape': [172, 172],
      'proj:transform': [640, 0, 499980, 0, -640, 6100000],
      nodata: -32768,
      data_type: 'int16',
      'raster:scale': 0.0001,
      'raster:offset': 0,
      'file:checksum': `1220${sha256}`,
      bands: [{ name: 'B04', 'eo:common_name': 'red', 'eo:center_wavelength': 0.6646 }],
    })
    expect(item.properties).toMatchObject({
      datetime: '2017-12-07T00:20:51.026Z',
      platform: 'sentinel-2a',
      gsd: 640,
      'mgrs:utm_zone': 55,
      'mgrs:latitude_band': 'J',
      'mgrs:grid_square': 'EJ',
      'proj:code': 'EPSG:32755',
    })
    expect(item.properties['view:sun_elevation']).toBeCloseTo(64.9, 10)
    // asin(sin 10 deg x 6371 / 7157) = 8.89 deg
    expect(item.properties['view:off_nadir']).toBeCloseTo(8.89, 2)
    // Zone 55 has its central meridian at 147 E; the tile begins 20 m west of it.
    expect(item.bbox[0]).toBeGreaterThan(146.99)
    expect(item.bbox[0]).toBeLessThan(147)
    expect(item.bbox[3]).toBeLessThan(-35)
  })

  test.each<[string, readonly (string | number)[], unknown]>([
    ['item', ['properties', 'datetime'], undefined],
    ['item', ['stac_version'], '1.0.0'],
    ['item', ['geometry', 'coordinates', 0, 0, 1], 91],
    ['item', ['properties', 'datetime'], '7 December'],
    ['item', ['stac_extensions', 7], 'https://stac-extensions.github.io/sat/v1.0.0/schema.json'],
    ['projection', ['properties', 'proj:code'], 32755],
    ['projection', ['assets', 'B04_sre', 'proj:transform'], undefined],
    ['projection', ['properties', 'proj:epsg'], 32755],
    ['eo', ['properties', 'eo:cloud_cover'], 101],
    ['eo', ['assets', 'B04_sre', 'bands', 0, 'eo:common_name'], 'crimson'],
    ['raster', ['assets', 'B04_sre', 'raster:sampling'], 'volume'],
    ['raster', ['assets', 'B04_sre', 'raster:scale'], undefined],
    ['processing', ['properties', 'processing:software'], { tilth: 1 }],
    ['processing', ['properties', 'processing:level'], undefined],
    ['file', ['assets', 'quicklook', 'file:checksum'], sha256],
    ['file', ['assets', 'report', 'file:size'], -1],
    ['view', ['properties', 'view:sun_elevation'], 91],
    ['view', ['properties', 'view:off_nadir'], '8'],
    ['mgrs', ['properties', 'mgrs:utm_zone'], '55'],
    ['mgrs', ['properties', 'mgrs:latitude_band'], 'I'],
  ])('is refused by the schema %s with a broken %j', async (schema, path, value) => {
    const faults = await stacItemFaults(broken(path, value))
    expect(faults.length).toBeGreaterThan(0)
    for (const fault of faults) expect(fault).toMatch(new RegExp(`^${schema}: `))
    await expect(validateStacItem(broken(path, value))).rejects.toMatchObject({ code: 'INTERNAL' })
  })
})

describe('footprints', () => {
  const box = (w: number, s: number, e: number, n: number): LonLat[] => [
    [w, s],
    [e, s],
    [e, n],
    [w, n],
  ]

  test('are split where they cross the antimeridian', () => {
    const { geometry, bbox } = footprintOf([
      [179.5, -17],
      [-179.5, -17],
      [-179.5, -16],
      [179.5, -16],
      [179.5, -17],
    ])
    expect(bbox).toEqual([179.5, -17, -179.5, -16])
    expect(geometry).toEqual({
      type: 'MultiPolygon',
      coordinates: [
        [
          [
            [179.5, -17],
            [180, -17],
            [180, -16],
            [179.5, -16],
            [179.5, -17],
          ],
        ],
        [
          [
            [-180, -17],
            [-179.5, -17],
            [-179.5, -16],
            [-180, -16],
            [-180, -17],
          ],
        ],
      ],
    })
  })

  test('of a tile grid across the antimeridian have a part on each side', () => {
    // 01KAB lies across 180 degrees: easting 99960 of zone 1 is west of it.
    const tile = {
      epsg: 32701,
      ulx: 99960,
      uly: 8200000,
      pixelWidthM: 10,
      pixelHeightM: 10,
      width: 10980,
      height: 10980,
    }
    const { geometry, bbox } = footprintOf(toLonLat(32701, gridOutline(tile, 16)))
    expect(geometry.type).toBe('MultiPolygon')
    expect(bbox[0]).toBeGreaterThan(179)
    expect(bbox[2]).toBeLessThan(-179)
  })

  test('have the area of the ring, run counter-clockwise, stay in range and close, wherever the box lies', () => {
    const around = fc.record({
      w: fc.integer({ min: -180, max: 179 }),
      s: fc.integer({ min: -80, max: 70 }),
      dx: fc.integer({ min: 1, max: 60 }),
      dy: fc.integer({ min: 1, max: 10 }),
      clockwise: fc.boolean(),
      jumps: fc.boolean(),
    })
    fc.assert(
      fc.property(around, ({ w, s, dx, dy, clockwise, jumps }) => {
        const corners = box(w, s, w + dx, s + dy).map(([x, y]): LonLat => [jumps && x > 180 ? x - 360 : x, y])
        const { geometry } = footprintOf(clockwise ? corners.reverse() : corners)
        const rings = geometry.type === 'Polygon' ? geometry.coordinates : geometry.coordinates.flat()
        let area = 0
        for (const ring of rings) {
          expect(ring[0]).toEqual(ring.at(-1))
          for (const [lon] of ring) expect(Math.abs(lon)).toBeLessThanOrEqual(180)
          const signed =
            ring.slice(1).reduce((sum, [x, y], i) => sum + ring[i]![0] * y - x * ring[i]![1], 0) / 2
          expect(signed).toBeGreaterThan(0)
          area += signed
        }
        expect(area).toBeCloseTo(dx * dy, 6)
      }),
    )
  })
})

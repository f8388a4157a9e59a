import * as fc from 'fast-check'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { LATITUDE_BANDS, zoneLongitudes } from '../../src/domain/mgrs.js'
import { isInside, type GeoJsonArea, type Position } from '../../src/domain/polygon.js'
import { toUtm } from '../../src/domain/utm.js'
import { wrs2Centre, wrs2Footprint, wrs2Tile, wrs2Touching } from '../../src/domain/wrs2.js'
import { hasSharedData, sharedData } from '../support/cli.js'

const box = (w: number, s: number, e: number, n: number): GeoJsonArea => ({
  type: 'Polygon',
  coordinates: [
    [
      [w, s],
      [e, s],
      [e, n],
      [w, n],
      [w, s],
    ],
  ],
})
const names = (area: GeoJsonArea) => wrs2Touching(area).map(({ tile }) => tile)

describe('path and row', () => {
  test('are read from six digits', () => {
    expect(wrs2Tile('198030')).toEqual({ tile: '198030', path: 198, row: 30 })
    expect(wrs2Tile(' 001248 ')).toEqual({ tile: '001248', path: 1, row: 248 })
  })
  test.each(['000030', '234030', '198000', '198249', '19830', '31TCJ', ''])('%j is no tile', (name) => {
    expect(() => wrs2Tile(name)).toThrow(
      expect.objectContaining({
        code: 'TILE_UNKNOWN',
        message: expect.stringMatching(/198030/) as string,
      }) as Error,
    )
  })
})

// Latitudes of row centres, degrees and minutes, as the Landsat handbook tabulates them.
test.each([
  [1, 80 + 47 / 60],
  [30, 43 + 12 / 60],
  [60, 0],
  [90, -(43 + 12 / 60)],
  [122, -(81 + 51 / 60)],
  [246, 81 + 51 / 60],
])('row %i has its centre at %f degrees', (row, lat) => {
  expect(Math.abs(wrs2Centre({ tile: '', path: 1, row })[1] - lat)).toBeLessThan(0.02)
})
test('path 1 crosses the equator southbound at 64.60 W, and each path lies 360 / 233 degrees farther west', () => {
  expect(wrs2Centre(wrs2Tile('001060'))).toEqual([-64.6, expect.closeTo(0, 12)])
  expect(wrs2Centre(wrs2Tile('002060'))[0]).toBeCloseTo(-64.6 - 360 / 233, 9)
})

/** Scenes in shared data whose metadata holds the corners of the whole scene. */
const scenes = hasSharedData
  ? readdirSync(sharedData)
      .filter((set) => set.startsWith('landsat-'))
      .flatMap((set) =>
        readdirSync(join(sharedData, set), { recursive: true })
          .map((file) => join(sharedData, set, String(file)))
          .filter((file) => file.endsWith('_MTL.txt')),
      )
      .map((file) => {
        const text = readFileSync(file, 'utf8')
        const read = (key: string) => Number(new RegExp(`\\b${key} = "?([-\\d.]+)`).exec(text)?.[1])
        const corner = (c: string): Position => [
          read(`CORNER_${c}_LON_PRODUCT`),
          read(`CORNER_${c}_LAT_PRODUCT`),
        ]
        return {
          scene: `${read('WRS_PATH')}/${read('WRS_ROW')} in ${file.slice(file.lastIndexOf('/') + 1, -8)}`,
          tile: { tile: '', path: read('WRS_PATH'), row: read('WRS_ROW') },
          zone: read('UTM_ZONE'),
          corners: ['UL', 'UR', 'LR', 'LL'].map(corner),
        }
      })
  : []

describe.skipIf(scenes.length === 0)('against the corners of real scenes', () => {
  test.each(scenes)(
    '$scene: the centre lies within 1.5 km along and 5 km across the track',
    ({ tile, zone, corners }) => {
      // Metadata give the corners of the image file, a box in UTM around the slanted scene: boxes are compared.
      const span = (points: readonly Position[]) => {
        const xy = points.map(([lon, lat]) => toUtm(lon, lat, zone))
        const xs = xy.map(([x]) => x / 1000)
        const ys = xy.map(([, y]) => y / 1000)
        return { w: Math.min(...xs), e: Math.max(...xs), s: Math.min(...ys), n: Math.max(...ys) }
      }
      const real = span(corners)
      const mine = span(wrs2Footprint(tile))
      expect(Math.abs(mine.w + mine.e - real.w - real.e) / 2).toBeLessThan(5)
      expect(Math.abs(mine.s + mine.n - real.s - real.n) / 2).toBeLessThan(1.5)
      for (const side of ['w', 'e', 's', 'n'] as const)
        expect(Math.abs(mine[side] - real[side])).toBeLessThan(6)
    },
  )
})

const zoneOf = (lon: number, lat: number): number | undefined => {
  const band = LATITUDE_BANDS.charAt(Math.max(0, Math.min(19, Math.floor((lat + 80) / 8))))
  const east = ((lon + 540) % 360) - 180
  return Array.from({ length: 60 }, (_, i) => i + 1).find((zone) => {
    const edges = zoneLongitudes(zone, band)
    return edges !== null && edges[0] <= east && east < edges[1]
  })
}
const zones = join(sharedData, 'grids', 'utm_zone_wrs2.csv.xz')
test.skipIf(!existsSync(zones))(
  'the centres lie in the UTM zones that the published table gives',
  async () => {
    const { execa } = await import('execa')
    const { stdout } = await execa('xz', ['-dc', zones])
    const rows = stdout.split('\n').map((line) => line.split(',').map(Number))
    let compared = 0
    const wrong: string[] = []
    for (const [path = 0, row = 0, zone = 0] of rows) {
      if (!(row >= 1 && row <= 122)) continue
      const [lon, lat] = wrs2Centre({ tile: '', path, row })
      compared++
      // A centre so near to the edge of a zone (0.12 degrees are 4 km at 72 N) or of a latitude band may fall either way.
      const isRight = [-0.12, 0.12].some((dx) =>
        [-0.03, 0.03].some((dy) => zoneOf(lon + dx, lat + dy) === zone),
      )
      if (!isRight) wrong.push(`${path}/${row} in ${zone}`)
    }
    expect(compared).toBe(233 * 122)
    // South-west Norway: the table keeps zone 31 where zone 32 is widened.
    expect(wrong).toEqual(['200/19 in 31', '201/17 in 31', '201/18 in 31', '201/19 in 31'])
  },
)

describe('tiles that touch an area', () => {
  test('Toulouse lies in path 198 row 30 and its neighbours with sidelap', () => {
    expect(names(box(1.4, 43.5, 1.5, 43.6))).toEqual(['198030', '199029', '199030'])
  })
  test('a whole cell of the grid is covered: every place between 80 N and 80 S lies in a scene', () => {
    fc.assert(
      fc.property(
        fc.double({ min: -180, max: 179.9, noNaN: true }),
        fc.double({ min: -80, max: 80, noNaN: true }),
        (lon, lat) => {
          const found = wrs2Touching(box(lon, lat, lon + 0.01, lat + 0.01))
          expect(found.length).toBeGreaterThan(0)
        },
      ),
      { numRuns: 200 },
    )
  })
  test('an area touches exactly the scenes that hold one of its places, looked at one by one', () => {
    fc.assert(
      fc.property(
        fc.double({ min: -179, max: 170, noNaN: true }),
        fc.double({ min: -75, max: 70, noNaN: true }),
        fc.double({ min: 0.1, max: 4, noNaN: true }),
        (west, south, size) => {
          const found = new Set(names(box(west, south, west + size, south + size)))
          for (let i = 0; i <= 6; i++)
            for (let j = 0; j <= 6; j++) {
              const [lon, lat] = [west + (i * size) / 6, south + (j * size) / 6]
              for (const { tile } of wrs2Touching(box(lon, lat, lon + 1e-9, lat + 1e-9)))
                expect(found).toContain(tile)
            }
        },
      ),
      { numRuns: 20 },
    )
  })
  test('across the antimeridian the same tiles come for one piece, two pieces, and the other turn', () => {
    const whole = names(box(179, -17, 181, -16))
    const cut: GeoJsonArea = {
      type: 'MultiPolygon',
      coordinates: [box(179, -17, 180, -16), box(-180, -17, -179, -16)].map((b) => b.coordinates as never),
    }
    expect(whole.length).toBeGreaterThan(2)
    expect(names(cut)).toEqual(whole)
    expect(names(box(-181, -17, -179, -16))).toEqual(whole)
  })
  test('a scene within a hole is not touched', () => {
    const holed: GeoJsonArea = {
      type: 'Polygon',
      coordinates: [box(-6, 38, 10, 50).coordinates[0] as never, box(-3, 40, 7, 48).coordinates[0] as never],
    }
    expect(names(holed)).not.toContain('198029')
    expect(names(box(-6, 38, 10, 50))).toContain('198029')
  })
  test('the pole has none: the highest scene ends near 83 degrees', () => {
    expect(names(box(10, 84, 20, 85))).toEqual([])
  })
  test('a footprint is closed and counter-clockwise around its centre', () => {
    const ring = wrs2Footprint(wrs2Tile('198030'))
    expect(ring.at(-1)).toEqual(ring[0])
    let area = 0
    for (let i = 1; i < ring.length; i++)
      area += ring[i - 1]![0] * ring[i]![1] - ring[i]![0] * ring[i - 1]![1]
    expect(area).toBeGreaterThan(0)
    expect(isInside(wrs2Centre(wrs2Tile('198030')), [ring])).toBe(true)
  })
})

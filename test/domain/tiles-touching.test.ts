import * as fc from 'fast-check'
import gdal from 'gdal-async'
import { describe, expect, test } from 'vitest'
import { allTiles } from '../../src/domain/mgrs.js'
import { checkArea } from '../../src/domain/check-area.js'
import { bboxOf, type GeoJsonArea, type Position } from '../../src/domain/polygon.js'
import { tileFootprint, tilesTouching } from '../../src/domain/tiles-touching.js'

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
const names = (area: GeoJsonArea) => tilesTouching(area).map((t) => t.tile)

describe('tiles that touch an area', () => {
  test('where zones overlap, tiles of both are given', () => {
    // 6.5 E at 45 N: in zone 32, but the last tile of zone 31 reaches 74 km beyond its edge at 6 E.
    const tiles = names(box(6.49, 45.0, 6.51, 45.02))
    expect(new Set(tiles.map((t) => t.slice(0, 2)))).toEqual(new Set(['31', '32']))
    expect(tiles).toContain('31TGK')
  })

  test('an area across the antimeridian gives the same tiles in one piece, cut in two, and with a jump', () => {
    const cut: GeoJsonArea = {
      type: 'MultiPolygon',
      coordinates: [
        [
          [
            [179, -17],
            [180, -17],
            [180, -16],
            [179, -16],
            [179, -17],
          ],
        ],
        [
          [
            [-180, -17],
            [-179, -17],
            [-179, -16],
            [-180, -16],
            [-180, -17],
          ],
        ],
      ],
    }
    const jump: GeoJsonArea = {
      type: 'Polygon',
      coordinates: [
        [
          [179, -17],
          [-179, -17],
          [-179, -16],
          [179, -16],
          [179, -17],
        ],
      ],
    }
    const whole = names(box(179, -17, 181, -16))
    expect(new Set(whole.map((t) => t.slice(0, 2)))).toEqual(new Set(['60', '01']))
    expect(names(cut)).toEqual(whole)
    expect(names(jump)).toEqual(whole)
    expect(bboxOf(cut)).toEqual([179, -17, 181, -16])
    expect(bboxOf(jump)).toEqual([179, -17, 181, -16])
  })

  test('an area across the equator gives tiles of both hemispheres', () => {
    expect(names(box(9.1, -0.2, 9.2, 0.2)).map((t) => t[2])).toEqual(expect.arrayContaining(['M', 'N']))
  })

  test('a tile wholly inside a hole is not touched', () => {
    const outer = [
      [0, 40],
      [10, 40],
      [10, 50],
      [0, 50],
      [0, 40],
    ] as const
    const hole = [
      [0.5, 40.5],
      [0.5, 49.5],
      [9.5, 49.5],
      [9.5, 40.5],
      [0.5, 40.5],
    ] as const
    const tiles = names({ type: 'Polygon', coordinates: [outer, hole] })
    expect(tiles).toContain('31TCK')
    expect(tiles).not.toContain('31TFL')
    expect(names({ type: 'Polygon', coordinates: [outer] })).toContain('31TFL')
  })

  test('agrees with GEOS on every tile of the grid for areas anywhere', () => {
    const footprints = [...allTiles()].map((square) => ({ square, ring: tileFootprint(square) }))
    fc.assert(
      fc.property(
        fc.double({ min: -179, max: 179, noNaN: true }),
        fc.double({ min: -70, max: 70, noNaN: true }),
        fc.double({ min: 0.01, max: 2, noNaN: true }),
        (lon, lat, size) => {
          const area = box(lon, lat, Math.min(lon + size, 180), lat + size)
          const got = new Set(names(area))
          for (const { square, ring } of footprints) {
            if (Math.abs((ring[0]?.[1] ?? 0) - lat) > 5 || Math.abs((ring[0]?.[0] ?? 0) - lon) > 15) continue
            const utm = utmPolygon(area, square.epsg)
            const tile = polygon([
              [square.xmin, square.ymin],
              [square.xmax, square.ymin],
              [square.xmax, square.ymax],
              [square.xmin, square.ymax],
              [square.xmin, square.ymin],
            ])
            // Two ways of bending an edge may differ by a metre.
            const distance = utm.distance(tile)
            if (distance > 1) expect(got.has(square.tile), square.tile).toBe(false)
            else if (distance === 0 && utm.intersects(tile.buffer(-1, 1)))
              expect(got.has(square.tile), square.tile).toBe(true)
          }
        },
      ),
      { numRuns: 12 },
    )
  })
})

function polygon(positions: readonly (readonly [number, number])[]): gdal.Polygon {
  const ring = new gdal.LinearRing()
  for (const [x, y] of positions) ring.points.add(x, y)
  const result = new gdal.Polygon()
  result.rings.add(ring)
  return result
}

function utmPolygon(area: GeoJsonArea, epsg: number): gdal.Geometry {
  const rings = (area.coordinates as readonly (readonly Position[])[])[0] ?? []
  const dense: Position[] = []
  for (const [i, b] of rings.entries()) {
    const a = rings[i - 1] ?? b
    for (let k = 1; k <= 50; k++)
      dense.push([a[0] + ((b[0] - a[0]) * k) / 50, a[1] + ((b[1] - a[1]) * k) / 50])
  }
  const result = polygon(dense.map(([lon, lat]) => [lat, lon]))
  result.transform(
    new gdal.CoordinateTransformation(
      gdal.SpatialReference.fromEPSGA(4326),
      gdal.SpatialReference.fromEPSG(epsg),
    ),
  )
  return result
}

describe('checking an area', () => {
  const refused = (area: GeoJsonArea, text: RegExp) => {
    expect(() => {
      checkArea(area)
    }).toThrow(
      expect.objectContaining({ code: 'GEOMETRY_INVALID', message: expect.stringMatching(text) as string }),
    )
  }

  test('a sound polygon with a hole is accepted', () => {
    checkArea({
      type: 'Polygon',
      coordinates: [
        [
          [0, 0],
          [4, 0],
          [4, 4],
          [0, 4],
          [0, 0],
        ],
        [
          [1, 1],
          [1, 2],
          [2, 2],
          [2, 1],
          [1, 1],
        ],
      ],
    })
  })
  test('a bow tie is refused with the place', () => {
    refused(
      {
        type: 'Polygon',
        coordinates: [
          [
            [0, 0],
            [2, 2],
            [2, 0],
            [0, 3],
            [0, 0],
          ],
        ],
      },
      /crosses itself at longitude 1.2, latitude 1.2/,
    )
  })
  test('an open ring, an empty polygon, no area, a spike and metres are refused', () => {
    refused(
      {
        type: 'Polygon',
        coordinates: [
          [
            [0, 0],
            [1, 0],
            [1, 1],
            [0, 1],
          ],
        ],
      },
      /not closed/,
    )
    refused({ type: 'Polygon', coordinates: [] }, /empty/)
    refused({ type: 'MultiPolygon', coordinates: [] }, /empty/)
    refused(
      {
        type: 'Polygon',
        coordinates: [
          [
            [0, 0],
            [1, 1],
            [2, 2],
            [0, 0],
          ],
        ],
      },
      /no area/,
    )
    refused(
      {
        type: 'Polygon',
        coordinates: [
          [
            [0, 0],
            [4, 0],
            [4, 2],
            [6, 2],
            [4, 2],
            [4, 4],
            [0, 4],
            [0, 0],
          ],
        ],
      },
      /crosses itself/,
    )
    refused(
      {
        type: 'Polygon',
        coordinates: [
          [
            [300000, 4900000],
            [400000, 4900000],
            [400000, 5000000],
            [300000, 4900000],
          ],
        ],
      },
      /EPSG:4326/,
    )
  })
  test('a hole outside its ring is refused', () => {
    refused(
      {
        type: 'Polygon',
        coordinates: [
          [
            [0, 0],
            [1, 0],
            [1, 1],
            [0, 1],
            [0, 0],
          ],
          [
            [5, 5],
            [5, 6],
            [6, 6],
            [6, 5],
            [5, 5],
          ],
        ],
      },
      /outside/,
    )
  })
})

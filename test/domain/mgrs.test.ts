import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import * as fc from 'fast-check'
import gdal from 'gdal-async'
import { describe, expect, test } from 'vitest'
import { loadConfig } from '../../src/config/config.js'
import { allTiles, tileSquare } from '../../src/domain/mgrs.js'
import { fromUtm, toUtm, utmEpsg } from '../../src/domain/utm.js'

const grid = join(loadConfig({}).programRoot, '../shared/data/grids/s2_tiles.csv.xz')

describe('UTM', () => {
  test('agrees with GDAL within 0.1 mm as far from the central meridian as tiles reach', () => {
    for (const zone of [1, 31, 60])
      for (const isSouth of [false, true]) {
        const srs = gdal.SpatialReference.fromEPSG(utmEpsg(zone, isSouth))
        const wgs84 = gdal.SpatialReference.fromEPSGA(4326)
        const transform = new gdal.CoordinateTransformation(wgs84, srs)
        for (const latitude of [0.001, 12.3, 45, 63.5, 79.9, 83.9])
          for (const dLon of [-10, -3, -0.5, 0, 2.9, 10]) {
            const lat = isSouth ? -latitude : latitude
            const lon = zone * 6 - 183 + dLon
            const expected = transform.transformPoint(lat, lon)
            const [x, y] = toUtm(lon, lat, zone, isSouth)
            expect(Math.hypot(x - expected.x, y - expected.y)).toBeLessThan(1e-4)
          }
      }
  })

  test('comes back to the same point', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.double({ min: -12, max: 12, noNaN: true }),
        fc.double({ min: -84.5, max: 84.5, noNaN: true }),
        (zone, dLon, lat) => {
          const [x, y] = toUtm(zone * 6 - 183 + dLon, lat, zone)
          const [lon, back] = fromUtm(x, y, zone)
          expect(back).toBeCloseTo(lat, 10)
          expect(((((lon - (zone * 6 - 183) - dLon) % 360) + 540) % 360) - 180).toBeCloseTo(0, 8)
        },
      ),
    )
  })
})

describe('tile squares', () => {
  test.skipIf(!existsSync(grid))(
    'all 56,686 tiles of the published grid have our square, and no other tile exists',
    async () => {
      const { stdout } = await execa('xz', ['-dc', grid], { maxBuffer: 1e8 })
      const rows = stdout.trim().split('\n').slice(1)
      expect(rows).toHaveLength(56_686)
      const wrong = rows.filter((row) => {
        const [tile, epsg, xmin, ymin] = row.split(',')
        const square = tileSquare(tile ?? '')
        return (
          square.tile !== tile ||
          square.epsg !== Number(epsg) ||
          square.xmin !== Number(xmin) ||
          square.ymin !== Number(ymin)
        )
      })
      expect(wrong).toEqual([])
      const ours = [...allTiles()].map((square) => square.tile)
      const theirs = new Set(rows.map((row) => row.slice(0, 5)))
      expect(ours.filter((tile) => !theirs.has(tile))).toEqual([])
      expect(new Set(ours).size).toBe(theirs.size)
    },
  )

  test('31TCJ worked by hand', () => {
    // Zone 31: column C = 300 km = 5000 x 60 m. Row J above 43 N: 4,800 km; upper edge 4,900,000 / 60 = 81666.7 -> 81667 x 60.
    expect(tileSquare('31TCJ')).toMatchObject({
      epsg: 32631,
      xmin: 300_000,
      ymax: 4_900_020,
      ymin: 4_790_220,
      xmax: 409_800,
    })
  })

  test('a product name with leading T and a zone without zero mean the same tile', () => {
    expect(tileSquare('T01CCV')).toEqual(tileSquare('1ccv'))
  })

  test.each(['', '61TCJ', '00TCJ', '31ICJ', '31TIJ', '31TCW', '31TSJ', '31TC', 'tile', '32VJH', '32XNP'])(
    '%j is refused as a tile name',
    (name) => {
      expect(() => tileSquare(name)).toThrow(expect.objectContaining({ code: 'TILE_UNKNOWN' }))
    },
  )
})

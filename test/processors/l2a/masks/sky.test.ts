import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { AngleGrid } from '../../../../src/domain/l1-scene.js'
import { cirrusCells } from '../../../../src/processors/l2a/masks/cirrus.js'
import { ShadowPath, sunOffsets, viewOffsets } from '../../../../src/processors/l2a/masks/sky-paths.js'
import { glintCells } from '../../../../src/processors/l2a/masks/sun-glint.js'
import { terrainShadow } from '../../../../src/processors/l2a/masks/terrain-shadow.js'
import { guessedSun } from '../../../../src/processors/l2a/masks/unknown-sky.js'
import { everywhere, gridOf } from './scenes.js'

const anglesOf = (zenith: readonly number[], azimuth: readonly number[]): AngleGrid => ({
  ...{ ulx: 300_000, uly: 4_900_020, stepXM: 5000, stepYM: 5000, rows: 2, cols: 2 },
  zenith: Float64Array.from(zenith),
  azimuth: Float64Array.from(azimuth),
})

describe('directions on cells', () => {
  test('turn smoothly through north', () => {
    const grid = gridOf(83)
    const { east, north } = sunOffsets(anglesOf([45, 45, 45, 45], [350, 10, 350, 10]), grid)
    // Half-way between 350 and 10 degrees lies north, not south; tan 45 = 1, a little less on the chord.
    const middle = 41 * 83 + 41
    expect(east[middle]).toBeCloseTo(0, 2)
    expect(north[middle]).toBeCloseTo(Math.cos((10 * Math.PI) / 180), 3)
  })

  test('each cell takes its own detector, the lowest of several, and none where nobody saw it', () => {
    const views = [3, 4].map((detector) => ({
      ...{ detector, validNodes: 4 },
      angles: anglesOf([10, 10, 10, 10], Array<number>(4).fill(detector === 3 ? 90 : 270)),
    }))
    const far = Math.tan((10 * Math.PI) / 180)
    const { east } = viewOffsets(
      views,
      Uint32Array.from([1 << 3, 1 << 4, (1 << 3) | (1 << 4), 0]),
      gridOf(4, 1),
    )
    expect([...east.subarray(0, 3)].map((v) => v / far)).toEqual(
      [1, -1, 1].map((v) => expect.closeTo(v, 6) as number),
    )
    expect(east[3]).toBeNaN()
  })
})

describe('where shadows fall', () => {
  test('away from the sun, displaced towards the sensor', () => {
    // Cells of 60 m. Sun in the south 45 degrees high: 600 m of height are 10 cells north, rows up. Sensor in the east at 45 degrees: 10 cells east.
    const grid = gridOf(50)
    const path = new ShadowPath(grid, everywhere(grid, 45, 180), everywhere(grid, 45, 90), null)
    expect(path.shaded(25 * 50 + 25, 600)).toBe(15 * 50 + 35)
    expect(path.seen(15 * 50 + 35, 600)).toBe(25 * 50 + 25)
    expect(path.shaded(5 * 50 + 25, 600)).toBe(-1)
  })

  test('nearer on a slope that rises away from the sun', () => {
    const grid = gridOf(50)
    // North of row 25 the ground lies 300 m higher: the beam meets it 5 cells earlier.
    const altitude = Float32Array.from({ length: 2500 }, (_, i) => (i < 1250 ? 300 : 0))
    const path = new ShadowPath(grid, everywhere(grid, 45, 180), everywhere(grid, 0, 0), altitude)
    expect(path.shaded(28 * 50 + 25, 600)).toBe(23 * 50 + 25)
  })
})

describe('clouds of one altitude over hills', () => {
  const grid = gridOf(60)
  // Up to 400 m, no steeper than 15 degrees.
  const hills = Float32Array.from(
    { length: 3600 },
    (_, i) => 200 + 100 * Math.sin((i % 60) / 7) + 100 * Math.cos(Math.floor(i / 60) / 9),
  )
  const sky = [everywhere(grid, 50, 160), everywhere(grid, 9, 100)] as const
  const path = new ShadowPath(grid, ...sky, hills)
  const places = [0, 0]

  test('stand level: where the ground lies higher their shadow is nearer', () => {
    // South-east of the shadow, both on sight and on sunlight at 1500 m over the sea.
    for (const cell of [40 * 60 + 40, 45 * 60 + 20, 30 * 60 + 50]) {
      const at = path.shaded(cell, 1500)
      const [up, down] = [1500 - hills[cell]!, 1500 - hills[at]!]
      const x = (cell % 60) + 0.5 + (up * sky[1].east[0]! - down * sky[0].east[0]!) / 60
      const y = Math.floor(cell / 60) + 0.5 - (up * sky[1].north[0]! - down * sky[0].north[0]!) / 60
      expect(Math.hypot((at % 60) + 0.5 - x, Math.floor(at / 60) + 0.5 - y)).toBeLessThan(1)
      expect(path.seen(at, 1500)).toSatisfy(
        (back: number) =>
          Math.hypot((back % 60) - (cell % 60), Math.floor(back / 60) - Math.floor(cell / 60)) < 2,
      )
    }
  })

  test('are summed over altitudes as one after the other', () => {
    const altitudes = Float64Array.from({ length: 30 }, (_, k) => 100 * k)
    const values = Float32Array.from({ length: 3600 }, (_, i) => i)
    for (let cell = 7; cell < 3600; cell += 61) {
      const [sums, counts] = [new Float64Array(30), new Float64Array(30)]
      path.addShaded(cell, altitudes, 200, values, sums, counts)
      altitudes.forEach((altitude, a) => {
        const at = altitude - hills[cell]! < 200 ? -1 : path.shaded(cell, altitude)
        const isEdge = (i: number) => i % 60 < 2 || i % 60 > 57 || i < 120 || i >= 3480
        if (counts[a] === 0) expect(at === -1 || isEdge(at)).toBe(true)
        else if (at !== -1) {
          places[
            Math.hypot((at % 60) - (sums[a]! % 60), Math.floor(at / 60) - Math.floor(sums[a]! / 60)) < 2
              ? 0
              : 1
          ]!++
        }
      })
    }
    expect(places[0]).toBeGreaterThan(500)
    expect(places[1]).toBe(0)
  })
})

test('a wall throws a shadow of its height times the tangent of the zenith, away from the sun', () => {
  fc.assert(
    fc.property(fc.constantFrom(0, 90, 180, 270), fc.integer({ min: 20, max: 70 }), (azimuth, zenith) => {
      const grid = gridOf(61)
      const isWall = (i: number) => (azimuth % 180 === 0 ? Math.floor(i / 61) : i % 61) === 30
      const altitude = Float32Array.from({ length: 61 * 61 }, (_, i) => (isWall(i) ? 500 : 0))
      const shade = terrainShadow(altitude, everywhere(grid, zenith, azimuth), grid)
      // Down to the clearance of 2 m.
      const cells = Math.min(30, Math.floor((498 * Math.tan((zenith * Math.PI) / 180)) / 60))
      const row = Array.from(
        { length: 61 },
        (_, k) => shade[azimuth % 180 === 0 ? k * 61 + 30 : 30 * 61 + k]!,
      )
      const behind = azimuth === 0 || azimuth === 270 ? row.slice(31) : row.slice(0, 30).reverse()
      const before = azimuth === 0 || azimuth === 270 ? row.slice(0, 31) : row.slice(30)
      expect(behind.filter((v) => v === 1).length).toBe(cells)
      expect(behind.slice(0, cells).every((v) => v === 1)).toBe(true)
      expect(before.every((v) => v === 0)).toBe(true)
    }),
  )
})

test('terrain shadow follows a slanting sun', () => {
  const grid = gridOf(61)
  const altitude = new Float32Array(61 * 61)
  // A broad block, so that interpolation between cells does not wear it down.
  for (let y = 28; y < 33; y++) for (let x = 28; x < 33; x++) altitude[y * 61 + x] = 600
  // Sun in the south-east, 45 degrees high: the shadow reaches 600 m to the north-west, 7 cells by 7.
  const shade = terrainShadow(altitude, everywhere(grid, 45, 135), grid)
  expect(shade[24 * 61 + 24]).toBe(1)
  expect(shade[36 * 61 + 36]).toBe(0)
  expect(shade[24 * 61 + 36]).toBe(0)
  expect(shade[18 * 61 + 18]).toBe(0)
})

describe('cirrus', () => {
  const all = () => 0
  test('needs 0.007 at the sea, 0.019 at 1.4 km, 0.031 at 2 km (Sentinel-2), 0.003 more for Landsat', () => {
    const altitude = Float32Array.from([0, 0, 1414, 1414, 2000, 2000, NaN])
    const rho = Float32Array.from([0.0069, 0.0071, 0.0189, 0.0192, 0.0309, 0.0311, 0.0071])
    expect([...cirrusCells(rho, altitude, 's2', all)]).toEqual([0, 1, 0, 1, 0, 1, 1])
    expect([
      ...cirrusCells(
        rho.map((v) => v + 0.003),
        altitude,
        'landsat',
        all,
      ),
    ]).toEqual([0, 1, 0, 1, 0, 1, 1])
    expect([...cirrusCells(rho, null, 's2', all)]).toEqual([0, 1, 1, 1, 1, 1, 1])
  })
  test('is not looked for where the ground shines through, nor without data', () => {
    const rho = Float32Array.from([0.05, 0.05, NaN])
    expect([...cirrusCells(rho, null, 's2', (_, cell) => (cell === 0 ? 0.021 : 0.019))]).toEqual([0, 1, 0])
  })
})

test('glint: water within 30 degrees of the mirrored sun', () => {
  const grid = gridOf(3, 1)
  const water = Uint8Array.from([1, 1, 0])
  // Sun at 40 degrees in the east: its mirror image is seen from 40 degrees in the west.
  const sun = everywhere(grid, 40, 90)
  expect([...glintCells(water, sun, everywhere(grid, 12, 270))]).toEqual([1, 1, 0])
  expect([...glintCells(water, sun, everywhere(grid, 9, 270))]).toEqual([0, 0, 0])
  expect([...glintCells(water, sun, everywhere(grid, 12, 90))]).toEqual([0, 0, 0])
})

test('the direction of shadows is seen in the image itself', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 71 }), fc.integer({ min: 8, max: 30 }), (step, far) => {
      const azimuth = (step * 5 * Math.PI) / 180
      const [dx, dy] = [Math.round(far * Math.sin(azimuth)), Math.round(-far * Math.cos(azimuth))]
      const grid = gridOf(150)
      const at = (i: number, x: number, y: number) =>
        Math.hypot((i % 150) - 75 - x, Math.floor(i / 150) - 75 - y) < 4
      const cloud = Uint8Array.from({ length: 150 * 150 }, (_, i) => (at(i, 0, 0) ? 1 : 0))
      const darkness = Float32Array.from({ length: 150 * 150 }, (_, i) =>
        cloud[i] === 1 ? NaN : at(i, dx, dy) ? 1 : 0,
      )
      const sun = guessedSun(cloud, darkness, grid)!
      const found = Math.atan2(-sun.east[0]!, -sun.north[0]!)
      const off = Math.abs(Math.atan2(Math.sin(found - azimuth), Math.cos(found - azimuth)))
      // A disc of 4 cells covers more than one azimuth where it is near.
      expect((off * 180) / Math.PI).toBeLessThan(20)
      expect(guessedSun(cloud, new Float32Array(150 * 150), grid)).toBeNull()
    }),
    { numRuns: 20 },
  )
})

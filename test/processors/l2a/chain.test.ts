import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Grid } from '../../../src/domain/grid.js'
import {
  CELL_BANDS,
  CELL_NO_DATA,
  cellGrid,
  CellMeans,
  cellsOfImage,
  finerCells,
  parentsOf,
  type CellBand,
  type CellPlanes,
} from '../../../src/processors/l2a/cells.js'
import { chainStart, chainWish } from '../../../src/processors/l2a/chain-mode.js'
import {
  dayOf,
  emptyState,
  leaveMemory,
  leaveState,
  placeGround,
  placeState,
} from '../../../src/processors/l2a/chain-state.js'
import { CELL_FLAGS, hazeOverAll, testCells } from '../../../src/processors/l2a/cloud-tests.js'
import { l2a, type L2aParams } from '../../../src/processors/l2a/definition.js'

const gridOf = (ulx: number, uly: number, pixel: number, width: number, height = width): Grid => ({
  ...{ epsg: 32631, ulx, uly, width, height },
  ...{ pixelWidthM: pixel, pixelHeightM: pixel },
})
const planesOf = (
  grid: Grid,
  cells: readonly Partial<Record<CellBand, number | undefined>>[],
): CellPlanes => {
  const plane = (band: CellBand) =>
    Int16Array.from(cells, (cell) => Math.round((cell[band] ?? NaN) * 10_000) || CELL_NO_DATA)
  return {
    grid,
    bands: Object.fromEntries(CELL_BANDS.map((band) => [band, plane(band)])) as Record<CellBand, Int16Array>,
  }
}

describe('cells', () => {
  test('of a Sentinel-2 tile are 240 m, of Landsat too, of coarse pixels the least multiple of them', () => {
    expect(cellGrid(gridOf(300_000, 4_900_020, 10, 10_980), gridOf(300_000, 4_900_020, 20, 5490))).toEqual(
      gridOf(300_000, 4_900_080, 240, 458),
    )
    const landsat = gridOf(279_285, 4_897_515, 30, 7741, 7871)
    expect(cellGrid(landsat, landsat).pixelWidthM).toBe(240)
    const coarse = gridOf(300_000, 4_900_020, 100, 1098)
    expect(cellGrid(coarse, coarse).pixelWidthM).toBe(300)
  })

  test('scenes of one lattice share their cells, and pixels fall into them without a rest', () => {
    fc.assert(
      fc.property(fc.nat(400), fc.nat(400), fc.integer({ min: 1, max: 300 }), (dx, dy, width) => {
        const a = gridOf(279_285, 4_897_515, 30, width)
        const b = gridOf(279_285 + 30 * dx, 4_897_515 - 30 * dy, 30, width)
        const [of, other] = [cellGrid(a, a), cellGrid(b, b)]
        expect(Number.isInteger((other.ulx - of.ulx) / 240)).toBe(true)
        expect(Number.isInteger((of.uly - other.uly) / 240)).toBe(true)
        const { side, left, above } = cellsOfImage(other, b)
        expect([other.ulx + left * 30, other.uly - above * 30, side]).toEqual([b.ulx, b.uly, 8])
        expect(left).toBeLessThan(8)
        expect(above).toBeLessThan(8)
        expect(other.width * 8).toBeGreaterThanOrEqual(left + width)
        expect((other.width - 1) * 8).toBeLessThan(left + width)
      }),
    )
  })

  test('need half of their pixels', () => {
    const means = new CellMeans(gridOf(0, 240, 240, 2, 1), 4)
    means.add({ x: 0, y: 0, columns: 2, sums: Int32Array.of(70, 700), counts: Int32Array.of(7, 7) })
    means.add({ x: 1, y: 0, columns: 1, sums: Int32Array.of(60), counts: Int32Array.of(1) })
    expect([...means.result()]).toEqual([CELL_NO_DATA, 95])
  })
})

describe('smaller cells', () => {
  test('have half the edge and the same corner, where a cell has an even number of pixels', () => {
    const image = gridOf(300_000, 4_900_020, 20, 5490)
    const cells = cellGrid(gridOf(300_000, 4_900_020, 10, 10_980), image)
    expect(finerCells(cells, image)).toEqual(gridOf(300_000, 4_900_080, 120, 916))
    const odd = gridOf(300_000, 4_900_020, 100, 1098)
    expect(finerCells(cellGrid(odd, odd), odd)).toEqual(cellGrid(odd, odd))
  })

  test('by fours have the means of the cells that they make', () => {
    const pixels = fc.array(fc.integer({ min: -100, max: 9999 }), { minLength: 64, maxLength: 64 })
    fc.assert(
      fc.property(pixels, fc.array(fc.boolean(), { minLength: 64, maxLength: 64 }), (values, seen) => {
        const sumsOn = (side: number) => {
          const width = 8 / side
          const means = new CellMeans(gridOf(0, 8, side, width), side)
          values.forEach((value, i) => {
            if (!seen[i]) return
            const [x, y] = [Math.floor((i % 8) / side), Math.floor(i / 8 / side)]
            means.add({ x, y, columns: 1, sums: Int32Array.of(value), counts: Int32Array.of(1) })
          })
          return means
        }
        expect(sumsOn(2).result(2)).toEqual(sumsOn(4).result())
      }),
    )
  })

  test('each has the larger cell below its centre', () => {
    const cells = gridOf(300_000 - 120, 4_900_020 + 120, 240, 2, 1)
    expect([...parentsOf(gridOf(300_000, 4_900_020, 60, 5, 2), cells)]).toEqual([
      0, 0, 1, 1, 1, 0, 0, 1, 1, 1,
    ])
    expect(parentsOf(gridOf(300_000, 4_900_020, 60, 1), { ...cells, ulx: 400_000 })[0]).toBe(-1)
  })
})

describe('how a date begins', () => {
  const start = (given: Partial<L2aParams>, hasPrevious: boolean, following: number) => {
    const params = l2a.params.parse(given)
    const wish = chainWish(params, 's2')
    return chainStart(params.mode, wish, { hasPrevious, following })
  }
  test('auto: with the state before; else from eight dates that follow; else with none', () => {
    expect(start({}, true, 8)).toBe('nominal')
    expect(start({}, false, 8)).toBe('backward')
    expect(start({}, false, 7)).toBe('init')
    expect(start({ backward_dates: 0 }, false, 20)).toBe('init')
  })
  test('a mode by its name: nominal needs a state, backward takes the dates that there are', () => {
    expect(start({ mode: 'backward' }, false, 3)).toBe('backward')
    expect(start({ mode: 'backward' }, false, 0)).toBe('init')
    expect(() => start({ mode: 'nominal' }, false, 8)).toThrow(
      expect.objectContaining({ code: 'STATE_MISSING' }),
    )
  })
  test('what is asked of the chain', () => {
    const wish = (given: Partial<L2aParams>, satellite: 's2' | 'landsat') =>
      chainWish(l2a.params.parse(given), satellite)
    expect(wish({}, 's2')).toEqual({ maxAgeDays: 15, otherOrbits: false, backwardDates: 8 })
    expect(wish({}, 'landsat').maxAgeDays).toBe(30)
    expect(wish({ max_state_age: 45 }, 's2').maxAgeDays).toBe(45)
    expect(wish({ mode: 'init' }, 's2')).toMatchObject({ maxAgeDays: 0, backwardDates: 0 })
    expect(wish({ mode: 'nominal' }, 's2')).toMatchObject({ maxAgeDays: 15, backwardDates: 0 })
  })
})

const GRASS = { blue: 0.04, green: 0.07, red: 0.05, nir: 0.35, swir16: 0.2 }
const CLOUD = { blue: 0.45, green: 0.46, red: 0.47, nir: 0.5, swir16: 0.35 }
const HAZE = { blue: 0.11, green: 0.13, red: 0.11, nir: 0.37, swir16: 0.21 }
const SNOW = { blue: 0.7, green: 0.7, red: 0.7, nir: 0.65, swir16: 0.08 }
const PLOUGHED = { blue: 0.07, green: 0.1, red: 0.14, nir: 0.22, swir16: 0.3 }
/** Dry grass and the char that a fire leaves of it: blue rises a little, red falls. */
const DRY = { blue: 0.06, green: 0.1, red: 0.14, nir: 0.24, swir16: 0.32 }
const CHAR = { blue: 0.065, green: 0.07, red: 0.08, nir: 0.1, swir16: 0.16 }
const WATER = { blue: 0.03, green: 0.03, red: 0.02, nir: 0.01, swir16: 0.005 }
const DAY = dayOf('2025-06-10T10:50:00Z')

describe('clouds of cells', () => {
  const grid = gridOf(0, 240, 240, 1)
  const flags = (now: object, before: object | null, days = 10) => {
    const reference =
      before === null ? null : leaveState(null, planesOf(grid, [before]), Uint8Array.of(1), DAY - days)
    return testCells(planesOf(grid, [now]), reference, DAY, 0)[0]
  }
  test('a thick cloud is seen alone, haze only by change, and ploughing is none', () => {
    expect(flags(CLOUD, null)).toBe(CELL_FLAGS.monoTemporal)
    expect(flags(HAZE, null)).toBe(0)
    expect(flags(CLOUD, GRASS)).toBe(CELL_FLAGS.monoTemporal | CELL_FLAGS.multiTemporal)
    expect(flags(HAZE, GRASS)).toBe(CELL_FLAGS.multiTemporal)
    expect(flags(PLOUGHED, GRASS)).toBe(0)
    expect(flags(GRASS, PLOUGHED)).toBe(0)
  })
  test('a fire scar is none', () => {
    expect(flags(CHAR, DRY)).toBe(0)
    expect(flags({ ...CHAR, blue: 0.16, green: 0.18, red: 0.17, nir: 0.25 }, DRY)).toBe(
      CELL_FLAGS.multiTemporal,
    )
  })
  test('haze over all is no cloud, what rises above it is one; a veil thicker than that is cloud everywhere', () => {
    const wide = gridOf(0, 240, 240, 40, 1)
    const ground = Array.from({ length: 40 }, (_, i) => [GRASS, PLOUGHED, DRY, WATER][i % 4]!)
    const under = (veil: number, clouds: number) => {
      const now = ground.map((cell, i) => {
        const more = i < clouds ? 0.1 : veil
        return { ...cell, blue: cell.blue + more, green: cell.green + 0.9 * more, red: cell.red + 0.7 * more }
      })
      const state = leaveState(null, planesOf(wide, ground), new Uint8Array(40).fill(1), DAY - 10)
      const planes = planesOf(wide, now)
      const haze = hazeOverAll(planes, state)
      return {
        haze,
        cloudy: testCells(planes, state, DAY, haze).reduce((n, flag) => n + (flag === 0 ? 0 : 1), 0),
      }
    }
    // 0.05 in blue and 0.035 in red: 0.05 - 0.5 x 0.035. Water, one cell in four, is never asked.
    expect(under(0.05, 0)).toMatchObject({ haze: expect.closeTo(0.0325, 4) as number, cloudy: 0 })
    expect(under(0.05, 20)).toMatchObject({ haze: expect.closeTo(0.0325, 4) as number, cloudy: 15 })
    expect(under(0, 20)).toEqual({ haze: 0, cloudy: 15 })
    expect(under(0.12, 0)).toEqual({ haze: 0.045, cloudy: 30 })
    expect(hazeOverAll(planesOf(wide, ground), emptyState(wide))).toBe(0)
  })
  test('snow is no cloud, water is not judged by change, no data is nothing', () => {
    expect(flags(SNOW, GRASS)).toBe(CELL_FLAGS.snow)
    expect(flags({ ...HAZE, nir: 0.09 }, WATER)).toBe(0)
    expect(flags({ ...CLOUD, nir: undefined }, GRASS)).toBe(0)
  })
  test('the older the reference, the greater the change must be', () => {
    const thin = { ...GRASS, blue: GRASS.blue + 0.045, red: GRASS.red + 0.04 }
    expect(flags(thin, GRASS, 5)).toBe(CELL_FLAGS.multiTemporal)
    expect(flags(thin, GRASS, 80)).toBe(0)
  })
})

describe('the state that is left', () => {
  const grid = gridOf(0, 480, 240, 2)
  test('is the date where it is clear, what was known elsewhere, and nothing after 90 days', () => {
    const old = leaveState(
      null,
      planesOf(grid, [GRASS, GRASS, GRASS, GRASS]),
      Uint8Array.of(1, 1, 1, 0),
      DAY - 60,
    )
    const now = planesOf(grid, [CLOUD, PLOUGHED, { ...GRASS, red: undefined }, GRASS])
    const left = leaveState(old, now, Uint8Array.of(0, 1, 1, 1), DAY)
    expect([...left.days]).toEqual([DAY - 60, DAY, DAY - 60, DAY])
    expect([...left.bands.red]).toEqual([500, 1400, 500, 500])
    const later = leaveState(left, now, new Uint8Array(4), DAY + 31)
    expect([...later.days]).toEqual([0, DAY, 0, DAY])
    expect(later.bands.red[0]).toBe(CELL_NO_DATA)
  })
  test('is moved to another scene of the lattice, and refused on another', () => {
    const state = leaveState(
      null,
      planesOf(grid, [GRASS, PLOUGHED, CLOUD, SNOW]),
      Uint8Array.of(1, 1, 1, 1),
      DAY,
    )
    const moved = placeState(state, gridOf(240, 720, 240, 2))
    expect([...(moved?.days ?? [])]).toEqual([0, 0, DAY, 0])
    expect(moved?.bands.red[2]).toBe(1400)
    expect(placeState(state, gridOf(100, 480, 240, 2))).toBeNull()
    expect(placeState(state, { ...grid, epsg: 32632 })).toBeNull()
    expect(placeState(state, grid)).toBe(state)
  })
  test('knows its smaller cells where these fit, else nothing on them', () => {
    const all = Uint8Array.of(1, 1, 1, 1)
    const state = leaveState(null, planesOf(grid, [GRASS, PLOUGHED, CLOUD, SNOW]), all, DAY)
    const halves = finerCells(grid, gridOf(0, 480, 60, 8))
    const mixed = Array.from({ length: 16 }, (_, i) => (i === 5 ? WATER : GRASS))
    const finer = leaveMemory(null, planesOf(halves, mixed), new Uint8Array(16).fill(1), DAY)
    expect(placeGround({ state, finer }, grid, halves)).toEqual({ state, finer })
    const [moved, movedHalves] = [gridOf(240, 480, 240, 1), gridOf(240, 480, 120, 2)]
    expect([...placeGround({ state, finer }, moved, movedHalves)!.finer.bands.red]).toEqual([
      500, 500, 500, 500,
    ])
    const older = placeGround({ state, finer: null }, grid, halves)!
    expect(older.state).toBe(state)
    expect([...older.finer.days]).toEqual(Array(16).fill(0))
    // Made of larger pixels, whose smaller cells are the cells.
    expect([...placeGround({ state, finer }, grid, grid)!.finer.days]).toEqual([0, 0, 0, 0])
    expect(placeGround({ state, finer }, gridOf(100, 480, 240, 2), halves)).toBeNull()
  })
  test('of clear dates does not depend on what was known before', () => {
    const clear = planesOf(grid, [GRASS, GRASS, PLOUGHED, WATER])
    const all = Uint8Array.of(1, 1, 1, 1)
    const before = leaveState(null, planesOf(grid, [SNOW, SNOW, SNOW, SNOW]), all, DAY - 5)
    expect(leaveState(before, clear, all, DAY)).toEqual(leaveState(emptyState(grid), clear, all, DAY))
  })
})

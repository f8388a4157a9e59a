import { describe, expect, test } from 'vitest'
import { shippedModel } from '../../../bench/accuracy-measures.js'
import { CELL_BANDS, CELL_NO_DATA, type CellBand } from '../../../src/processors/l2a/cells.js'
import {
  emptyState,
  leaveState,
  placeState,
  type ChainState,
} from '../../../src/processors/l2a/chain-state.js'
import { findAtmosphere } from '../../../src/processors/l2a/find-atmosphere.js'
import {
  anchorColours,
  expectedColour,
  joinColour,
  readColours,
  spreadOfLine,
  storeColours,
} from '../../../src/processors/l2a/ground-colours.js'
import { cellsGrid, sceneOf, vegetation, type Ground } from './air-scene.js'

const SIDE = 36
const GRID = cellsGrid(SIDE)
const IDS = { blue: 'B02', green: 'B03', red: 'B04', nir: 'B8A', swir16: 'B11' } as const
const rms = (values: readonly number[]) => Math.sqrt(values.reduce((s, v) => s + v * v, 0) / values.length)

/** Vegetation whose blue lies off the line by `off`. */
const bluer = (i: number, off: number): Ground => {
  const own = vegetation(0.03 + (0.02 * ((i * 7) % 11)) / 10)
  return { ...own, B02: own['B02']! + off, B01: own['B01']! + off }
}

/** One date after another of one ground under AOTs: errors of AOT on nodes by date. The state has what was found, as in a chain: `keeps` 0 forgets the colours. */
function runDates(off: (i: number) => number, aots: readonly number[], keeps = true): number[][] {
  let state: ChainState | null = null
  return aots.map((aot, n) => {
    // Brighter and darker from date to date by a quarter in all bands: the near infrared tells that, so the blue of the last date says nothing.
    const by = n % 2 === 0 ? 1 : 1.25
    const groundAt = (i: number): Ground =>
      Object.fromEntries(Object.entries(bluer(i, off(i))).map(([id, rho]) => [id, by * rho]))
    const made = sceneOf(GRID, groundAt, () => ({ aot, wv: 2 }))
    const day = 20_000 + 10 * n
    const found = findAtmosphere({
      ...{ model: shippedModel(), ...made, nodesHpa: [made.pressureHpa[0]!], state, day },
      params: { aot: 'auto', wv: 'auto', ozone: 300, aerosol: 'continental', adjacency: false },
      auxiliary: { aot: null, wv: null, ozone: null, aerosol: null },
      isCovered: new Uint8Array(SIDE * SIDE),
    })
    const planes = {
      grid: GRID,
      bands: Object.fromEntries(
        CELL_BANDS.map((band) => [
          band,
          Int16Array.from({ length: SIDE * SIDE }, (_, i) => Math.round(10_000 * groundAt(i)[IDS[band]]!)),
        ]),
      ) as Record<CellBand, Int16Array>,
    }
    state = leaveState(
      keeps ? state : null,
      planes,
      new Uint8Array(SIDE * SIDE).fill(1),
      day,
      keeps ? found.colours : null,
    )
    return Array.from(found.nodes.aot, (value) => value - aot)
  })
}

describe('AOT over ground whose blue is not on the line', () => {
  // One wave over 8.6 km, 0.006 above and below: wider than the windows and the smoothing of AOT.
  const stripes = (i: number) => 0.006 * Math.sin((2 * Math.PI * (i % SIDE)) / SIDE)

  test('is found the better the more dates have shown it, though every one of them was found with an error', () => {
    const aots = [0.08, 0.2, 0.1, 0.4]
    const [first = NaN, second = NaN, third = NaN, fourth] = runDates(stripes, aots).map(rms)
    const alone = runDates(stripes, aots, false).map(rms)
    expect(first).toBeGreaterThan(0.025)
    expect(second).toBeLessThan(first)
    expect(third).toBeLessThan(second)
    // Hazy dates err more by themselves: against what each would be without the colours.
    expect(third).toBeLessThan(0.5 * (alone[2] ?? NaN))
    expect(fourth).toBeLessThan(0.5 * (alone[3] ?? NaN))
  })

  test('of one hue everywhere stays as wrong as on the first date: what is wrong is not remembered', () => {
    const dates = runDates(() => 0.004, [0.1, 0.1, 0.1, 0.1, 0.1, 0.1])
    const means = dates.map((errors) => errors.reduce((a, b) => a + b, 0) / errors.length)
    expect(means[0]).toBeGreaterThan(0.01)
    // Odd dates are brighter, and further off by that.
    means.forEach((mean, n) => {
      expect(Math.abs(mean - means[n % 2]!)).toBeLessThan(0.005)
    })
  })
})

describe('a colour', () => {
  test('is the mean of what was seen by precision, uncertain as far as that disagrees', () => {
    const agreed = joinColour({ ratio: 0.6, sigma: 0.1 }, { ratio: 0.7, sigma: 0.1 })
    expect(agreed.ratio).toBeCloseTo(0.65, 12)
    expect(agreed.sigma).toBeCloseTo(0.1 / Math.SQRT2, 12)
    // 1.2 and 0.6 are 0.6 / sqrt(0.02) = 4.24 deviations apart: 4.24 x 0.0707 = 0.3.
    const apart = joinColour({ ratio: 0.6, sigma: 0.1 }, { ratio: 1.2, sigma: 0.1 })
    expect(apart.ratio).toBeCloseTo(0.9, 12)
    expect(apart.sigma).toBeCloseTo(0.3, 12)
    expect(joinColour({ ratio: NaN, sigma: NaN }, { ratio: 0.6, sigma: 0.1 }).ratio).toBe(0.6)
    expect(joinColour({ ratio: 0.6, sigma: 0.1 }, { ratio: NaN, sigma: NaN }).ratio).toBe(0.6)
  })

  test('counts against the line by its precision', () => {
    // As wide as the line is: half of each, 0.5 x 0.7 + 0.5 x 0.5.
    const half = expectedColour(0.7, 0.1, 0.05, 0.005, true)
    expect(half.ratio).toBeCloseTo(0.6, 12)
    expect(half.offset).toBeCloseTo(0.0025, 12)
    expect(expectedColour(0.7, 0.1, 0.05, 0.005, false)).toEqual({ ratio: 0.7, offset: 0 })
  })

  test('is anchored: half of the vegetation lies above the line, places keep their differences', () => {
    const [red, nir] = [Float32Array.of(0.04, 0.05, 0.04, 0.2), Float32Array.of(0.3, 0.3, 0.3, 0.25)]
    // Blue 0.5 red + 0.005 + 0.01, 0.02, 0.03; soil does not count.
    const blue = [0.5 * 0.04 + 0.015, 0.5 * 0.05 + 0.025, 0.5 * 0.04 + 0.035, 0.1]
    const ratio = anchorColours(
      Float32Array.from(blue, (b, i) => b / red[i]!),
      red,
      nir,
    )
    const after = Array.from(ratio, (r, i) => r * red[i]!)
    blue.forEach((b, i) => {
      expect(after[i]).toBeCloseTo(b - 0.02, 6)
    })
    expect(spreadOfLine({ ratio, sigma: ratio }, red, nir)).toBeCloseTo(0.01, 6)
  })

  test('is stored to four digits, and not at all where it does not fit', () => {
    const stored = storeColours({
      ratio: Float32Array.of(0.51234, NaN, 4, 0.5),
      sigma: Float32Array.of(0.00001, NaN, 0.1, 7),
    })
    expect([...stored.ratio]).toEqual([5123, CELL_NO_DATA, CELL_NO_DATA, CELL_NO_DATA])
    expect([...stored.ratioSigma]).toEqual([1, 0, 0, 0])
    expect(readColours(stored).ratio[0]).toBeCloseTo(0.5123, 6)
  })
})

describe('colours in a state', () => {
  const grid = cellsGrid(2)
  const planes = {
    grid,
    bands: Object.fromEntries(
      CELL_BANDS.map((band) => [band, new Int16Array(4).fill(band === 'nir' ? 3000 : 500)]),
    ) as Record<CellBand, Int16Array>,
  }
  const seen = { ratio: new Float32Array(4).fill(0.6), sigma: new Float32Array(4).fill(0.1) }

  test('are learnt where a cell is clear, stay where it is not, go with it after 90 days', () => {
    const first = leaveState(null, planes, Uint8Array.of(1, 1, 1, 0), 20_000, seen)
    // Blue of the line over a red of 0.05: 0.03, a ratio of 0.6, so the anchor moves nothing.
    expect([...first.ratio]).toEqual([6000, 6000, 6000, CELL_NO_DATA])
    expect([...first.ratioSigma]).toEqual([1000, 1000, 1000, 0])
    const second = leaveState(first, planes, Uint8Array.of(1, 0, 0, 1), 20_090, seen)
    // After 90 days the old one has lost all but 1/e of its weight: 0.1 / sqrt(1 + 1/e) = 0.0855.
    expect([...second.ratioSigma]).toEqual([855, 1000, 1000, 1000])
    expect([...leaveState(second, planes, new Uint8Array(4), 20_091, null).ratioSigma]).toEqual([
      855, 0, 0, 1000,
    ])
    expect([...(placeState(second, { ...grid, ulx: grid.ulx + 240 })?.ratioSigma ?? [])]).toEqual([
      1000, 0, 1000, 0,
    ])
  })

  test('a date that tells none leaves those that were known', () => {
    const first = leaveState(null, planes, new Uint8Array(4).fill(1), 20_000, seen)
    expect([...leaveState(first, planes, new Uint8Array(4).fill(1), 20_010).ratio]).toEqual([
      6000, 6000, 6000, 6000,
    ])
    expect(emptyState(grid).ratioSigma).toEqual(new Uint16Array(4))
  })
})

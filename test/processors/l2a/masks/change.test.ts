import { describe, expect, test } from 'vitest'
import {
  CELL_BANDS,
  CELL_NO_DATA,
  type CellBand,
  type CellPlanes,
} from '../../../../src/processors/l2a/cells.js'
import { noColours } from '../../../../src/processors/l2a/ground-colours.js'
import type { ChainState } from '../../../../src/processors/l2a/chain-state.js'
import { changeClouds } from '../../../../src/processors/l2a/masks/change-test.js'
import { decideMasks } from '../../../../src/processors/l2a/masks/decide-masks.js'
import { testOneDate } from '../../../../src/processors/l2a/masks/one-date.js'
import { CROPS, countOf, gridOf, inputOf, sceneOf, WATER, type Spectrum } from './scenes.js'

const fine = gridOf(80)
const coarse = gridOf(20, 20, 240)
const BANDS: Readonly<Record<CellBand, number>> = { blue: 0, green: 1, red: 2, nir: 3, swir16: 4 }

/** What the chain would hold of a scene that is its own surface reflectance: means of 4 x 4 cells. */
function coarsely(at: (x: number, y: number) => Spectrum): CellPlanes {
  const plane = (band: CellBand) =>
    Int16Array.from({ length: 400 }, (_, k) => {
      let sum = 0
      for (let i = 0; i < 16; i++)
        sum += at((k % 20) * 4 + (i % 4), Math.floor(k / 20) * 4 + Math.floor(i / 4))[BANDS[band]]!
      return Math.round((sum / 16) * 10_000)
    })
  return {
    grid: coarse,
    bands: Object.fromEntries(CELL_BANDS.map((b) => [b, plane(b)])) as Record<CellBand, Int16Array>,
  }
}
const stateOf = (planes: CellPlanes, day = 20_000): ChainState => ({
  ...planes,
  days: new Uint16Array(400).fill(day),
  ...noColours(400),
})
const lit = (s: Spectrum, by: number): Spectrum => s.map((v) => v + by) as unknown as Spectrum
const isDisc = (x: number, y: number) => Math.hypot(x - 40, y - 40) < 8
const ground = (x: number, y: number): Spectrum =>
  lit(CROPS, 0.02 * Math.sin(Math.floor(x / 4) * 1.9 + Math.floor(y / 4) * 2.7))

function change(
  now: (x: number, y: number) => Spectrum,
  before: (x: number, y: number) => Spectrum,
  day = 20_010,
) {
  const cells = sceneOf(fine, now)
  return changeClouds(cells, testOneDate(cells), coarsely(now), stateOf(coarsely(before)), day)
}
const count = (plane: Uint8Array) => plane.reduce((a, b) => a + b, 0)

describe('clouds by change', () => {
  test('a veil that the date alone does not see is seen, with its own shape', () => {
    // A flat veil of 0.06 hides the pattern below it: blue - 0.5 red rises by about 0.03.
    const veil = (x: number, y: number) => (isDisc(x, y) ? lit(CROPS, 0.06) : ground(x, y))
    const { cloud } = change(veil, ground)
    // Of the 201 cells of the disc; coarse cells of which it covers little say that nothing has changed.
    expect(count(cloud)).toBeGreaterThan(130)
    cloud.forEach((v, i) => {
      if (v === 1) expect(Math.hypot((i % 80) - 40, Math.floor(i / 80) - 40)).toBeLessThan(11)
    })
  })

  test('haze through which the ground shows is taken back, whatever its strength', () => {
    const hazy = (x: number, y: number) => lit(ground(x, y), 0.06)
    expect(count(change(hazy, ground).cloud)).toBe(0)
  })

  test('nothing is said where the ground was water or is not known', () => {
    const veil = (x: number, y: number) => (isDisc(x, y) ? lit(WATER, 0.06) : WATER)
    expect(count(change(veil, () => WATER).isKnown)).toBe(0)
    const cells = sceneOf(fine, ground)
    const state = { ...stateOf(coarsely(ground)), days: new Uint16Array(400) }
    expect(count(changeClouds(cells, testOneDate(cells), coarsely(ground), state, 20_010).isKnown)).toBe(0)
    const empty = {
      grid: coarse,
      bands: Object.fromEntries(
        CELL_BANDS.map((b) => [b, new Int16Array(400).fill(CELL_NO_DATA)]),
      ) as CellPlanes['bands'],
    }
    expect(
      count(changeClouds(cells, testOneDate(cells), empty, stateOf(coarsely(ground)), 20_010).isKnown),
    ).toBe(0)
  })

  test('an older memory of the ground asks for a larger change', () => {
    const veil = (x: number, y: number) => (isDisc(x, y) ? lit(CROPS, 0.06) : ground(x, y))
    const soon = count(change(veil, ground, 20_005).cloud)
    const late = count(change(veil, ground, 20_080).cloud)
    expect(soon).toBeGreaterThan(130)
    expect(late).toBeLessThan(soon / 2)
  })
})

test('ground that has always been bright is no cloud where the chain knows it', () => {
  const roof: Spectrum = [0.3, 0.31, 0.33, 0.38, 0.34, 0.3]
  const town = (x: number, y: number) => (isDisc(x, y) ? roof : ground(x, y))
  const cells = sceneOf(fine, town)
  expect(countOf(decideMasks(inputOf(cells)).bits, 'cloud')).toBeGreaterThan(150)
  const [now, known] = [coarsely(town), stateOf(coarsely(town))]
  const chain = { coarse: now, reference: known, finer: { now, known }, day: 20_010 }
  const { bits } = decideMasks(inputOf(cells, { chain }))
  expect(countOf(bits, 'cloud')).toBe(0)
  expect(countOf(bits, 'cloudOrShadow')).toBe(0)
})

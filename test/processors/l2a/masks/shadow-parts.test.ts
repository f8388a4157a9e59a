import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CELL_BANDS, CELL_NO_DATA, type CellBand } from '../../../../src/processors/l2a/cells.js'
import type { Memory } from '../../../../src/processors/l2a/chain-state.js'
import { objectsOf } from '../../../../src/processors/l2a/masks/cell-shapes.js'
import { cloudPieces } from '../../../../src/processors/l2a/masks/cloud-pieces.js'
import { changedLight, changedLightBySize, litTest } from '../../../../src/processors/l2a/masks/dark-cells.js'
import { outsideLevels } from '../../../../src/processors/l2a/masks/outside-levels.js'
import { directLight } from '../../../../src/processors/l2a/masks/shadow-filter.js'
import { gridOf } from './scenes.js'

describe('pieces of cloud objects', () => {
  test('hold every cell of their object once, within squares of 20 cells, and every seam cell once', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 90 }), fc.integer({ min: 1, max: 70 }), (wide, high) => {
        const size = gridOf(100, 80)
        const inside = Uint8Array.from({ length: 8000 }, (_, i) =>
          i % 100 >= 5 && i % 100 < 5 + wide && i >= 500 && i < 500 + 100 * high ? 1 : 0,
        )
        const [object] = cloudPieces(objectsOf(inside, size), size, false)
        const cells = object!.pieces.flatMap((piece) => [...piece.cells])
        expect(cells.sort((a, b) => a - b)).toEqual([...inside.keys()].filter((i) => inside[i] === 1))
        const seam = object!.pieces.flatMap((piece) => [...piece.seam])
        expect(new Set(seam).size).toBe(seam.length)
        expect(seam.every((i) => inside[i] === 0)).toBe(true)
        const isWhole = Math.max(wide, high) <= 30
        expect(object!.pieces.length === 1).toBe(isWhole)
        for (const piece of object!.pieces) {
          const columns = [...piece.cells].map((i) => i % 100)
          if (!isWhole) expect(Math.max(...columns) - Math.min(...columns)).toBeLessThan(20)
        }
      }),
      { numRuns: 30 },
    )
  })

  test('are the objects where nothing is to be cut', () => {
    const size = gridOf(100, 80)
    const objects = objectsOf(new Uint8Array(8000).fill(1), size)
    expect(cloudPieces(objects, size, true).map(({ pieces }) => pieces.map((p) => p.cells.length))).toEqual([
      [8000],
    ])
  })
})

describe('what lies beyond the border', () => {
  const size = gridOf(300, 60)
  // Forest in the west, fields in the east.
  const band = Float32Array.from({ length: 18_000 }, (_, i) => (i % 300 < 150 ? 0.1 : 0.3))
  const land = new Uint8Array(18_000).fill(1)

  test('is as bright as the land on this side of it, and never darker than the least', () => {
    const level = outsideLevels(band, land, size, 0.05)
    expect(level(10)).toBeCloseTo(0.1, 6)
    expect(level(290)).toBeCloseTo(0.3, 6)
    expect(outsideLevels(band, land, size, 0.2)(10)).toBe(0.2)
  })

  test('is the least where no land is near', () => {
    expect(outsideLevels(band, new Uint8Array(18_000), size, 0.17)(290)).toBe(0.17)
  })

  test('stays as bright where a fifth of the land near it is shaded', () => {
    const shaded = band.map((v, i) => (i % 300 >= 280 ? 0.3 * v : v))
    expect(outsideLevels(shaded, land, size, 0.05)(290)).toBeCloseTo(0.3, 6)
  })
})

describe('light against the memory of the ground', () => {
  // As many of the memory's cells as covariances say nothing of: the band that has lost less tells.
  const [fine, cells] = [gridOf(20), gridOf(10, 10, 120)]
  const all = new Uint8Array(400).fill(1)
  const planes = (of: (i: number) => number) =>
    Object.fromEntries(
      CELL_BANDS.map((b) => [b, Int16Array.from({ length: 100 }, (_, i) => of(i))]),
    ) as Record<CellBand, Int16Array>
  const known: Memory = { grid: cells, bands: planes(() => 3000), days: new Uint16Array(100).fill(20_000) }
  const ground = { now: known, known }
  // From column 14 of the fine cells on half of the near infrared and seven tenths of SWIR are left.
  const left = (share: number) =>
    Float32Array.from({ length: 400 }, (_, i) => (i % 20 < 14 ? 0.3 : 0.3 * share))
  const bands = { nir: left(0.5), swir16: left(0.7) }
  const light = changedLight(bands, all, all, ground, fine)
  const at = (plane: Float32Array, x: number) => plane[10 * 20 + x]!

  test('falls in a shadow, as a line between the centres of cells', () => {
    expect(at(light, 12)).toBeCloseTo(1, 3)
    expect(at(light, 13)).toBeCloseTo(0.925, 3)
    expect(at(light, 14)).toBeCloseTo(0.775, 3)
    expect(at(light, 16)).toBeCloseTo(0.7, 3)
  })

  test('is not known where the chain does not know the ground; of a cell in part covered what can be seen counts', () => {
    const isKnown = all.map((_, i) => (i % 20 < 4 ? 0 : 1))
    const part = changedLight(bands, all, isKnown, ground, fine)
    expect(at(part, 0)).toBeNaN()
    expect(at(part, 10)).toBeCloseTo(1, 3)
    const cloudy = bands.nir.map((v, i) => (i % 2 === 0 ? v : 0.9))
    const isOpen = all.map((_, i) => (i % 2 === 0 ? 1 : 0))
    expect(changedLight({ ...bands, nir: cloudy }, isOpen, all, ground, fine)).toEqual(light)
  })

  test('is that of larger cells where the smaller ones know nothing yet', () => {
    const larger = gridOf(5, 5, 240)
    const large: Memory = { ...known, grid: larger, days: known.days.slice(0, 25) }
    const empty: Memory = { ...known, bands: planes(() => CELL_NO_DATA), days: new Uint16Array(100) }
    const ofLarger = { now: large, known: large }
    const both = (finer: Memory) =>
      changedLightBySize(bands, all, all, { finer: { now: known, known: finer }, larger: ofLarger }, fine)
    expect(both(known)).toEqual(light)
    expect(both(empty)).toEqual(changedLight(bands, all, all, ofLarger, fine))
    // In part: from the sixth row of smaller cells on nothing is known; around what is known its own light reaches.
    const half = { ...known, days: known.days.map((day, i) => (i < 50 ? day : 0)) }
    for (const band of CELL_BANDS)
      half.bands = { ...half.bands, [band]: half.bands[band].map((v, i) => (i < 50 ? v : CELL_NO_DATA)) }
    const mixed = both(half)
    expect(mixed.subarray(0, 180)).toEqual(light.subarray(0, 180))
    expect(mixed.subarray(220)).toEqual(both(empty).subarray(220))
  })

  test('contradicts a shadow where nothing is missing; where it is not known, only brighter ground than most does', () => {
    const nir = Float32Array.from({ length: 400 }, (_, i) => 0.1 + (i % 20) / 50)
    const filled = new Float32Array(400).fill(1)
    const isLit = litTest(filled, light, nir, nir, all)
    expect([2, 16].map((x) => isLit(10 * 20 + x))).toEqual([true, false])
    const alone = litTest(filled, null, nir, nir, all)
    expect([2, 14, 18].map((x) => alone(10 * 20 + x))).toEqual([false, false, true])
    expect(litTest(filled.fill(0.9), null, nir, nir, all)(18)).toBe(false)
  })
})

describe('direct light by all bands together', () => {
  const grid = gridOf(20, 20, 240)
  const before = { blue: 500, green: 800, red: 700, nir: 3000, swir16: 2000 } as const
  const part = { blue: 0.72, green: 0.77, red: 0.82, nir: 0.88, swir16: 0.95 } as const
  const planes = (of: (band: CellBand, i: number) => number) =>
    Object.fromEntries(
      CELL_BANDS.map((band) => [band, Int16Array.from({ length: 400 }, (_, i) => Math.round(of(band, i)))]),
    ) as Record<CellBand, Int16Array>
  const reference: Memory = {
    grid,
    bands: planes((band) => before[band]),
    days: new Uint16Array(400).fill(20_000),
  }
  // Fields grow by up to 30 %: brighter in the near infrared, darker elsewhere.
  const growth = (i: number) => 0.3 * Math.sin(12.9898 * i)
  const isShaded = (i: number) => i >= 190 && i < 198
  const coarse = {
    grid,
    bands: planes(
      (band, i) =>
        before[band] *
        (1 - (isShaded(i) ? 0.15 * part[band] : 0)) *
        Math.exp(growth(i) * (band === 'nir' ? 0.6 : band === 'red' ? -1 : -0.5)),
    ),
  }

  test('shows a shadow of a sixth of it among fields that change by as much in each band', () => {
    const light = directLight(coarse, reference, new Uint8Array(400).fill(1))!
    const of = (wanted: (i: number) => boolean) => [...light].filter((_, i) => wanted(i))
    expect(Math.max(...of(isShaded))).toBeLessThan(0.9)
    expect(Math.min(...of(isShaded))).toBeGreaterThan(0.8)
    expect(Math.min(...of((i) => !isShaded(i)))).toBeGreaterThan(0.97)
    expect(Math.max(...of((i) => !isShaded(i)))).toBeLessThan(1.03)
  })

  test('does not take for a shadow what ground of one colour does everywhere, though it darkens as a shadow does', () => {
    // Every other field is bare and was rained on: a quarter less light in all bands, in the proportion of direct light.
    const isBare = (i: number) => i % 2 === 0
    const bare = { blue: 900, green: 1200, red: 1600, nir: 2300, swir16: 3000 } as const
    const ground = (band: CellBand, i: number) =>
      (isBare(i) ? bare[band] : before[band]) * (1 + 0.05 * Math.sin(7.13 * i + bare[band]))
    const known = { ...reference, bands: planes(ground) }
    const now = {
      grid,
      bands: planes(
        (band, i) =>
          ground(band, i) *
          (1 - (isBare(i) ? 0.25 * part[band] : 0)) *
          (1 - (isShaded(i) ? 0.15 * part[band] : 0)),
      ),
    }
    const light = directLight(now, known, new Uint8Array(400).fill(1))!
    const of = (wanted: (i: number) => boolean) => [...light].filter((_, i) => wanted(i))
    expect(Math.max(...of(isShaded))).toBeLessThan(0.9)
    expect(Math.min(...of((i) => !isShaded(i)))).toBeGreaterThan(0.97)
  })

  test('says nothing of cells that are not open, nor where few are', () => {
    const open = Uint8Array.from({ length: 400 }, (_, i) => (i < 250 ? 1 : 0))
    const light = directLight(coarse, reference, open)!
    expect([light[249], light[250]].map((v) => Number.isNaN(v))).toEqual([false, true])
    expect(directLight(coarse, reference, open.fill(0, 150))).toBeNull()
  })
})

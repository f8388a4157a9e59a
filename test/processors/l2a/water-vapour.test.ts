import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hasReferenceTable, readSixsRows } from '../../../bench/reference-table.js'
import { BandTable } from '../../../src/processors/l2a/band-table.js'
import { shippedModel } from '../../../bench/accuracy-measures.js'
import { VAPOUR_AXIS, waterVapour } from '../../../src/processors/l2a/water-vapour.js'
import { cellsGrid, sceneOf, vegetation, type Look } from './air-scene.js'

/** Vapour found where the truth is known. */
function found(
  toa: ReturnType<typeof sceneOf>,
  { aot = 0.1, aerosol = 'continental', isUsable = null as Uint8Array | null, otherwise = 2 } = {},
) {
  const { scene, cells, pressureHpa } = toa
  const axes = { aot: [aot], wv: VAPOUR_AXIS, pressureHpa: [pressureHpa[0]!] }
  const tableOf = (id: string) =>
    new BandTable({
      ...{
        model: shippedModel(),
        sensor: scene.sensor,
        band: scene.bands.find((b) => b.id === id)!,
        sun: scene.sun,
      },
      ...{ ozone: 300, aerosol, axes },
    })
  const of = (id: string) => ({ toa: cells.bands.get(id)!, table: tableOf(id) })
  return waterVapour({
    air: { grid: cells.grid, pressureHpa },
    ...{ wide: of('B8A'), narrow: of('B09'), otherwise },
    isUsable: isUsable ?? new Uint8Array(cells.grid.width * cells.grid.height).fill(1),
  })
}

test('self-consistency: 0.5 to 4.5 g/cm2 come back within 1 % for any sun, view, height and bright ground', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0.5, max: 4.5, noNaN: true }),
      fc.double({ min: 0.16, max: 0.6, noNaN: true }),
      fc.double({ min: 0, max: 65, noNaN: true }),
      fc.double({ min: 0, max: 12, noNaN: true }),
      fc.constantFrom(0, 500, 1500),
      (wv, nir, sunZenithDeg, viewZenithDeg, altitudeM) => {
        const look: Look = { sunZenithDeg, viewZenithDeg, relativeAzimuthDeg: 100 }
        const toa = sceneOf(
          cellsGrid(3),
          () => vegetation(0.04, nir),
          () => ({ aot: 0.1, wv }),
          { look, altitudeM },
        )
        const { wv: back, foundShare } = found(toa, { aot: 0.1 * Math.exp(-altitudeM / 2000) })
        expect(foundShare).toBe(1)
        expect(Math.abs(back[0]! / wv - 1)).toBeLessThan(0.01)
      },
    ),
    { numRuns: 40 },
  )
})

test.skipIf(!hasReferenceTable)('6SV2.1 as truth: within 3 % under the aerosol that is there', () => {
  const rows = readSixsRows().filter(
    ({ input, aot550, altKm }) =>
      input.platform === 'S2A' && ['B8A', 'B09'].includes(input.band) && aot550 <= 0.4 && altKm <= 1,
  )
  const keyOf = ({ input, altKm }: (typeof rows)[number]) => JSON.stringify({ ...input, band: '', altKm })
  const wide = new Map(rows.filter(({ input }) => input.band === 'B8A').map((row) => [keyOf(row), row]))
  const errors: { wv: number; error: number }[] = []
  for (const row of rows) {
    if (row.input.band !== 'B09') continue
    const beside = wide.get(keyOf(row))
    if (beside === undefined) continue
    const { input } = row
    const toa = sceneOf(
      cellsGrid(1),
      () => ({}),
      () => ({ aot: 0, wv: 1 }),
      { look: input },
    )
    const one = (rho: number) => ({
      ...{ rho: Float32Array.of(rho), isSaturated: new Uint8Array(1), detectors: Uint32Array.of(2) },
    })
    const bands = new Map([
      ['B8A', one(beside.toa[2])],
      ['B09', one(row.toa[2])],
    ])
    const back = found(
      { ...toa, cells: { ...toa.cells, bands }, pressureHpa: Float32Array.of(input.pressureHpa) },
      { aot: row.aot550, aerosol: input.aerosol, otherwise: 2 },
    )
    errors.push({ wv: input.wv, error: back.wv[0]! / input.wv - 1 })
  }
  expect(errors.length).toBeGreaterThan(100)
  const worst = (wv: number) =>
    Math.max(...errors.filter((e) => e.wv === wv).map(({ error }) => Math.abs(error)))
  const values = [...new Set(errors.map(({ wv }) => wv))]
  // Measured: 1.2 %. Maritime air taken for continental cost 5 %.
  for (const wv of values) expect(worst(wv)).toBeLessThan(0.03)
})

const field = (width: number) =>
  sceneOf(
    cellsGrid(width),
    () => vegetation(0.04),
    () => ({ aot: 0.1, wv: 1.5 }),
  )

test('nothing usable: the value given stands everywhere and is flagged', () => {
  const none = found(field(12), { isUsable: new Uint8Array(144), otherwise: 2.7 })
  expect(none.foundShare).toBe(0)
  expect([...new Set(none.wv)]).toEqual([Math.fround(2.7)])
  expect([...none.isDefault].every((is) => is === 1)).toBe(true)
})

test('dark ground says nothing and takes the vapour of its surroundings, unflagged', () => {
  const grid = cellsGrid(30)
  const toa = sceneOf(
    grid,
    (i) => (i % 30 < 12 ? vegetation(0.04) : vegetation(0.01, 0.03)),
    () => ({ aot: 0.1, wv: 1.5 }),
  )
  const { wv, isDefault, foundShare } = found(toa)
  expect(foundShare).toBeCloseTo(0.4, 5)
  expect(Math.max(...isDefault)).toBe(0)
  for (const value of wv) expect(value).toBeCloseTo(1.5, 1)
})

test('one valid corner of a large image: near it its vapour, far from it the same, flagged', () => {
  const width = 90
  const toa = sceneOf(
    cellsGrid(width),
    (i) => (i % width < 6 && i < 6 * width ? vegetation(0.04) : {}),
    () => ({ aot: 0.1, wv: 3 }),
  )
  const { wv, isDefault } = found(toa)
  expect(isDefault[0]).toBe(0)
  expect(isDefault.at(-1)).toBe(1)
  for (const value of wv) expect(value).toBeCloseTo(3, 1)
})

test('a signal that no vapour explains is left out, not clamped', () => {
  const toa = field(9)
  const { rho } = toa.cells.bands.get('B09')!
  // Brighter than the air's path alone allows at 8 g/cm2 it is not: as dark as space.
  rho[40] = 0
  const { wv, foundShare } = found(toa)
  expect(foundShare).toBeCloseTo(80 / 81, 5)
  for (const value of wv) expect(value).toBeCloseTo(1.5, 1)
})

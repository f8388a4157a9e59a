import { expect, test } from 'vitest'
import { shippedModel } from '../../../bench/accuracy-measures.js'
import type { L1SceneBand } from '../../../src/domain/l1-scene.js'
import { aotAxis, vapourAxis } from '../../../src/processors/l2a/axes.js'
import { BandTable } from '../../../src/processors/l2a/band-table.js'
import { surfaceCells } from '../../../src/processors/l2a/surface-cells.js'
import { surroundingsOf } from '../../../src/processors/l2a/surroundings.js'
import { cellsGrid, sceneOf, vegetation } from './air-scene.js'

test('cells lit from beside come back with that light taken off, and without it look like what is around them', () => {
  const grid = cellsGrid(30)
  // A lake of 2 x 2 km in fields.
  const isLake = (i: number) =>
    i % 30 >= 11 && i % 30 < 19 && Math.floor(i / 30) >= 11 && Math.floor(i / 30) < 19
  const ground = (i: number) => ({ ...vegetation(0.06), B8A: isLake(i) ? 0.02 : 0.4 })
  const { scene, cells, pressureHpa } = sceneOf(grid, ground, () => ({ aot: 0.3, wv: 2 }), {
    isLitFromBeside: true,
  })
  const wv = new Float32Array(900).fill(2)
  const air = { grid, pressureHpa, wv, aot: new Float32Array(900).fill(0.3) }
  const surface = (withLegs: boolean, around: Float32Array | null) => {
    const band = scene.bands.find(({ id }) => id === 'B8A') as L1SceneBand
    const { sensor, sun } = scene
    const axes = { pressureHpa: [pressureHpa[0]!], aot: aotAxis(0.3, 0.3), wv: vapourAxis(wv) }
    const table = new BandTable({
      ...{ model: shippedModel(), sensor, band, sun, ozone: 300, aerosol: 'continental', axes, withLegs },
    })
    return surfaceCells(cells.bands.get('B8A')!, table, air, around)
  }
  const truth = Float32Array.from({ length: 900 }, (_, i) => ground(i).B8A)
  const worst = (found: Float32Array) => Math.max(...found.map((rho, i) => Math.abs(rho - truth[i]!)))
  const plain = surface(false, null)
  expect(worst(plain)).toBeGreaterThan(0.015)
  // What is around is known as well as the product knows it: from cells that still have the light.
  expect(worst(surface(true, surroundingsOf(plain, grid)))).toBeLessThan(0.004)
  expect(worst(surface(true, surroundingsOf(truth, grid)))).toBeLessThan(1e-5)
})

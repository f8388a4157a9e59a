import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import type { AngleGrid } from '../../../src/domain/l1-scene.js'
import { anglesFromBands } from '../../../src/products/landsat/angle-bands.js'
import { anglesFromCoefficients } from '../../../src/products/landsat/angle-coefficients.js'
import type { LandsatAngles } from '../../../src/products/landsat/angle-samples.js'
import { computedAngles } from '../../../src/products/landsat/angles.js'
import { readL1tpMetadata } from '../../../src/products/landsat/read-l1tp.js'

const DATA = resolve(import.meta.dirname, '../../../../shared/data')
const LC09 = join(DATA, 'landsat-l1-decimated/LC09_C2_112081')
const ANG = join(LC09, 'LC09_L1TP_112081_20220209_20220209_02_T1_ANG.txt')
const has = existsSync(LC09)

const DEGREE = Math.PI / 180
const vector = ({ zenith, azimuth }: AngleGrid, i: number): readonly [number, number, number] => {
  const [z, a] = [zenith[i]! * DEGREE, azimuth[i]! * DEGREE]
  return [Math.sin(z) * Math.sin(a), Math.sin(z) * Math.cos(a), Math.cos(z)]
}
/** Largest angle between two grids' directions at nodes well within the swath, degrees. */
function apart(a: AngleGrid, b: AngleGrid): number {
  let largest = 0
  for (let row = 10; row < a.rows - 10; row++)
    for (let col = 12; col < a.cols - 12; col++) {
      const [u, v] = [vector(a, row * a.cols + col), vector(b, row * b.cols + col)]
      const cross = Math.hypot(
        u[1] * v[2] - u[2] * v[1],
        u[2] * v[0] - u[0] * v[2],
        u[0] * v[1] - u[1] * v[0],
      )
      largest = Math.max(largest, Math.asin(cross) / DEGREE)
    }
  return largest
}

test.skipIf(!has)('angle bands, coefficients and the orbit agree on a real Landsat-9 scene', async () => {
  const product = await readL1tpMetadata(LC09)
  if (product.angles.kind !== 'bands') throw new Error('expected angle bands')
  const bands = await anglesFromBands(product.angles, product.grid, product.centre[1])
  const coefficients = await anglesFromCoefficients(ANG, product.grid)
  const computed = computedAngles(product)
  const [b1, b2] = bands.detectors.map(({ angles }) => angles)
  const [c1, c2] = coefficients.detectors.map(({ angles }) => angles)
  const [k] = computed.detectors.map(({ angles }) => angles)
  expect(apart(bands.sun, coefficients.sun)).toBeLessThan(0.02)
  // The decimated bands are drawn together by 0.8 % towards their middle: 0.07 degrees at the swath's edge.
  expect(apart(b1!, c1!)).toBeLessThan(0.07)
  expect(apart(b2!, c2!)).toBeLessThan(0.07)
  // Two rows of chips, 1.08 degrees apart along the track: told apart in both sources, not without them.
  expect(apart(c1!, c2!)).toBeCloseTo(1.08, 1)
  expect(computed.detectors).toHaveLength(1)
  expect(apart(computed.sun, coefficients.sun)).toBeLessThan(0.1)
  expect(Math.max(apart(k!, c1!), apart(k!, c2!))).toBeLessThan(0.8)
})

test.skipIf(!has)(
  'both sources give a pixel to the same row of chips, but for those at a border',
  async () => {
    const product = await readL1tpMetadata(LC09)
    if (product.angles.kind !== 'bands') throw new Error('expected angle bands')
    const { grid } = product
    const rowsOf = async (angles: LandsatAngles) => {
      const map = await angles.openDetectors()
      const out = new Uint8Array(grid.width * grid.height)
      await map.read({ x: 0, y: 0, width: grid.width, height: grid.height }, out)
      map.close()
      return out
    }
    const bands = await rowsOf(await anglesFromBands(product.angles, grid, product.centre[1]))
    const coefficients = await rowsOf(await anglesFromCoefficients(ANG, grid))
    expect(new Set([...bands, ...coefficients])).toEqual(new Set([1, 2]))
    // In the middle, where the decimated bands are not displaced: 14 borders cross 60 columns of 3.9 km, and each blends one column.
    let [same, all] = [0, 0]
    for (let y = 20; y < 40; y++)
      for (let x = 15; x < 45; x++) {
        all++
        if (bands[y * grid.width + x] === coefficients[y * grid.width + x]) same++
      }
    expect(same / all).toBeGreaterThan(0.85)
  },
)

test.skipIf(!has)('coefficients that are cut or odd are refused with file and key', async () => {
  const { grid } = await readL1tpMetadata(LC09)
  const folder = mkdtempSync(join(tmpdir(), 'tilth-ang-'))
  const text = readFileSync(ANG, 'latin1')
  const file = join(folder, 'X_ANG.txt')
  const cases: [string, RegExp][] = [
    [text.slice(0, text.length / 2), /X_ANG\.txt', line \d+/],
    [
      text.replace(/BAND04_SAT_X_NUM_COEF = \([^)]*\)/, 'BAND04_SAT_X_NUM_COEF = ( 1, 2)'),
      /BAND04_SAT_X_NUM_COEF: expected 10 numbers/,
    ],
    [text.replace('BAND04_NUMBER_OF_SCAS = 14', 'BAND04_NUMBER_OF_SCAS = 14.5'), /BAND04_NUMBER_OF_SCAS/],
    [text.replaceAll('RPC_BAND04', 'RPC_BAND44'), /RPC_BAND04: expected a group/],
  ]
  for (const [broken, message] of cases) {
    writeFileSync(file, broken)
    await expect(anglesFromCoefficients(file, grid)).rejects.toMatchObject({
      code: 'METADATA_INVALID',
      message: expect.stringMatching(message) as string,
    })
  }
  rmSync(folder, { recursive: true })
})

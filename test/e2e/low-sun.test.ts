import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { MASK_BITS } from '../../src/domain/mask-bits.js'
import { simulateL1c, type SimulatedProduct } from '../../src/simulator/simulate-l1c.js'
import { productFolder, temporaryFolder, tilth, type CliResult } from '../support/cli.js'
import { readPixels } from '../support/l2a-product.js'

const home = temporaryFolder('low sun')
let winter: SimulatedProduct
/** A winter day at 51 degrees north: the sun stands at zenith angles of 75.2 to 76.4 degrees, about the lowest that the simulator makes. */
beforeAll(async () => {
  winter = await simulateL1c({
    ...{ tile: '31UFT', date: '2025-12-20', pixelSizeM: 600, seed: 1, baseline: '05.11' },
    ...{ outDir: join(home, 'l1'), withTci: false },
  })
})

/** The same images under a sun that its metadata put lower, by degrees. */
function lowered(degrees: number): string {
  const product = join(home, `lower by ${degrees}`, basename(winter.safePath))
  cpSync(winter.safePath, product, { recursive: true })
  const [granule = ''] = readdirSync(join(product, 'GRANULE'))
  const path = join(product, 'GRANULE', granule, 'MTD_TL.xml')
  const text = readFileSync(path, 'utf8')
  const lower = (numbers: string) =>
    numbers.replace(/[\d.]+/g, (number) => (Number(number) + degrees).toFixed(4))
  const changed = text
    .replace(
      /(<Sun_Angles_Grid>\s*<Zenith>[\s\S]*?<Values_List>)([\s\S]*?)(<\/Values_List>)/,
      (_, head: string, values: string, tail: string) =>
        head +
        values.replace(/(<VALUES>)([^<]*)/g, (_line, tag: string, numbers: string) => tag + lower(numbers)) +
        tail,
    )
    .replace(
      /(<Mean_Sun_Angle>\s*<ZENITH_ANGLE[^>]*>)([\d.]+)/,
      (_, head: string, mean: string) => head + lower(mean),
    )
  expect(changed).not.toBe(text)
  writeFileSync(path, changed)
  return product
}
const correct = (product: string, out: string): Promise<CliResult> =>
  tilth([
    'l2a',
    product,
    '--out',
    join(home, out),
    '--aot',
    '0.1',
    '--wv',
    '0.8',
    '--max-cloud',
    '100',
    '--quiet',
  ])
const shareOf = (mask: ArrayLike<number>, bit: keyof typeof MASK_BITS) =>
  Array.from(mask).filter((bits) => ((bits >> MASK_BITS[bit]) & 1) === 1).length / mask.length

test('beyond 70 degrees a date is corrected, near its truth, and each pixel says that the sun is low', async () => {
  const { exitCode, stderr } = await correct(winter.safePath, 'as it is')
  expect(exitCode, stderr).toBe(0)
  const folder = productFolder(join(home, 'as it is'))
  expect(shareOf(readPixels(join(folder, 'MASK.tif')).pixels, 'lowSun')).toBe(1)
  const made = readPixels(join(folder, 'B08_sre.tif')).pixels
  const truth = readPixels(join(winter.truthDir, 'B08.tif')).pixels
  const misses = Array.from(made, (value, i) => Math.abs(value - (truth[i] ?? NaN)))
    .filter((miss, i) => made[i] !== -32768 && !Number.isNaN(miss))
    .sort((a, b) => a - b)
  expect(misses.length).toBeGreaterThan(made.length / 2)
  // Half of the pixels within 0.03 of reflectance, with an AOT that is given and not the truth's; without a correction it would be 0.1.
  expect(misses[Math.floor(misses.length / 2)]).toBeLessThan(300)
})

test('where a part of the image has the sun above 80 degrees it is corrected as at 80', async () => {
  // 79.4 to 80.6 degrees.
  const { exitCode, stderr } = await correct(lowered(4.2), 'partly')
  expect(exitCode, stderr).toBe(0)
  const folder = productFolder(join(home, 'partly'))
  expect(shareOf(readPixels(join(folder, 'MASK.tif')).pixels, 'lowSun')).toBe(1)
  expect(readPixels(join(folder, 'B08_sre.tif')).pixels.some((value) => value !== -32768)).toBe(true)
})

test('above 80 degrees everywhere it is SUN_TOO_LOW with the angle, leaves nothing, and is skipped among other dates', async () => {
  // 81.2 degrees at least.
  const night = lowered(6)
  const { exitCode, stdout, stderr } = await correct(night, 'night')
  expect([exitCode, stdout]).toEqual([65, ''])
  expect(stderr).toMatch(
    /error SUN_TOO_LOW: .* zenith angle of 81\.\d degrees or more .* expected at most 80/,
  )
  expect(existsSync(join(home, 'night')) ? readdirSync(join(home, 'night')) : []).toEqual([])
  const season = join(home, 'season')
  mkdirSync(season)
  cpSync(night, join(season, basename(night)), { recursive: true })
  const dates = await tilth([
    'l2a',
    season,
    '--out',
    join(home, 'dates'),
    '--aot',
    '0.1',
    '--quiet',
    '--json',
  ])
  expect(dates.exitCode, dates.stderr).toBe(0)
  expect(JSON.parse(dates.stdout)).toMatchObject({
    ...{ made: 0, skipped: 1, failed: 0 },
    dates: [{ outcome: 'skipped', code: 'SUN_TOO_LOW', day: '2025-12-20', tile: '31UFT' }],
  })
})

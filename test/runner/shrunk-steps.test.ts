import { mkdirSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runCompositeStep } from '../../src/runner/composite-step.js'
import { runImportStep } from '../../src/runner/import-l2a-step.js'
import { LiveBudget } from '../../src/runner/live-budget.js'
import type { StepContext } from '../../src/runner/step-context.js'
import { temporaryFolder } from '../support/cli.js'
import { makeL2aProduct } from '../support/l2a-product.js'
import { makeMaja } from '../support/maja-product.js'
import { stepContext } from '../support/step-context.js'

const home = temporaryFolder('shrunk steps')
let runs = 0
function staged(): string {
  const folder = join(home, `run ${++runs}`)
  mkdirSync(folder)
  return folder
}
const rasters = (folder: string) =>
  Object.fromEntries(
    readdirSync(folder)
      .filter((file) => file.endsWith('.tif'))
      .map((file) => [file, readFileSync(join(folder, file))]),
  )
const threadsOf = (folder: string) =>
  (JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')) as { resources: { threads: number } })
    .resources.threads

test('an import follows its threads while it runs, and has fewer after memory ran out, with the same pixels', async () => {
  const product = makeMaja(home)
  const run = async (more: Partial<StepContext>) => {
    const { products } = await runImportStep(
      stepContext({
        ...{ processor: 'import_l2a', params: { acquisition_id: 1, input: 'l1:maja' } },
        ...{ stagingDir: staged(), resolvePath: () => product },
        ...more,
      }),
    )
    return products[0]?.folder ?? ''
  }
  const budget = new LiveBudget(1)
  const whole = await run({
    threads: budget,
    progress: () => {
      budget.set(4)
    },
  })
  expect(threadsOf(whole)).toBe(4)
  const shrunk = await run({ threads: budget, blockShrink: 2 })
  expect(threadsOf(shrunk)).toBe(1)
  expect(Object.keys(rasters(whole))).toContain('MASK.tif')
  expect(rasters(shrunk)).toEqual(rasters(whole))
})

test('a composite has smaller blocks after memory ran out, where its bands have one pixel size', async () => {
  const names = ['LC08_L2A_198030_20250615T103000_R198', 'LC09_L2A_198030_20250623T103000_R198']
  const bands = ['B01', 'B02', 'B03', 'B04', 'B05', 'B06', 'B07']
  for (const [i, name] of names.entries())
    makeL2aProduct(home, {
      name,
      size: 530,
      files: Object.fromEntries(bands.map((band) => [`${band}_sre.tif`, (x: number) => 1000 + i * x])),
      mask: () => 0,
    })
  const run = async (blockShrink: number) => {
    const parts = new Set<number>()
    const { products } = await runCompositeStep(
      stepContext({
        ...{ processor: 'composite', stagingDir: staged(), blockShrink },
        params: {
          ...{ product: 'any', parameters: {}, parameter_origins: {}, day: '2025-06-15' },
          inputs: names.map((name) => ({ name, location: `archive:${name}` })),
        },
        resolvePath: (path) => path.replace('archive:', `${home}/`),
        progress: (fraction, note) => {
          if (note === '2 dates') parts.add(fraction)
        },
      }),
    )
    return { parts: parts.size, made: rasters(products[0]?.folder ?? '') }
  }
  const whole = await run(0)
  const shrunk = await run(1)
  // Each block of each date is told: 530 pixels are one block of 1024, and two by two of 512.
  expect([whole.parts, shrunk.parts]).toEqual([2, 8])
  expect(shrunk.made).toEqual(whole.made)
})

import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { runL2aStep } from '../../src/runner/l2a-step.js'
import type { StepContext } from '../../src/runner/step-context.js'
import { simulateL1c, type SimulatedProduct } from '../../src/simulator/simulate-l1c.js'
import { L2A_RASTERS } from '../support/l2a-files.js'

const home = mkdtempSync(join(tmpdir(), 'tilth l2a step-'))
let product: SimulatedProduct
beforeAll(async () => {
  product = await simulateL1c({
    tile: '31TCJ',
    date: '2025-05-10',
    pixelSizeM: 600,
    seed: 5,
    noiseDn: 0,
    baseline: '05.11',
    outDir: home,
  })
})
afterAll(() => {
  rmSync(home, { recursive: true, force: true })
})
let stagingDir: string
beforeEach(() => {
  stagingDir = mkdtempSync(join(home, 'staging-'))
})

function contextOf(params: unknown, blockShrink = 0, threads = 1): StepContext {
  const scratchDir = join(stagingDir, 'scratch')
  mkdirSync(scratchDir, { recursive: true })
  return {
    stepId: 1,
    attempt: 1,
    processor: 'l2a',
    params,
    stagingDir,
    scratchDir,
    resolvePath: (path) => path.replace(/^l1:/, `${home}/`),
    toolsFile: join(home, 'external.json'),
    chain: () => Promise.resolve({ previous: null, following: [] }),
    ...{ blockShrink, codec: 'deflate', memoryMb: null },
    threads: { value: threads, onChange: () => () => undefined },
    signal: new AbortController().signal,
    progress: () => undefined,
    log: { info: () => undefined, warn: () => undefined },
  }
}
const step = () => ({ acquisition_id: 7, input: `l1:${product.name}` })
interface Parameters {
  readonly parameters: Readonly<Record<string, { readonly value: unknown; readonly origin: string }>>
}
async function reported(params: unknown): Promise<Parameters['parameters']> {
  const { products } = await runL2aStep(contextOf(params))
  expect(products).toMatchObject([{ level: 'L2A', tile: '31TCJ', acquisitionId: 7 }])
  return (JSON.parse(readFileSync(join(products[0]!.folder, 'report.json'), 'utf8')) as Parameters).parameters
}

test('the report says where each frozen parameter came from', async () => {
  const parameters = { aot: 0.3, wv: 2.5, ozone: 320, aerosol: 'continental', dem: null }
  const origins = {
    aot: 'cli',
    wv: 'global',
    ozone: 'parent site region',
    aerosol: 'default',
    dem: 'default',
  }
  expect(await reported({ ...step(), parameters, parameter_origins: origins })).toMatchObject(
    Object.fromEntries(
      Object.entries(parameters).map(([name, value]) => [
        name,
        { value, origin: origins[name as keyof typeof origins] },
      ]),
    ),
  )
})

test('a step without origins says that the job gave them, and default for the rest', async () => {
  expect(await reported({ ...step(), parameters: { aot: 0.3 } })).toMatchObject({
    aot: { value: 0.3, origin: 'job' },
    wv: { value: 'auto', origin: 'default' },
  })
})

test('parameters that the processor refuses end the step before anything is written', async () => {
  await expect(runL2aStep(contextOf({ ...step(), parameters: { aot: -1 } }))).rejects.toMatchObject({
    code: 'BAD_ARGUMENT',
  })
  await expect(runL2aStep(contextOf({ input: 3 }))).rejects.toMatchObject({ code: 'INTERNAL' })
})

test('blocks halved once and twice, as after memory ran out, give the same bytes in every raster', async () => {
  // 1098 pixels of the finest bands: 4 blocks of 1024, 9 of 512. A band of each pixel size is written; all others are read for air, masks and chain.
  const large = await simulateL1c({
    ...{ tile: '31TCJ', date: '2025-05-11', pixelSizeM: 100, seed: 5, baseline: '05.11', outDir: home },
    withTci: false,
  })
  const rasters = L2A_RASTERS.filter((name) => !name.endsWith('_sre.tif') || /^B0[125]_/.test(name))
  const digests: Record<string, string>[] = []
  for (const shrink of [0, 1, 2]) {
    stagingDir = mkdtempSync(join(home, 'staging-'))
    // Four threads: the second halving leaves the blocks at their least, 512, and halves only how many are in flight.
    const context = contextOf(
      { ...step(), input: `l1:${large.name}`, parameters: { bands: 'B01,B02,B05' } },
      shrink,
      4,
    )
    const { products } = await runL2aStep(context)
    const { folder } = products[0]!
    const names = readdirSync(folder).filter((name) => /\.(tif|png)$/.test(name))
    expect(names.sort()).toEqual([...rasters, 'quicklook.png'])
    digests.push(
      Object.fromEntries(
        names.map((name) => [
          name,
          createHash('sha256')
            .update(readFileSync(join(folder, name)))
            .digest('hex'),
        ]),
      ),
    )
  }
  expect(digests[1]).toEqual(digests[0])
  expect(digests[2]).toEqual(digests[0])
})

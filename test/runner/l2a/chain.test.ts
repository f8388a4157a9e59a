import { cpSync, readFileSync, readdirSync, rmSync, truncateSync, utimesSync } from 'node:fs'
import { basename, join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { archiveLimits } from '../../../src/config/archive-limits.js'
import { MASK_BITS } from '../../../src/domain/mask-bits.js'
import { l2a } from '../../../src/processors/l2a/definition.js'
import { Budget } from '../../../src/runner/budget.js'
import { openKernelPool } from '../../../src/runner/kernel-pool.js'
import { correctScene } from '../../../src/runner/l2a/correct-scene.js'
import { correctToFolder } from '../../../src/runner/l2a/correct-to-folder.js'
import { rebuildState } from '../../../src/runner/l2a/rebuild-state.js'
import { digestOf, readState, stateAdjacency } from '../../../src/runner/l2a/state-files.js'
import type { ChainInputs } from '../../../src/runner/l2a/take-state.js'
import gdal from '../../../src/raster/gdal.js'
import { simulateLandsat } from '../../../src/simulator/landsat/simulate-landsat.js'
import { simulateL1c } from '../../../src/simulator/simulate-l1c.js'
import { temporaryFolder } from '../../support/cli.js'

const home = temporaryFolder('chain')
const common = {
  ...{
    threads: 2,
    blockSize: 1024,
    force: true,
    codec: 'deflate' as const,
    signal: new AbortController().signal,
  },
  ...{ scratch: join(home, 'scratch'), archiveLimits: archiveLimits({}), out: join(home, 'l2a') },
  ...{ onProgress: () => undefined, onNote: () => undefined },
} as const
const correct = (product: string, previous: string | null, parameters = {}) =>
  correctToFolder({ ...common, product, previous, parameters: { wv: 2, aot: 0.15, ...parameters } })

interface ReportOfChain {
  readonly chain: { mode: string; previous: string | null; known_share: number; known_after_share: number }
  readonly flags: string[]
  readonly notes: string[]
  readonly cloud_share: number
}
const reportOf = (folder: string) =>
  JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')) as ReportOfChain
const rasters = (folder: string) =>
  Object.fromEntries(
    readdirSync(folder)
      .filter((name) => name.endsWith('.tif'))
      .map((name) => [name, readFileSync(join(folder, name)).toString('base64')]),
  )

/** Pixels of MASK.tif with a bit. */
function pixelsOf(folder: string, bit: keyof typeof MASK_BITS): number {
  const dataset = gdal.open(join(folder, 'MASK.tif'))
  const { x, y } = dataset.rasterSize
  const mask = Uint16Array.from(dataset.bands.get(1).pixels.read(0, 0, x, y) as ArrayLike<number>)
  dataset.close()
  return mask.reduce((n, value) => n + ((value >> MASK_BITS[bit]) & 1), 0)
}

/** Dates of one orbit with more and fewer clouds. */
const DATES = [
  { date: '2025-05-05', clouds: 0.2 },
  { date: '2025-05-15', clouds: 0.5 },
  { date: '2025-05-25', clouds: 0.3 },
]
let scenes: string[]
let chain: string[]
beforeAll(async () => {
  scenes = []
  for (const { date, clouds } of DATES)
    scenes.push(
      (
        await simulateL1c({
          ...{ tile: '31TCJ', date, pixelSizeM: 60, extentM: 19_200, seed: 3, baseline: '05.11', orbit: 51 },
          ...{ outDir: join(home, 'l1'), withTci: false, cloudCover: clouds },
        })
      ).safePath,
    )
  chain = []
  for (const scene of scenes) chain.push((await correct(scene, chain.at(-1) ?? null)).folder)
})

test('each date begins with the state of the one before, sees clouds by change, and knows more of the ground after it', async () => {
  const reports = chain.map(reportOf)
  expect(reports.map(({ chain: { mode } }) => mode)).toEqual(['init', 'nominal', 'nominal'])
  expect(reports[1]?.chain.previous).toMatch(/_20250505T/)
  expect(reports[1]?.chain.known_share).toBe(reports[0]?.chain.known_after_share)
  expect(reports[2]!.chain.known_after_share).toBeGreaterThan(reports[0]!.chain.known_after_share)
  expect(chain.map((folder) => pixelsOf(folder, 'multiTemporal') > 100)).toEqual([false, true, true])
  const alone = (await correct(scenes[1]!, null, { mode: 'init' })).folder
  expect(pixelsOf(alone, 'multiTemporal')).toBe(0)
  await correct(scenes[1]!, chain[0]!)
})

test('a state can be built again from the L2A products of its chain, to the same digest', async () => {
  const pool = await openKernelPool({ maxThreads: 2 })
  try {
    const options = { pool, budget: new Budget(2), signal: common.signal }
    for (const n of [1, 2, 3])
      expect(digestOf(await rebuildState(chain.slice(0, n), options))).toBe(
        digestOf(await readState(chain[n - 1]!)),
      )
    const { state, finer } = await rebuildState(chain.slice(0, 1), options)
    expect([state.grid.pixelWidthM, finer.grid.pixelWidthM]).toEqual([240, 120])
    await expect(rebuildState([], options)).rejects.toMatchObject({ code: 'NOT_FOUND' })
  } finally {
    await pool.close()
  }
})

const withChain = (input: string, into: string, inputs: ChainInputs, parameters = {}) =>
  correctScene({
    ...common,
    ...{
      input,
      into,
      onto: null,
      bbox: null,
      memoryMb: null,
      origins: {},
      threads: { value: 2, onChange: () => () => undefined },
    },
    params: l2a.params.parse({ aot: 0.15, wv: 2, ...parameters }),
    chain: () => Promise.resolve(inputs),
  })

test('a cut state or one that is not what was registered is built again: the same pixels, and the report says so', async () => {
  const copies = chain.slice(0, 2).map((folder, i) => {
    const copy = join(temporaryFolder(`broken-${i}`), folder.split('/').at(-1) ?? '')
    cpSync(folder, copy, { recursive: true })
    return copy
  })
  truncateSync(join(copies[1]!, 'STATE_finer_red.tif'), 200)
  const digest = digestOf(await readState(chain[1]!))
  const previous = { name: 'P', folder: copies[1]!, digest, isOtherOrbit: false, history: copies }
  const cut = await withChain(scenes[2]!, temporaryFolder('cut'), { previous, following: [] })
  expect(reportOf(cut.folder)).toMatchObject({ flags: expect.arrayContaining(['state_rebuilt']) as unknown })
  expect(rasters(cut.folder)).toEqual(rasters(chain[2]!))
  // Lost, and with it a product of its history: the date begins with none.
  rmSync(join(copies[0]!, 'B04_sre.tif'))
  const lost = await withChain(scenes[2]!, temporaryFolder('lost'), { previous, following: [] })
  expect(reportOf(lost.folder)).toMatchObject({ flags: expect.arrayContaining(['state_lost']) as unknown })
  // One that a newer program has written.
  const newer = join(temporaryFolder('newer'), 'state')
  cpSync(chain[1]!, newer, { recursive: true })
  const days = gdal.open(join(newer, 'STATE_days.tif'), 'r+')
  days.setMetadata({ TILTH_STATE: '4' })
  days.close()
  await expect(readState(newer)).rejects.toMatchObject({ code: 'PRODUCT_UNSUPPORTED' })
  truncateSync(join(newer, 'STATE_red.tif'), 200)
  await expect(readState(newer)).rejects.toMatchObject({ code: 'RASTER_UNREADABLE' })
  // Smaller cells that lie elsewhere, though what they say is as it was: the digest does not tell.
  const moved = join(temporaryFolder('moved'), 'state')
  cpSync(chain[1]!, moved, { recursive: true })
  for (const file of readdirSync(moved).filter((name) => name.startsWith('STATE_finer_'))) {
    const dataset = gdal.open(join(moved, file), 'r+')
    const [west, ...rest] = dataset.geoTransform!
    dataset.geoTransform = [west! + 120, ...rest]
    dataset.close()
  }
  await expect(readState(moved)).rejects.toMatchObject({ code: 'GRID_MISMATCH' })
  // One that was made before states had colours and smaller cells: nothing is known of them, and its digest is still that by which it was registered.
  const older = join(temporaryFolder('older'), 'state')
  cpSync(chain[1]!, older, { recursive: true })
  for (const file of ['STATE_ratio.tif', 'STATE_ratio_sigma.tif']) rmSync(join(older, file))
  const ofThen = gdal.open(join(older, 'STATE_days.tif'), 'r+')
  ofThen.setMetadata({ TILTH_STATE: '1' })
  ofThen.close()
  const { state: old, finer } = await readState(older)
  expect(finer).toBeNull()
  expect(Math.max(...old.ratioSigma)).toBe(0)
  const left = await readState(chain[1]!)
  expect(digestOf({ state: old, finer })).toBe(digestOf({ ...left, finer: null }))
  expect(digestOf({ state: { ...old, ratioSigma: old.ratioSigma.map(() => 1) }, finer })).not.toBe(
    digestOf({ state: old, finer }),
  )
  expect(digestOf({ state: old, finer })).not.toBe(digest)
  // The state of another date in its place.
  const swapped = { ...previous, folder: chain[0]!, history: chain.slice(0, 2) }
  const other = await withChain(scenes[2]!, temporaryFolder('other'), { previous: swapped, following: [] })
  expect(reportOf(other.folder).notes.join()).toContain('has changed')
  expect(rasters(other.folder)).toEqual(rasters(chain[2]!))
})

test('a date that is made with another adjacency does not take the state: it begins anew and says so, and so does a rebuilt state', async () => {
  // As after an upgrade: `adjacency` was off by default once.
  expect(await stateAdjacency(chain[0]!)).toBe(true)
  const turned = (await correct(scenes[1]!, chain[0]!, { adjacency: false, mode: 'nominal' })).folder
  const kept = temporaryFolder('turned')
  const moved = join(kept, basename(turned))
  cpSync(turned, moved, { recursive: true })
  const report = reportOf(moved)
  expect(report.chain).toMatchObject({ mode: 'nominal', known_share: 0 })
  expect(report.flags).toContain('state_of_other_adjacency')
  expect(report.notes.join()).toContain('holds the ground without light from beside and was not used')
  expect(pixelsOf(moved, 'multiTemporal')).toBe(0)
  expect(await stateAdjacency(moved)).toBe(false)
  // The next one of the same kind goes on; back again it begins anew.
  const next = reportOf((await correct(scenes[2]!, moved, { adjacency: false })).folder)
  expect(next.flags).not.toContain('state_of_other_adjacency')
  expect(next.chain.known_share).toBe(report.chain.known_after_share)
  const back = reportOf((await correct(scenes[2]!, moved)).folder)
  expect(back.flags).toContain('state_of_other_adjacency')
  expect(back.notes.join()).toContain('holds the ground with light from beside')
  const pool = await openKernelPool({ maxThreads: 2 })
  try {
    const options = { pool, budget: new Budget(2), signal: common.signal }
    // Of before the change nothing is taken over.
    expect(digestOf(await rebuildState([chain[0]!, moved], options))).toBe(digestOf(await readState(moved)))
  } finally {
    await pool.close()
  }
  // A product that is older than the key in the file: its report tells. One of which neither can be read: it is taken as before.
  rmSync(join(moved, 'STATE_days.tif'))
  expect(await stateAdjacency(moved)).toBe(false)
  rmSync(join(moved, 'report.json'))
  expect(await stateAdjacency(moved)).toBe(null)
  await correct(scenes[1]!, chain[0]!)
  await correct(scenes[2]!, chain[1]!)
})

test('a backward start knows the ground from the dates that follow, whatever one of them is broken', async () => {
  const into = temporaryFolder('backward')
  const following = scenes.slice(1)
  const whole = await withChain(scenes[0]!, into, { previous: null, following }, { backward_dates: 2 })
  expect(reportOf(whole.folder).chain).toMatchObject({ mode: 'backward', previous: null })
  expect(reportOf(whole.folder).chain.known_share).toBeGreaterThan(0.7)
  expect(pixelsOf(whole.folder, 'multiTemporal')).toBeGreaterThan(100)
  rmSync(whole.folder, { recursive: true })
  const broken = join(home, 'broken.SAFE')
  cpSync(scenes[2]!, broken, { recursive: true })
  const blue = readdirSync(broken, { recursive: true, encoding: 'utf8' }).find((f) => f.endsWith('_B02.jp2'))!
  truncateSync(join(broken, blue), 1000)
  const inputs = { previous: null, following: [scenes[1]!, broken] }
  // It may still be being copied: then the step is tried again.
  await expect(withChain(scenes[0]!, into, inputs, { mode: 'backward' })).rejects.toMatchObject({
    code: 'PRODUCT_COPYING',
  })
  for (const name of [...readdirSync(broken, { recursive: true, encoding: 'utf8' }), '.'])
    utimesSync(join(broken, name), 1e9, 1e9)
  rmSync(whole.folder, { recursive: true, force: true })
  const part = await withChain(scenes[0]!, into, inputs, { mode: 'backward' })
  const { notes } = reportOf(part.folder)
  expect(notes.join('\n')).toMatch(/broken\.SAFE' was left out of the backward start: [A-Z_]+:/)
  expect(notes.join('\n')).toContain('known from 1 following dates')
})

test('too cloudy a date leaves nothing; what is asked by hand must fit', async () => {
  await expect(correct(scenes[1]!, null, { max_cloud: 5 })).rejects.toMatchObject({ code: 'TOO_CLOUDY' })
  await expect(correct(scenes[1]!, null, { mode: 'nominal' })).rejects.toMatchObject({
    code: 'STATE_MISSING',
  })
  await expect(correct(scenes[0]!, chain[2]!)).rejects.toThrow('expected an age of 0 to 15 days')
  await expect(correct(scenes[2]!, chain[0]!)).rejects.toThrow('found 20')
  await correct(scenes[2]!, chain[0]!, { max_state_age: 20 })
  await correct(scenes[2]!, chain[1]!)
})

test('Landsat scenes go on from what the one before left, forward and backward', async () => {
  const base = { tile: '198030', pixelSizeM: 1920, seed: 3, collection: 2, tar: false } as const
  const out = { outDir: join(home, 'landsat'), platform: 'L8' } as const
  const made: string[] = []
  for (const date of ['2025-05-12', '2025-05-28']) {
    const { productPath } = await simulateLandsat({ ...base, ...out, date })
    made.push((await correct(productPath, made.at(-1) ?? null)).folder)
  }
  const [first, second] = made.map(reportOf)
  // Backward too: the mask of the product is read on its own grid.
  const following = [
    join(
      home,
      'landsat',
      readdirSync(join(home, 'landsat')).find((n) => /_20250528_.*T1$/.test(n))!,
    ),
  ]
  const start = join(
    home,
    'landsat',
    readdirSync(join(home, 'landsat')).find((n) => /_20250512_.*T1$/.test(n))!,
  )
  const backward = await withChain(
    start,
    temporaryFolder('landsat back'),
    { previous: null, following },
    { mode: 'backward' },
  )
  expect(reportOf(backward.folder).chain).toMatchObject({ mode: 'backward' })
  expect(reportOf(backward.folder).chain.known_share).toBeGreaterThan(0.5)
  expect(second?.chain).toMatchObject({ mode: 'nominal', previous: made[0]?.split('/').at(-1) })
  expect(second!.chain.known_share).toBeGreaterThan(0.5)
  expect(first!.chain.known_after_share).toBeGreaterThan(0.5)
})

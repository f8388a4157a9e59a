import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  chmodSync,
  writeFileSync,
} from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { basename, join } from 'node:path'
import { execa } from 'execa'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { archiveLimits } from '../../../src/config/archive-limits.js'
import { MASK_BITS } from '../../../src/domain/mask-bits.js'
import { exportToFolder } from '../../../src/runner/export/export-product.js'
import { runL2aStep } from '../../../src/runner/l2a-step.js'
import { correctToFolder } from '../../../src/runner/l2a/correct-to-folder.js'
import { simulateL1c } from '../../../src/simulator/simulate-l1c.js'
import { compressionOf } from '../../support/cog-check.js'
import { programRoot, temporaryFolder } from '../../support/cli.js'
import { fakeTool, processesWith, type FakeTool } from '../../support/fake-tools.js'
import { readPixels } from '../../support/l2a-product.js'

const home = temporaryFolder('external')
const scratch = join(home, 'scratch')
const toolsFile = join(home, 'external.json')
const signal = new AbortController().signal
const quiet = { onProgress: () => undefined, onNote: () => undefined }
let safe: string
let own: string
let sen2cor: FakeTool
let maja: FakeTool

const common = {
  ...{
    previous: null,
    threads: 2,
    blockSize: 1024,
    force: true,
    codec: 'deflate' as const,
    scratch,
    toolsFile,
  },
  ...{ archiveLimits: archiveLimits({}), ...quiet },
}
const correct = (
  parameters: Readonly<Record<string, unknown>>,
  options: { signal?: AbortSignal; product?: string } = {},
) => correctToFolder({ ...common, product: safe, out: join(home, 'out'), parameters, signal, ...options })

function writeTools(changes: Readonly<Record<string, unknown>> = {}): void {
  const folder = (name: string) => {
    mkdirSync(join(home, name), { recursive: true })
    return join(home, name)
  }
  for (const one of ['GIP_CKEXTL.EEF', 'GIP_L2COMM.EEF']) writeFileSync(join(folder('gipp'), one), '')
  for (const tile of ['31TCJ', '31TDJ'])
    writeFileSync(join(folder('dem'), `S2__TEST_AUX_REFDE2_T${tile}_0001.HDR`), '')
  const tools = {
    sen2cor: { executable: sen2cor.executable, ...changes },
    maja: {
      executable: maja.executable,
      gipp: folder('gipp'),
      dem: folder('dem'),
      user_config: folder('conf'),
      ...changes,
    },
  }
  writeFileSync(toolsFile, JSON.stringify(tools), { mode: 0o644 })
}

beforeAll(async () => {
  sen2cor = fakeTool(home, 'sen2cor')
  maja = fakeTool(home, 'maja')
  const simulated = await simulateL1c({
    ...{ tile: '31TCJ', date: '2025-05-15', pixelSizeM: 600, seed: 3, baseline: '05.11', orbit: 51 },
    ...{ outDir: join(home, 'l1'), withTci: false, cloudCover: 0.3 },
  })
  safe = simulated.safePath
  // What the fakes hand back is our own correction in their layouts: it has to come back as it was.
  own = (
    await correctToFolder({
      ...common,
      product: safe,
      out: join(home, 'own'),
      parameters: { aot: 0.15 },
      signal,
    })
  ).folder
  for (const [layout, tool] of [
    ['sen2cor', sen2cor],
    ['theia', maja],
  ] as const)
    await exportToFolder({
      product: own,
      layout,
      out: tool.product,
      threads: 2,
      codec: 'deflate',
      force: true,
      signal,
      ...quiet,
    })
})
beforeEach(() => {
  writeTools()
  for (const tool of [sen2cor, maja]) tool.behave('good')
})
/** Nothing of a run is left: no process, no folder below scratch, no product that is half made. */
async function expectNothingLeft(): Promise<void> {
  for (let i = 0; i < 1200 && processesWith('987654').length > 0; i++) await wait(50)
  expect(processesWith('987654')).toEqual([])
  expect(existsSync(scratch) ? readdirSync(scratch) : []).toEqual([])
  expect(
    existsSync(join(home, 'out')) ? readdirSync(join(home, 'out')).filter((one) => one.startsWith('.')) : [],
  ).toEqual([])
}
const pixels = (folder: string, file: string) => readPixels(join(folder, file)).pixels

describe('what it made comes into our layout, under our name with its own behind it', () => {
  test('Sen2Cor', async () => {
    process.env['TILTH_TEST_SECRET'] = 'hunter2'
    const made = await correct({ engine: 'sen2cor' })
    delete process.env['TILTH_TEST_SECRET']
    expect(made.name).toBe(`${basename(own)}_SEN2COR`)
    expect(pixels(made.folder, 'B04_sre.tif')).toEqual(
      pixels(own, 'B04_sre.tif').map((v) => (v === -32768 ? v : Math.max(-999, v))),
    )
    expect(pixels(made.folder, 'SCL.tif')).toEqual(pixels(own, 'SCL.tif'))
    const report = JSON.parse(readFileSync(join(made.folder, 'report.json'), 'utf8')) as Record<
      string,
      unknown
    >
    expect(report).toMatchObject({
      processor: { name: 'l2a' },
      inputs: [{ kind: 'S2_L1C', name: basename(safe) }, { kind: 'FOREIGN_L2A' }],
      parameters: {
        engine: { value: 'sen2cor', origin: 'cli' },
        max_cloud: { value: 90, origin: 'default' },
      },
      stages: expect.arrayContaining([expect.objectContaining({ name: 'sen2cor' })]) as unknown,
    })
    // Arguments as they are, one by one: no shell has split the blanks of the folder's name.
    expect(sen2cor.arguments().filter((one) => one.startsWith('--'))).toEqual(['--output_dir', '--work_dir'])
    expect(sen2cor.arguments()).toContain(safe)
    expect(sen2cor.environment().join('\n')).not.toContain('hunter2')
    await expectNothingLeft()
  })

  test('MAJA: its inputs are linked into one folder, elevation of this tile alone', async () => {
    const made = await correct({ engine: 'maja' })
    expect(made.name).toBe(`${basename(own)}_MAJA`)
    expect(pixels(made.folder, 'B8A_sre.tif')).toEqual(pixels(own, 'B8A_sre.tif'))
    const kept = 0xffff & ~((1 << MASK_BITS.sunGlint) | (1 << MASK_BITS.defaultAtmosphere))
    expect(pixels(made.folder, 'MASK.tif')).toEqual(pixels(own, 'MASK.tif').map((v) => v & kept))
    expect(maja.inputs()).toEqual(
      ['GIP_CKEXTL.EEF', 'GIP_L2COMM.EEF', 'S2__TEST_AUX_REFDE2_T31TCJ_0001.HDR', basename(safe)].sort(),
    )
    const given = maja.arguments()
    expect(given.slice(given.indexOf('--mode'))).toEqual([
      '--mode',
      'L2INIT',
      '-ucs',
      join(home, 'conf'),
      '--TileId',
      '31TCJ',
      '--loglevel',
      'INFO',
    ])
    await expectNothingLeft()
  })

  test('as a scheduled step, with provenance and without a place in the chain', async () => {
    const stagingDir = join(home, 'staging')
    const scratchDir = join(home, 'step scratch')
    for (const folder of [stagingDir, scratchDir]) mkdirSync(folder, { recursive: true })
    const { products } = await runL2aStep({
      ...{
        stepId: 1,
        attempt: 1,
        processor: 'l2a',
        stagingDir,
        scratchDir,
        toolsFile,
        blockShrink: 0,
        codec: 'zstd',
        memoryMb: null,
        signal,
      },
      params: { acquisition_id: 7, input: 'l1:x', parameters: { engine: 'maja' } },
      resolvePath: () => safe,
      chain: () => Promise.reject(new Error('an external step asks nothing of its chain')),
      threads: { value: 2, onChange: () => () => undefined },
      progress: () => undefined,
      log: { info: () => undefined, warn: () => undefined },
    })
    expect(products).toMatchObject([
      {
        ...{
          name: `${basename(own)}_MAJA`,
          processor: 'l2a',
          tile: '31TCJ',
          acquisitionId: 7,
          relativeOrbit: 51,
        },
        provenance: { parameters: { engine: 'maja' }, made_by: { name: 'MAJA' } },
      },
    ])
    expect(products[0]).not.toHaveProperty('chain')
    expect(compressionOf(join(products[0]!.folder, 'MASK.tif'))).toBe('ZSTD')
    expect(readdirSync(scratchDir)).toEqual([])
  })
})

describe('it fails as the real ones do', () => {
  test.each([
    ['status', 'EXTERNAL_FAILED', /status 3 .*cannot parse the metadata/],
    ['segv', 'EXTERNAL_FAILED', /signal SIGSEGV/],
    ['killed', 'OUT_OF_MEMORY', /SIGKILL/],
    ['bad_alloc', 'OUT_OF_MEMORY', /bad_alloc/],
    ['full', 'DISK_FULL', /No space left/],
    ['nothing', 'EXTERNAL_FAILED', /no product of tile 31TCJ/],
    ['partial', 'EXTERNAL_FAILED', /not whole: PRODUCT_INCOMPLETE: .*B0?4/],
  ])(
    '%s: %s',
    async (mode, code, message) => {
      for (const [engine, tool] of [
        ['sen2cor', sen2cor],
        ['maja', maja],
      ] as const) {
        tool.behave(mode)
        await expect(correct({ engine })).rejects.toMatchObject({
          code,
          message: expect.stringMatching(message) as unknown,
        })
      }
      await expectNothingLeft()
    },
    60_000,
  )

  test.each([
    ['hang', { time_s: 1 }, /longer than 1 s \(time_s\)/],
    ['flood', { log_mb: 1 }, /more than 1 MiB of log \(log_mb\)/],
    ['disk', { disk_mb: 2 }, /MiB to disk, more than 2 \(disk_mb\)/],
    ['memory', { memory_mb: 100 }, /MiB of memory, more than 100 \(memory_mb\)/],
  ])(
    '%s is ended at its limit, with all that it started',
    async (mode, limits, message) => {
      writeTools(limits)
      for (const [engine, tool] of [
        ['sen2cor', sen2cor],
        ['maja', maja],
      ] as const) {
        tool.behave(mode)
        const started = performance.now()
        await expect(correct({ engine })).rejects.toMatchObject({
          ...{ code: 'EXTERNAL_LIMIT', failure: 'resource' },
          message: expect.stringMatching(message) as unknown,
        })
        expect(performance.now() - started).toBeLessThan(15_000)
      }
      await expectNothingLeft()
    },
    60_000,
  )

  test('what MAJA marks as not valid is never tried again', async () => {
    maja.behave('invalid')
    await expect(correct({ engine: 'maja' })).rejects.toMatchObject({
      code: 'EXTERNAL_REFUSED',
      failure: 'permanent',
    })
  })

  test('what it leaves running when it is done is ended', async () => {
    sen2cor.behave('stragglers')
    await correct({ engine: 'sen2cor' })
    await expectNothingLeft()
  })

  test('a product of another tile or date is refused', async () => {
    const kept = join(home, 'kept')
    cpSync(maja.product, kept, { recursive: true })
    const [name = ''] = readdirSync(maja.product)
    const xml = join(maja.product, name, `${name}_MTD_ALL.xml`)
    const text = readFileSync(xml, 'utf8')
    writeFileSync(xml, text.replace(/<ACQUISITION_DATE>2025-05-15/, '<ACQUISITION_DATE>2025-05-10'))
    await expect(correct({ engine: 'maja' })).rejects.toMatchObject({
      ...{
        code: 'EXTERNAL_FAILED',
        message: expect.stringMatching(/made S2A of tile 31TCJ at 2025-05-10/) as unknown,
      },
    })
    writeFileSync(xml, text)
  })

  test('what it does not heed is refused, not ignored', async () => {
    await expect(correct({ engine: 'sen2cor', nbar: true, aot: 0.2 })).rejects.toMatchObject({
      code: 'BAD_ARGUMENT',
      message: expect.stringMatching(/^nbar, aot: .* found sen2cor, which does not heed them/) as unknown,
    })
    await expectNothingLeft()
  })

  test('cloudier than max_cloud: no product', async () => {
    await expect(correct({ engine: 'sen2cor', max_cloud: 0 })).rejects.toMatchObject({ code: 'TOO_CLOUDY' })
    await expectNothingLeft()
  })

  test('a cancel ends it at once', async () => {
    sen2cor.behave('hang')
    const controller = new AbortController()
    const run = correct({ engine: 'sen2cor' }, { signal: controller.signal })
    for (let i = 0; i < 1200 && processesWith('987654').length === 0; i++) await wait(50)
    expect(processesWith('987654').length).toBeGreaterThan(0)
    controller.abort(new Error('cancelled'))
    await expect(run).rejects.toThrow('cancelled')
    await expectNothingLeft()
  })

  test('it does not outlive us, however we end', async () => {
    sen2cor.behave('hang')
    const child = execa(
      process.execPath,
      [
        join(programRoot, 'dist/src/cli/main.js'),
        'l2a',
        safe,
        '--out',
        join(home, 'killed'),
        '--engine',
        'sen2cor',
      ],
      {
        reject: false,
        env: { TILTH_ROOT: programRoot, TILTH_HOME: join(home, 'killed home'), TILTH_EXTERNAL: toolsFile },
      },
    )
    for (let i = 0; i < 1200 && processesWith('987654').length === 0; i++) await wait(50)
    expect(processesWith('987654').length).toBeGreaterThan(0)
    child.kill('SIGKILL')
    await child
    for (let i = 0; i < 1200 && processesWith('987654').length > 0; i++) await wait(50)
    expect(processesWith('987654')).toEqual([])
    rmSync(join(home, 'killed'), { recursive: true, force: true })
  })
})

describe('what is not there or not right is said before anything runs', () => {
  const refused = (engine: 'sen2cor' | 'maja', message: RegExp) =>
    expect(correct({ engine })).rejects.toMatchObject({
      ...{ code: 'EXTERNAL_UNAVAILABLE', message: expect.stringMatching(message) as unknown },
    })

  test('no file, a file that others may write, mistakes in it, paths that are not there', async () => {
    rmSync(toolsFile)
    await refused('sen2cor', /external\.json' cannot be read/)
    writeTools()
    chmodSync(toolsFile, 0o666)
    await refused('sen2cor', /may be written by its group or by anybody \(mode 666\)/)
    chmodSync(toolsFile, 0o644)
    writeFileSync(toolsFile, '{')
    await refused('maja', /no JSON/)
    writeTools({ executable: 'L2A_Process' })
    await refused('sen2cor', /absolute path/)
    writeTools({ time: 5 })
    await refused('sen2cor', /time/)
    writeTools({ executable: join(home, 'not there') })
    await refused('maja', /not there' \(executable .* may not be run/)
    writeFileSync(toolsFile, '{}')
    await refused('maja', /has no 'maja'/)
    writeTools()
    rmSync(join(home, 'dem', 'S2__TEST_AUX_REFDE2_T31TCJ_0001.HDR'))
    await refused('maja', /no elevation of MAJA for tile 31TCJ/)
    await expectNothingLeft()
  })

  test('a product that they cannot take', async () => {
    const other = join(home, 'no compact name')
    cpSync(safe, other, { recursive: true })
    await expect(correct({ engine: 'sen2cor' }, { product: other })).rejects.toMatchObject({
      code: 'PRODUCT_UNSUPPORTED',
    })
  })
})

import { execFileSync, spawn } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { EXIT } from '../../src/domain/errors.js'
import { simulateL1c } from '../../src/simulator/simulate-l1c.js'
import { programRoot, temporaryFolder, tilth } from '../support/cli.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'
import { eventually, setSetting, stepOf } from '../support/queue.js'
import { L2A_FILES } from '../support/l2a-files.js'
import { imageOf, truncateFile } from '../support/safe-copy.js'

const folder = temporaryFolder('faults')
/** Whole products; what is ingested are copies. */
const whole = join(folder, 'whole')
const databases: TestDatabase[] = []
const unmounts: (() => void)[] = []

afterAll(async () => {
  await Promise.all(databases.map((database) => database.close()))
  for (const unmount of unmounts) unmount()
})

/** A program with a database and a data folder of its own. */
interface Bench {
  readonly db: App['db']
  readonly home: string
  readonly env: Readonly<Record<string, string>>
  /** Runs a command and returns its status, output and log. */
  run(...args: string[]): Promise<{ exitCode: number; stdout: string; stderr: string }>
}

async function openBench(name: string): Promise<Bench> {
  const database = await createTestDatabase()
  databases.push(database)
  const { db } = await database.open()
  const home = join(folder, name)
  mkdirSync(home, { recursive: true })
  const env = { DATABASE_URL: database.url, TILTH_HOME: home }
  await setSetting(db, 'retry.backoff_s', 0)
  await setSetting(db, 'storage.min_free_mb', 0)
  return {
    db,
    home,
    env,
    run: async (...args) => {
      const { exitCode, stdout, stderr } = await tilth(args, env)
      return { exitCode: exitCode ?? -1, stdout: stdout, stderr: stderr }
    },
  }
}

/** The scheduler as a child, so that it can be watched while it runs. */
function up({ env }: Bench) {
  const child = spawn(process.execPath, [join(programRoot, 'dist/src/cli/main.js'), 'up', '--until-idle'], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let log = ''
  child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()))
  const ended = new Promise<number | null>((done) => child.on('close', done))
  return { pid: child.pid, ended, log: () => log }
}

const granuleOf = (safe: string): string => {
  const granules = join(safe, 'GRANULE')
  return join(granules, readdirSync(granules)[0]!)
}

/** Copies a whole product to where it is ingested from, and damages the copy. `age` is how long ago it was last touched, seconds. */
function copyTo(target: string, source: string, damage: (safe: string) => void, age = 3600): void {
  rmSync(target, { recursive: true, force: true })
  cpSync(join(whole, source), target, { recursive: true })
  damage(target)
  touch(target, age)
}

/** Dates everything in a product back: what changed within a minute is taken for being copied. */
function touch(target: string, age: number): void {
  const at = new Date(Date.now() - age * 1000)
  for (const name of [...readdirSync(target, { recursive: true, encoding: 'utf8' }), '.'])
    utimesSync(join(target, name), at, at)
}

/** What is visible in the archive is exactly what rows name, each whole, and nothing waits in staging. */
async function expectTidyArchive({ db, home }: Bench): Promise<void> {
  const archive = join(home, 'archive')
  const rows = await db.selectFrom('product').select('location').execute()
  const visible = readdirSync(archive, { recursive: true, encoding: 'utf8' })
    .filter((path) => !path.startsWith('.'))
    .filter((path) => statSync(join(archive, path)).isFile())
  const folders = [...new Set(visible.map((path) => path.slice(0, path.lastIndexOf('/'))))]
  expect(folders.sort()).toEqual(rows.map(({ location }) => location.replace('archive:', '')).sort())
  for (const path of folders) {
    expect(path).toMatch(/\/r\d+-\d+$/)
    expect(readdirSync(join(archive, path)).sort()).toEqual(L2A_FILES)
  }
  if (existsSync(join(archive, '.staging'))) expect(readdirSync(join(archive, '.staging'))).toEqual([])
}

const acquisitionsOf = ({ db }: Bench) =>
  db
    .selectFrom('acquisition')
    .select(['id', 'state', 'reason_code', 'reason', 'tile', 'identity'])
    .orderBy('id')
    .execute()

const SOURCES = {
  good: { tile: '31TCJ', date: '2025-04-10', baseline: '05.11', pixelSizeM: 240 },
  cutLater: { tile: '31TDJ', date: '2025-04-10', baseline: '05.11', pixelSizeM: 720 },
  cut: { tile: '31TCJ', date: '2025-06-14', baseline: '02.09', pixelSizeM: 720 },
  noTileXml: { tile: '31TDJ', date: '2025-06-14', baseline: '05.11', pixelSizeM: 720 },
  noXml: { tile: '31TCJ', date: '2025-08-18', baseline: '05.11', pixelSizeM: 720 },
  copying: { tile: '31TDJ', date: '2025-08-18', baseline: '05.11', pixelSizeM: 720 },
} as const
type Name = keyof typeof SOURCES

beforeAll(async () => {
  for (const [name, options] of Object.entries(SOURCES)) {
    const made = await simulateL1c({ ...options, outDir: join(folder, 'made'), seed: 3 })
    cpSync(made.safePath, join(whole, name), { recursive: true })
  }
})

describe('products of two tiles, most of them broken', () => {
  let bench: Bench
  let incoming: string
  const place = (name: Name, damage: (safe: string) => void = () => undefined, age?: number) => {
    copyTo(join(incoming, `${name}.SAFE`), name, damage, age)
  }
  const tileXml = (safe: string) => join(granuleOf(safe), 'MTD_TL.xml')

  beforeAll(async () => {
    bench = await openBench('broken ones')
    incoming = join(bench.home, 'incoming')
    place('good')
    place('cutLater')
    place('cut', (safe) => {
      truncateFile(imageOf(granuleOf(safe), 'B04'), 0.6)
    })
    place('noTileXml', (safe) => {
      rmSync(tileXml(safe))
    })
    place('noXml', (safe) => {
      writeFileSync(tileXml(safe), '{ "this": "is no XML" }\n')
    })
    const stillMissing = (safe: string) => {
      rmSync(imageOf(granuleOf(safe), 'B12'))
    }
    place('copying', stillMissing, 1)
  })

  test('two processes that ingest the same product at once make one row', async () => {
    const good = join(incoming, 'good.SAFE')
    const both = await Promise.all([bench.run('ingest', good, '--json'), bench.run('ingest', good, '--json')])
    expect(both.map((one) => one.exitCode)).toEqual([0, 0])
    const isNew = both.map((one) => (JSON.parse(one.stdout) as { isNew: boolean }[])[0]?.isNew)
    expect(isNew.filter(Boolean)).toHaveLength(1)
    expect(await acquisitionsOf(bench)).toHaveLength(1)
  })

  test('each is recorded with a named error; the others are present', async () => {
    const alone = await bench.run('ingest', join(incoming, 'copying.SAFE'))
    expect(alone.exitCode).toBe(EXIT.temporary)
    const all = await bench.run('ingest', incoming, '--json')
    expect(all.exitCode, all.stderr).toBe(EXIT.data)
    const outcomes = JSON.parse(all.stdout) as {
      path: string
      kind: string
      code?: string
      reason?: string
    }[]
    const said = Object.fromEntries(
      outcomes.map(({ path, kind, code }) => [path.replace(/.*\/|\.SAFE$/g, ''), code ?? kind]),
    )
    expect(said).toEqual({
      good: 'present',
      cutLater: 'present',
      cut: 'RASTER_UNREADABLE',
      noTileXml: 'PRODUCT_INCOMPLETE',
      noXml: 'METADATA_INVALID',
      copying: 'PRODUCT_COPYING',
    })
    const rows = await acquisitionsOf(bench)
    expect(rows.map(({ state, reason_code }) => `${state} ${reason_code ?? ''}`.trim()).sort()).toEqual([
      'broken METADATA_INVALID',
      'broken PRODUCT_INCOMPLETE',
      'broken RASTER_UNREADABLE',
      'found PRODUCT_COPYING',
      'present',
      'present',
    ])
    const reasonOf = (code: string) => rows.find((row) => row.reason_code === code)?.reason
    expect(reasonOf('PRODUCT_INCOMPLETE')).toContain('MTD_TL.xml')
    expect(reasonOf('RASTER_UNREADABLE')).toContain('_B04.jp2')
    expect(reasonOf('METADATA_INVALID')).toContain('MTD_TL.xml')
  })

  test('an image cut after its ingest fails its own step; the other tile is made', async () => {
    const polygon = join(bench.home, 'site.geojson')
    const ring = [1.76, 1.86].flatMap((lon) => [43.71, 43.79].map((lat) => [lon, lat]))
    const [a, b, d, c] = ring
    writeFileSync(polygon, JSON.stringify({ type: 'Polygon', coordinates: [[a, d, c, b, a]] }))
    const added = await bench.run('site', 'add', polygon, '--name', 'Both')
    expect(added.exitCode, added.stderr).toBe(0)
    expect((await bench.run('tiles', 'set', 'both', '--only', '31TCJ', '31TDJ')).exitCode).toBe(0)
    const cut = join(incoming, 'cutLater.SAFE')
    truncateFile(imageOf(granuleOf(cut), 'B05'), 0.6)
    touch(cut, 3600)
    const planned = await bench.run('process', '--site', 'both')
    expect(planned.stdout).toContain('2 steps')
    const ended = await bench.run('up', '--until-idle')
    expect(ended.exitCode, ended.stderr).toBe(0)
    const steps = await bench.db
      .selectFrom('step')
      .innerJoin('task', 'task.id', 'step.task_id')
      .select(['task.tile', 'state', 'failures', 'error_code', 'error_class', 'error_message'])
      .orderBy('task.tile')
      .execute()
    expect(steps).toMatchObject([
      { tile: '31TCJ', state: 'succeeded', failures: 0, error_code: null },
      // Permanent: not tried a second time.
      {
        tile: '31TDJ',
        state: 'failed',
        failures: 1,
        error_code: 'RASTER_UNREADABLE',
        error_class: 'permanent',
      },
    ])
    expect(steps[1]?.error_message).toContain('_B05.jp2')
    expect(await bench.db.selectFrom('product').select('tile').execute()).toEqual([{ tile: '31TCJ' }])
    await expectTidyArchive(bench)
    const alone = await bench.run('l2a', cut, '--out', join(bench.home, 'out'))
    expect(alone.exitCode).toBe(EXIT.data)
    expect(alone.stderr).toContain('RASTER_UNREADABLE')
    expect(readdirSync(join(bench.home, 'out'))).toEqual([])
  })

  test('repaired and ingested again they are healed, and the next job makes their products', async () => {
    for (const name of Object.keys(SOURCES) as Name[]) place(name)
    const again = await bench.run('ingest', incoming)
    expect(again.exitCode, again.stdout).toBe(0)
    const rows = await acquisitionsOf(bench)
    expect(rows.map((row) => row.state)).toEqual(rows.map(() => 'present'))
    expect(rows).toHaveLength(6)
    const planned = await bench.run('process', '--site', 'both')
    expect(planned.stdout).toContain('5 steps')
    const ended = await bench.run('up', '--until-idle')
    expect(ended.exitCode, ended.stderr).toBe(0)
    expect(await bench.db.selectFrom('product').select('id').execute()).toHaveLength(6)
    await expectTidyArchive(bench)
  })

  test('a step process killed with -9 while it writes is tried again, and the product appears once', async () => {
    const { id } = (await acquisitionsOf(bench)).find(
      (row) => row.state === 'present' && row.tile === '31TCJ',
    )!
    const planned = await bench.run('process', '--acquisition', String(id), '--aot', '0.3', '--json')
    const [stepId] = (JSON.parse(planned.stdout) as { stepIds: number[] }).stepIds
    const scheduler = up(bench)
    const staging = join(bench.home, 'archive', '.staging', `${stepId}-1`)
    await eventually(
      () =>
        Promise.resolve(
          existsSync(staging) &&
            readdirSync(staging, { recursive: true, encoding: 'utf8' }).some((name) => name.includes('_sre')),
        ),
      'the step writes bands',
    )
    const { state, pid } = await stepOf(bench.db, stepId!)
    expect(state).toBe('running')
    expect(pid).not.toBe(scheduler.pid)
    expect(pid).not.toBeNull()
    process.kill(pid!, 'SIGKILL')
    expect(await scheduler.ended, scheduler.log()).toBe(0)
    expect(scheduler.log()).toContain('STEP_KILLED')
    expect(await stepOf(bench.db, stepId!)).toMatchObject({ state: 'succeeded', attempt: 2, failures: 1 })
    const products = await bench.db
      .selectFrom('product')
      .select(['location', 'attempt'])
      .where('step_id', '=', stepId!)
      .execute()
    expect(products).toHaveLength(1)
    expect(products[0]?.location).toMatch(new RegExp(`/r${stepId}-2$`))
    expect(await bench.db.selectFrom('product').select('id').execute()).toHaveLength(6)
  })
})

/** A small file system of its own, or null where this user may not mount. */
function mountTmpfs(at: string, size: string): { resize(size: string): void } | null {
  mkdirSync(at, { recursive: true })
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tilth-test', at], { stdio: 'ignore' })
  } catch {
    return null
  }
  unmounts.push(() => {
    execFileSync('umount', ['-l', at])
  })
  return {
    resize: (larger) => {
      execFileSync('mount', ['-o', `remount,size=${larger}`, at])
    },
  }
}

const home = join(folder, 'full disk')
const archiveDisk = mountTmpfs(join(home, 'archive'), '400k')

describe.skipIf(archiveDisk === null)('a full disk (needs the right to mount a tmpfs)', () => {
  test('`tilth l2a` ends with DISK_FULL and leaves nothing', async () => {
    const out = join(folder, 'small disk')
    expect(mountTmpfs(out, '300k')).not.toBeNull()
    const result = await tilth(['l2a', join(whole, 'good'), '--out', out, '--quiet'])
    expect(result.exitCode, result.stderr).toBe(EXIT.io)
    expect(result.stderr).toContain('error DISK_FULL')
    expect(readdirSync(out)).toEqual([])
  })

  test('a step that fills the archive is tried again later, and succeeds once there is space', async () => {
    const bench = await openBench('full disk')
    await setSetting(bench.db, 'retry.backoff_s', 4)
    expect((await bench.run('ingest', join(whole, 'good'))).exitCode).toBe(0)
    const [{ id } = { id: 0 }] = await acquisitionsOf(bench)
    const planned = await bench.run('process', '--acquisition', String(id), '--json')
    const [stepId] = (JSON.parse(planned.stdout) as { stepIds: number[] }).stepIds
    const scheduler = up(bench)
    const failed = await eventually(async () => {
      const step = await stepOf(bench.db, stepId!)
      return step.failures > 0 ? step : undefined
    }, 'the disk runs full')
    expect(failed).toMatchObject({
      state: 'ready',
      failures: 1,
      error_code: 'DISK_FULL',
      error_class: 'resource',
    })
    expect(new Date(failed.ready_at).getTime()).toBeGreaterThan(Date.now())
    expect(await bench.db.selectFrom('product').select('id').execute()).toEqual([])
    await eventually(
      () => Promise.resolve(!existsSync(join(home, 'archive', '.staging', `${stepId!}-1`))),
      'what was half-written is removed',
    )
    archiveDisk?.resize('64m')
    expect(await scheduler.ended, scheduler.log()).toBe(0)
    expect(await stepOf(bench.db, stepId!)).toMatchObject({ state: 'succeeded', attempt: 2, failures: 1 })
    await expectTidyArchive(bench)
    const [{ location } = { location: '' }] = await bench.db
      .selectFrom('product')
      .select('location')
      .execute()
    const report = join(home, 'archive', location.replace('archive:', ''), 'report.json')
    expect(readFileSync(report, 'utf8')).toContain('valid_share')
  })
})

import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { execa } from 'execa'
import type { App } from '../../src/app.js'
import { createLocalScheduler } from '../../src/cli/run-scheduler.js'
import { loadConfig } from '../../src/config/config.js'
import { insertJob } from '../../src/db/jobs/insert-job.js'

const quiet = { info: () => undefined, warn: () => undefined }
const NOOP = join(loadConfig({}).programRoot, 'dist', 'bench', 'scheduler', 'noop-processor.js')

/** Milliseconds from the acknowledged commit of a ready step to the call of its processor in the step process. */
async function startOne(app: App, record: string): Promise<number> {
  rmSync(record, { force: true })
  await insertJob(app.db, {
    processor: 'l2a',
    siteId: null,
    params: {},
    priority: 100,
    createdBy: 'bench',
    tasks: [{ tile: '31TCJ', acquisitionId: null, params: { record }, memoryMb: 64, cpu: 1 }],
  })
  const committed = process.hrtime.bigint()
  const deadline = performance.now() + 60_000
  // The processor writes the file in one go, but a reader may come between opening and writing.
  while (!existsSync(record) || readFileSync(record, 'utf8') === '') {
    if (performance.now() > deadline) throw new Error(`The step did not start within 60 s (${record}).`)
    // The scheduler under test shares this process: looking often would hold it up. The time stands in the file.
    await wait(20)
  }
  const ms = Number(BigInt(readFileSync(record, 'utf8')) - committed) / 1e6
  while ((await app.db.selectFrom('job').select('id').where('state', '=', 'active').execute()).length > 0)
    await wait(5)
  return ms
}

/** Latencies in ms, each with the scheduler idle before: `warm` with a step process waiting, `cold` with none. */
export async function measureLatency(
  app: App,
  counts: { readonly warm: number; readonly cold: number },
): Promise<{ warm: number[]; cold: number[] }> {
  process.env['TILTH_TEST_PROCESSOR'] = NOOP
  const record = join(app.config.home, 'called-at')
  const warm: number[] = []
  const cold: number[] = []
  const withScheduler = async (work: () => Promise<void>): Promise<void> => {
    const scheduler = createLocalScheduler(app, quiet)
    const running = scheduler.run({ untilIdle: false })
    try {
      await wait(500)
      await work()
    } finally {
      scheduler.drain()
      await running
    }
  }
  try {
    for (let i = 0; i < counts.cold; i++)
      await withScheduler(async () => {
        cold.push(await startOne(app, record))
      })
    await withScheduler(async () => {
      await startOne(app, record)
      for (let i = 0; i < counts.warm; i++) {
        await wait(50)
        warm.push(await startOne(app, record))
      }
    })
  } finally {
    delete process.env['TILTH_TEST_PROCESSOR']
  }
  return { warm, cold }
}

/** Peak resident memory in MB of `tilth up` alone, working for `seconds` on the queue as it stands. */
export async function measureMemory(app: App, url: string, seconds: number): Promise<number> {
  const main = join(app.config.programRoot, 'dist', 'src', 'cli', 'main.js')
  const child = execa(process.execPath, [main, 'up'], {
    env: { DATABASE_URL: url, TILTH_HOME: app.config.home, TILTH_TEST_PROCESSOR: NOOP },
    stdio: 'ignore',
    reject: false,
  })
  await wait(seconds * 1000)
  const status = readFileSync(`/proc/${String(child.pid)}/status`, 'utf8')
  child.kill('SIGTERM')
  await child
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? NaN) / 1024
}

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { chmod } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { openApp, type App } from '../src/app.js'
import { setSetting } from '../src/catalog/settings.js'
import { ProgressLine } from '../src/cli/progress-line.js'
import { createSlurmScheduler } from '../src/cli/run-scheduler.js'
import { loadConfig } from '../src/config/config.js'
import { insertJob } from '../src/db/jobs/insert-job.js'
import { ProcessingError } from '../src/domain/errors.js'
import { median } from './process-tree.js'
import { slurmObstacle, startSlurm, type SlurmCluster } from './slurm/cluster.js'
import { overTcp } from './slurm/tcp-database.js'

export interface SlurmBenchOptions {
  readonly rounds: number
  readonly steps: number
  readonly showProgress: boolean
}

export interface SlurmBenchResult {
  readonly steps: number
  readonly rounds: number
  /** Medians, seconds. From sbatch to the last end in the completion log: one element of a bare array for each step, `node -e 0`. */
  readonly bareS: number
  /** From the insertion of the steps to their last end in the database and to the last end of an element, whichever is later. */
  readonly firstS: number
  /** The same once durations of such steps are known. */
  readonly laterS: number
  /** Elements that carried the steps, first and later. */
  readonly elements: readonly [number, number]
  readonly ratioFirst: number
  readonly ratioLater: number
  readonly goal: number
}

/** Loaded by step processes, so the built one also where this file runs from its source. */
const NOOP = join(loadConfig({}).programRoot, 'dist', 'bench', 'scheduler', 'noop-processor.js')

/** Times the bare array. */
const GOAL = 1.5

/** No-op steps through the queue and a real Slurm on this host, beside a bare array of as many elements. True where both ratios keep the goal. */
export async function run(options: SlurmBenchOptions, json: boolean): Promise<boolean> {
  const result = await measureSlurm(options)
  const isMet = Math.max(result.ratioFirst, result.ratioLater) <= GOAL
  if (json) console.log(JSON.stringify(result, null, 2))
  else {
    const s = (seconds: number) => `${seconds.toFixed(1)} s`
    console.log(
      `${result.steps} steps, medians of ${result.rounds} interleaved rounds, 3 nodes of 2 CPUs on this host`,
    )
    console.log(`bare array, an element each:     ${s(result.bareS)}`)
    console.log(
      `steps, durations not known yet:  ${s(result.firstS)}  ${result.ratioFirst.toFixed(2)} x, ${result.elements[0]} elements`,
    )
    console.log(
      `steps, durations known:          ${s(result.laterS)}  ${result.ratioLater.toFixed(2)} x, ${result.elements[1]} elements`,
    )
    console.log(`goal <= ${GOAL} x: ${isMet ? 'kept' : 'missed'}`)
  }
  return isMet
}

export async function measureSlurm({
  rounds,
  steps,
  showProgress,
}: SlurmBenchOptions): Promise<SlurmBenchResult> {
  const obstacle = slurmObstacle()
  if (obstacle !== null)
    throw new ProcessingError('SLURM_UNAVAILABLE', `This benchmark starts a Slurm of its own: ${obstacle}.`)
  const progress = new ProgressLine(showProgress)
  const home = mkdtempSync(join(tmpdir(), 'tilth-slurm-bench-'))
  // As root the database server runs as another user, who must be able to enter.
  await chmod(home, 0o755)
  const keeper = await openApp({ config: loadConfig({ TILTH_HOME: home }) })
  const tcp = await overTcp(keeper.databaseUrl)
  const cluster = await startSlurm()
  process.env['SLURM_CONF'] = cluster.conf
  process.env['TILTH_TEST_PROCESSOR'] = NOOP
  const app = await openApp({ config: loadConfig({ TILTH_HOME: home, DATABASE_URL: tcp.url }) })
  try {
    for (const [key, value] of Object.entries({
      'executor.kind': 'slurm',
      'processor.l2a.tile_threads_hint': '1',
      'storage.min_free_mb': '0',
    } as const))
      await setSetting(app.db, key, value, { site: null, by: 'bench' })
    const scheduler = await createSlurmScheduler(app, {
      info: () => undefined,
      warn: (text) => {
        progress.note(text)
      },
    })
    const running = scheduler.run({ untilIdle: false })
    const times: Record<'bare' | 'first' | 'later', { s: number; elements: number }[]> = {
      bare: [],
      first: [],
      later: [],
    }
    for (let round = 0; round < rounds; round++) {
      progress.show((3 * round) / (3 * rounds), 'a bare array')
      times.bare.push({ s: await timeBare(cluster, home, steps), elements: steps })
      for (const kind of ['first', 'later'] as const) {
        progress.show((3 * round + (kind === 'first' ? 1 : 2)) / (3 * rounds), 'steps')
        times[kind].push(await timeSteps(app, cluster, steps, `noop-${round}`))
      }
    }
    scheduler.abort()
    await running
    const [bareS, firstS, laterS] = (['bare', 'first', 'later'] as const).map((kind) =>
      median(times[kind].map(({ s }) => s)),
    ) as [number, number, number]
    const elements = (['first', 'later'] as const).map((kind) =>
      median(times[kind].map((one) => one.elements)),
    ) as [number, number]
    return {
      steps,
      rounds,
      bareS,
      firstS,
      laterS,
      elements,
      ratioFirst: firstS / bareS,
      ratioLater: laterS / bareS,
      goal: GOAL,
    }
  } finally {
    await cluster.stop()
    await app.close()
    await tcp.close()
    await keeper.close()
    rmSync(home, { recursive: true, force: true })
  }
}

async function timeBare(cluster: SlurmCluster, home: string, count: number): Promise<number> {
  const script = join(home, 'bare.sh')
  writeFileSync(script, `#!/bin/sh\nexec '${process.execPath}' -e 0\n`)
  const before = endedElements(cluster)
  const started = performance.now()
  await cluster.run(
    'sbatch',
    '--parsable',
    `--array=0-${count - 1}`,
    '--mem=100M',
    '--output=/dev/null',
    '--chdir=/',
    script,
  )
  while (endedElements(cluster) < before + count) await wait(50)
  return (performance.now() - started) / 1000
}

async function timeSteps(
  app: App,
  cluster: SlurmCluster,
  count: number,
  sizeClass: string,
): Promise<{ s: number; elements: number }> {
  const before = endedElements(cluster)
  const started = performance.now()
  const { id, stepIds } = await insertJob(app.db, {
    ...{ processor: 'l2a', siteId: null, params: {}, priority: 100, createdBy: 'bench' },
    tasks: Array.from({ length: count }, () => ({
      ...{ tile: '31TCJ', acquisitionId: null, params: {}, memoryMb: 64, cpu: 1, sizeClass },
    })),
  })
  const state = async () =>
    (await app.db.selectFrom('job').select('state').where('id', '=', id).executeTakeFirstOrThrow()).state
  while ((await state()) === 'active') await wait(50)
  const found = await app.db
    .selectFrom('slurm_load')
    .select(['batch_id', 'element'])
    .distinct()
    .where('step_id', 'in', stepIds)
    .execute()
  while (endedElements(cluster) < before + found.length) await wait(50)
  const s = (performance.now() - started) / 1000
  if ((await state()) !== 'succeeded')
    throw new ProcessingError('INTERNAL', `The job of ${count} no-op steps ended as ${await state()}.`)
  return { s, elements: found.length }
}

/** Lines of the completion log: one for each element that has ended. */
function endedElements({ folder }: SlurmCluster): number {
  try {
    return readFileSync(join(folder, 'jobcomp.txt'), 'utf8').split('\n').length - 1
  } catch {
    return 0
  }
}

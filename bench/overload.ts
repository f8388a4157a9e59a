import { execFileSync, spawn } from 'node:child_process'
import { closeSync, fsyncSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { chmod } from 'node:fs/promises'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { openApp, type App } from '../src/app.js'
import { setSetting } from '../src/catalog/settings.js'
import { ProgressLine } from '../src/cli/progress-line.js'
import { mainProgram } from '../src/cli/run-scheduler.js'
import { loadConfig } from '../src/config/config.js'
import { insertJob } from '../src/db/jobs/insert-job.js'
import { cancelSteps } from '../src/db/steps/change-steps.js'
import { makeCold, makeLimitedGroup, type LimitedGroup } from './overload/limited-group.js'
import { median } from './process-tree.js'

export interface OverloadBenchOptions {
  readonly rounds: number
  /** Steps of a job, each with a file of its own among `SLOTS` of them. */
  readonly steps: number
  /** Of the control group: processes with their page cache, MiB. */
  readonly memoryMb: number
  /** MiB/s from the disk. */
  readonly readMbS: number
  /** Of the file of a step, MiB. */
  readonly fileMb: number
  /** Walks over it. */
  readonly walks: number
  /** What a step holds besides, MiB. */
  readonly holdMb: number
  /** Fixed numbers of steps at once, of which the best is the measure. */
  readonly fixed: readonly number[]
  /** Where the files lie: on the disk whose reads are limited. */
  readonly dir: string | null
  readonly showProgress: boolean
}

export interface OverloadCase {
  /** Null: with our admission. */
  readonly fixed: number | null
  /** Median of the rounds, steps a minute. */
  readonly stepsAMinute: number
  /** In all rounds: steps that were ended before their job was done, and processes killed for lack of memory. */
  readonly unfinished: number
  readonly kills: number
}

export type OverloadBenchResult =
  | { readonly skipped: string }
  | {
      readonly skipped: null
      readonly cases: readonly OverloadCase[]
      /** Ours over the best fixed number, by their medians. */
      readonly ratio: number
      readonly best: number
      /** Of all at once. */
      readonly collapsed: number
      /** Mean of runnable tasks on this machine, of one minute, when it began and when it ended, 1. */
      readonly load: readonly [number, number]
    }

/** Slots that the host claims to have: steps are eager, and all of them may start. */
export const SLOTS = 16
export const GOAL = 0.9
/** A case is ended after so many times the time of the best one so far. */
const PATIENCE = 2.5
/** What a step process needs by itself, MiB. */
const PROCESS_MB = 64

/**
 * Eager steps in a control group with too little memory and a slow disk: by fixed numbers at once with nothing else that holds them back, and with our
 * admission as it is by default. Rounds are interleaved. Skipped, with the reason, where such limits cannot be set or do not hold.
 */
export async function measureOverload(options: OverloadBenchOptions): Promise<OverloadBenchResult> {
  const base = options.dir ?? join(tmpdir(), 'tilth-bench')
  mkdirSync(base, { recursive: true })
  const files = mkdtempSync(join(base, 'overload-files-'))
  const group = makeLimitedGroup(`tilth-overload-${process.pid}`, { ...options, folder: files })
  if (typeof group === 'string') {
    rmSync(files, { recursive: true })
    return { skipped: group }
  }
  const progress = new ProgressLine(options.showProgress)
  const home = mkdtempSync(join(tmpdir(), 'tilth-bench-overload-'))
  // As root the database server runs as another user, who must be able to enter.
  await chmod(home, 0o755)
  const loadBefore = loadavg()[0] ?? NaN
  let app: App | undefined
  try {
    progress.show(0, 'writing files')
    const paths = Array.from({ length: SLOTS }, (_, i) => writeFile(join(files, `${i}`), i, options.fileMb))
    const obstacle = whyNotSlow(group, paths, options)
    if (obstacle !== null) return { skipped: obstacle }
    app = await openApp({ config: loadConfig({ TILTH_HOME: home }) })
    const cases = [...options.fixed, null].map((fixed) => ({ fixed, rounds: [] as Round[] }))
    let bestS = Infinity
    for (let round = 0; round < options.rounds; round++)
      for (const [i, measured] of cases.entries()) {
        const name = measured.fixed === null ? 'our admission' : `${measured.fixed} at once`
        progress.show(
          (round * cases.length + i) / (options.rounds * cases.length),
          `round ${round + 1}: ${name}`,
        )
        const done = await runCase(app, group, {
          ...options,
          paths,
          fixed: measured.fixed,
          withinS: bestS * PATIENCE,
        })
        measured.rounds.push(done)
        if (done.unfinished === 0) bestS = Math.min(bestS, done.seconds)
      }
    progress.show(1, 'done')
    const told = cases.map(({ fixed, rounds }): OverloadCase => ({
      fixed,
      stepsAMinute: median(rounds.map(({ ended, seconds }) => (60 * ended) / seconds)),
      unfinished: rounds.reduce((sum, { unfinished }) => sum + unfinished, 0),
      kills: rounds.reduce((sum, { kills }) => sum + kills, 0),
    }))
    const ours = told.find(({ fixed }) => fixed === null)?.stepsAMinute ?? NaN
    const others = told.filter(({ fixed }) => fixed !== null).map(({ stepsAMinute }) => stepsAMinute)
    const best = Math.max(...others)
    return {
      ...{ skipped: null, cases: told, ratio: ours / best, best, collapsed: others.at(-1) ?? NaN },
      load: [loadBefore, loadavg()[0] ?? NaN],
    }
  } finally {
    progress.end()
    await app?.close()
    for (const folder of [home, files]) rmSync(folder, { recursive: true, force: true })
    group.remove()
  }
}

function writeFile(path: string, value: number, sizeMb: number): string {
  const file = openSync(path, 'w')
  const chunk = Buffer.alloc(2 ** 20, value)
  for (let i = 0; i < sizeMb; i++) writeSync(file, chunk)
  fsyncSync(file)
  closeSync(file)
  return path
}

/** Enters the group before it becomes the program: nothing of it is ever outside. */
const within = (group: LimitedGroup, command: readonly string[]): readonly [string, readonly string[]] => [
  'sh',
  [
    '-c',
    `for door in "$@"; do [ "$door" = -- ] && break; echo $$ > "$door" || exit 71; shift; done; shift; exec "$@"`,
    'sh',
    ...group.doors,
    '--',
    ...command,
  ],
]

/** In words, where cold files are read in the group faster than its limit says; null: it holds. */
function whyNotSlow(
  group: LimitedGroup,
  paths: readonly string[],
  { fileMb, readMbS }: OverloadBenchOptions,
): string | null {
  for (const path of paths) makeCold(path)
  // The first half second of a limit may pass at once.
  const read = paths.slice(0, Math.max(1, Math.ceil((3 * readMbS) / fileMb)))
  const begun = performance.now()
  const [command, args] = within(group, ['cat', ...read])
  execFileSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'] })
  const rate = (read.length * fileMb) / ((performance.now() - begun) / 1000)
  return rate <= 1.5 * readMbS
    ? null
    : `a control group that is limited to ${readMbS} MiB/s read ${rate.toFixed(0)} MiB/s`
}

interface Round {
  readonly seconds: number
  readonly ended: number
  readonly unfinished: number
  readonly kills: number
}

interface CaseOptions extends Omit<OverloadBenchOptions, 'fixed'> {
  readonly paths: readonly string[]
  /** Null: our admission. */
  readonly fixed: number | null
  readonly withinS: number
}

async function runCase(app: App, group: LimitedGroup, options: CaseOptions): Promise<Round> {
  const { db, config, databaseUrl } = app
  const isOurs = options.fixed === null
  for (const [key, value] of Object.entries({
    'executor.cpu_slots': SLOTS,
    'processor.l2a.max_parallelism': options.fixed ?? SLOTS,
    'storage.min_free_mb': 0,
    'limits.memory_factor': 0,
    // Whatever was learned in a case before is not known to the next one.
    'resources.learn': false,
  }))
    await setSetting(db, key, String(value), { site: null, by: 'bench' })
  const off = {
    'pressure.memory_percent': 0,
    'pressure.io_percent': 0,
    'executor.memory_mb': 1_000_000,
    'executor.memory_reserve_mb': 0,
  }
  for (const [key, value] of Object.entries(off))
    if (isOurs) await db.deleteFrom('setting').where('key', '=', key).execute()
    else await setSetting(db, key, String(value), { site: null, by: 'bench' })
  for (const path of options.paths) makeCold(path)
  const killsBefore = group.countKills()
  const { id } = await insertJob(db, {
    ...{ processor: 'l2a', siteId: null, params: {}, priority: 100, createdBy: 'bench' },
    tasks: Array.from({ length: options.steps }, (_, i) => ({
      tile: '31TCJ',
      acquisitionId: null,
      params: {
        file: options.paths[i % SLOTS] ?? '',
        value: i % SLOTS,
        walks: options.walks,
        holdMb: options.holdMb,
      },
      memoryMb: PROCESS_MB + options.holdMb,
      cpu: 1,
    })),
  })
  const [command, args] = within(group, [process.execPath, mainProgram(config), 'up', '--until-idle'])
  const child = spawn(command, args, {
    env: {
      ...process.env,
      DATABASE_URL: databaseUrl,
      TILTH_HOME: config.home,
      TILTH_TEST_PROCESSOR: join(config.programRoot, 'dist', 'bench', 'overload', 'eager-processor.js'),
    },
    stdio: 'ignore',
  })
  const ended = new Promise<void>((resolve) =>
    child.on('close', () => {
      resolve()
    }),
  )
  const deadline = performance.now() + (options.withinS + 10) * 1000
  while (child.exitCode === null && child.signalCode === null && performance.now() < deadline)
    await Promise.race([ended, wait(500)])
  const times = await readTimes(db, id)
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
  await ended
  if (times.ended < options.steps) await cancelSteps(db, { job: id })
  return { ...times, unfinished: options.steps - times.ended, kills: group.countKills() - killsBefore }
}

/** From the first claim to the last end, or to now while steps are open. */
async function readTimes(db: App['db'], jobId: number): Promise<{ seconds: number; ended: number }> {
  const steps = await db
    .selectFrom('step')
    .select(['state', 'started_at', 'ended_at'])
    .where('job_id', '=', jobId)
    .execute()
  const begun = Math.min(...steps.flatMap(({ started_at }) => started_at?.getTime() ?? []))
  const done = steps.filter(({ state }) => state === 'succeeded')
  const last =
    done.length === steps.length
      ? Math.max(...done.map(({ ended_at }) => ended_at?.getTime() ?? 0))
      : Date.now()
  return { seconds: (last - begun) / 1000, ended: done.length }
}

/** Prints the table, or with `json` the result; false where the goal is missed. What is skipped is no failure, and says why. */
export async function run(options: OverloadBenchOptions, json: boolean): Promise<boolean> {
  const result = await measureOverload(options)
  if (json) console.log(JSON.stringify(result, null, 2))
  else if (result.skipped !== null) console.log(`skipped: ${result.skipped}`)
  else {
    const { memoryMb, readMbS, fileMb, walks, holdMb, steps, rounds } = options
    console.log(
      `${steps} steps that hold ${holdMb} MiB and walk a file of ${fileMb} MiB ${walks} times, ${SLOTS} slots, in ${memoryMb} MiB with ${readMbS} MiB/s from the disk; ` +
        `medians of ${rounds} rounds; load of the machine ${result.load.map((l) => l.toFixed(1)).join(' to ')}\n`,
    )
    for (const { fixed, stepsAMinute, unfinished, kills } of result.cases)
      console.log(
        `${fixed === null ? 'our admission' : `${fixed} at once`.padStart(13)}: ${stepsAMinute.toFixed(1)} steps/min, ${(stepsAMinute / result.best).toFixed(2)} of the best, ` +
          `${kills} killed for lack of memory, ${unfinished} steps given up`,
      )
    console.log(`\ngoal >= ${GOAL} of the best and none killed: ${isKept(result) ? 'met' : 'MISSED'}`)
  }
  return result.skipped !== null || isKept(result)
}

const isKept = ({
  ratio,
  cases,
}: {
  readonly ratio: number
  readonly cases: readonly OverloadCase[]
}): boolean =>
  ratio >= GOAL &&
  cases.every(({ fixed, kills, unfinished }) => fixed !== null || (kills === 0 && unfinished === 0))

import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { chmod } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openApp, type App } from '../src/app.js'
import { ingestPaths, listAcquisitions } from '../src/catalog/ingest.js'
import { setSetting } from '../src/catalog/settings.js'
import { ProgressLine } from '../src/cli/progress-line.js'
import { createLocalScheduler } from '../src/cli/run-scheduler.js'
import { loadConfig } from '../src/config/config.js'
import { createL2aJob } from '../src/scheduler/create-l2a-job.js'
import { readJobReport } from '../src/scheduler/job-report/read-job-report.js'
import { simulateL1c } from '../src/simulator/simulate-l1c.js'
import { busyCpuSeconds, median } from './process-tree.js'

export interface TailBenchOptions {
  readonly rounds: number
  /** Tiles of a job, 2 to 9. The goals are of TAIL_TILES. */
  readonly tiles: number
  /** Where the simulated products are kept between runs. */
  readonly dir: string | null
  /** Finest pixels of an equal tile, m; those of the long one are half as wide. */
  readonly pixelSizeM: number
  /** Measures every row of TUNING instead of the default settings alone. */
  readonly isTuning: boolean
  readonly showProgress: boolean
}

/** How the steps are scheduled on SLOTS slots. */
export interface TailSettings {
  /** 0: automatic. */
  readonly maxParallelism: number
  readonly threadsHint: number
  readonly oversubscription: number
}

export interface TailCase {
  readonly settings: TailSettings
  readonly tiles: string
  /** Medians of the rounds. From the first claim to the last end, seconds. */
  readonly wallS: number
  /** Of the attempts that counted, seconds. */
  readonly cpuS: number
  /** CPU time shared evenly among the slots, seconds. */
  readonly idealS: number
  /** Wall over ideal, the median of the rounds' own. */
  readonly ratio: number
  /** Longest time within the wall time in which no step ran, seconds. */
  readonly idleS: number
  /** CPUs that everything else on the machine kept busy, on average. */
  readonly othersCpus: number
  readonly goal: number
  readonly isMet: boolean
}

/** Slots of the goals. */
const SLOTS = 2
/** Tiles of a job. */
export const TAIL_TILES = 9
const MANY_FACTOR = 4
const GOALS = { equal: 1.1, long: 1.15 } as const
const DEFAULTS: TailSettings = { maxParallelism: 0, threadsHint: 4, oversubscription: 1 }
/** What an operator would try on a machine with 2 cores. */
const TUNING: readonly TailSettings[] = [
  DEFAULTS,
  { maxParallelism: 2, threadsHint: 1, oversubscription: 1 },
  { maxParallelism: 1, threadsHint: 1, oversubscription: 1 },
  { maxParallelism: 2, threadsHint: 2, oversubscription: 2 },
  { maxParallelism: 4, threadsHint: 1, oversubscription: 2 },
]
/** Neighbours, each a chain of its own: dates of one tile would wait for each other. The long one stands in place of the first. */
const TILE_NAMES = ['31TCJ', '31TDJ', '31TEJ', '31TCK', '31TDK', '31TEK', '31TCH', '31TDH', '31TEH']
const LONG_TILE = '31TCL'
const DATE = '2025-06-01'
const quiet = { info: () => undefined, warn: () => undefined }

/**
 * Real L2A steps of simulated products through scheduler and step processes: nine equal tiles, and eight with one of four times the
 * pixels that comes last, the worst place for it. The ideal is the CPU time of the attempts that counted, spread evenly over the slots:
 * start of the step processes, publishing, waiting for the disk and what one thread must do alone are all in the wall time and in no ideal.
 * Rounds are interleaved, so that drift of the machine falls on all cases.
 */
export async function measureTail(options: TailBenchOptions): Promise<readonly TailCase[]> {
  const { rounds, tiles, pixelSizeM, isTuning } = options
  const progress = new ProgressLine(options.showProgress)
  const home = mkdtempSync(join(tmpdir(), 'tilth-bench-tail-'))
  // As root the database server runs as another user, who must be able to enter.
  await chmod(home, 0o755)
  let app: App | undefined
  try {
    const { equal, long } = await simulateTiles(options, progress)
    app = await openApp({ config: loadConfig({ TILTH_HOME: home }) })
    await setSetting(app.db, 'storage.min_free_mb', '0', { site: null, by: 'bench' })
    await setSetting(app.db, 'ingest.copy_quiet_s', '0', { site: null, by: 'bench' })
    await setSetting(app.db, 'executor.cpu_slots', String(SLOTS), { site: null, by: 'bench' })
    const equalIds = await ingestAll(app, equal)
    const [longId] = await ingestAll(app, [long])
    const cases = (isTuning ? TUNING : [DEFAULTS]).flatMap((settings) => [
      { settings, tiles: `${tiles} equal`, ids: equalIds, goal: GOALS.equal, rounds: [] as Round[] },
      {
        ...{ settings, tiles: `${tiles - 1} equal, the last ${MANY_FACTOR} x`, goal: GOALS.long },
        ...{ ids: [...equalIds.slice(1), longId ?? NaN], rounds: [] as Round[] },
      },
    ])
    for (let round = 0; round < rounds; round++)
      for (let i = 0; i < cases.length; i++) {
        // Nobody always comes first.
        const measured = cases[(i + round) % cases.length]!
        progress.show(
          (round * cases.length + i) / (rounds * cases.length),
          `round ${round + 1}: ${measured.tiles}, ${describeSettings(measured.settings)}`,
        )
        measured.rounds.push(await runJob(app, measured.settings, measured.ids))
      }
    progress.show(1, `done, pixels of ${pixelSizeM} m`)
    return cases.map(({ settings, tiles, goal, rounds: all }) => {
      const of = (value: (round: Round) => number) => median(all.map(value))
      const ratio = of(({ wallS, cpuS }) => wallS / (cpuS / SLOTS))
      return {
        ...{ settings, tiles, goal, ratio, isMet: ratio <= goal },
        wallS: of(({ wallS }) => wallS),
        cpuS: of(({ cpuS }) => cpuS),
        idealS: of(({ cpuS }) => cpuS / SLOTS),
        idleS: of(({ idleS }) => idleS),
        othersCpus: of(({ othersCpus }) => othersCpus),
      }
    })
  } finally {
    progress.end()
    await app?.close()
    rmSync(home, { recursive: true, force: true })
  }
}

interface Round {
  readonly wallS: number
  readonly cpuS: number
  readonly idleS: number
  readonly othersCpus: number
}

/** The products, made where they are missing: a tile each, the long one last. A product stands under its name only when it is whole. */
async function simulateTiles(
  { dir, tiles, pixelSizeM }: TailBenchOptions,
  progress: ProgressLine,
): Promise<{ equal: readonly string[]; long: string }> {
  const base = join(dir ?? join(tmpdir(), 'tilth-bench'), `tail-${pixelSizeM}m`)
  const make = async (tile: string, pixels: number): Promise<string> => {
    const outDir = join(base, tile)
    mkdirSync(outDir, { recursive: true })
    const found = readdirSync(outDir).find((name) => name.endsWith('.SAFE'))
    if (found !== undefined) return join(outDir, found)
    progress.show(0, `simulating ${tile} with ${pixels} m pixels`)
    const made = await simulateL1c({
      ...{ tile, date: DATE, pixelSizeM: pixels, baseline: '05.11', withTci: false, outDir },
    })
    return made.safePath
  }
  const equal: string[] = []
  for (const tile of TILE_NAMES.slice(0, tiles)) equal.push(await make(tile, pixelSizeM))
  return { equal, long: await make(LONG_TILE, pixelSizeM / Math.sqrt(MANY_FACTOR)) }
}

/** Ids of the acquisitions, in the order of the paths. */
async function ingestAll(app: App, paths: readonly string[]): Promise<readonly number[]> {
  const outcomes = await ingestPaths(app, paths, { copy: false })
  const idOf = new Map(
    (await listAcquisitions(app.db, { state: 'present', tile: null })).map((row) => [row.identity, row.id]),
  )
  return outcomes.map((outcome) => {
    const id = outcome.kind === 'present' ? idOf.get(outcome.identity) : undefined
    if (id === undefined) throw new Error(`A simulated product was not taken: ${JSON.stringify(outcome)}.`)
    return id
  })
}

async function runJob(app: App, settings: TailSettings, acquisitionIds: readonly number[]): Promise<Round> {
  for (const [key, value] of [
    ['processor.l2a.max_parallelism', settings.maxParallelism],
    ['processor.l2a.tile_threads_hint', settings.threadsHint],
    ['executor.oversubscription', settings.oversubscription],
  ] as const)
    await setSetting(app.db, key, String(value), { site: null, by: 'bench' })
  const { jobId } = await createL2aJob(app.db, { acquisitionIds, force: true, createdBy: 'bench' })
  if (jobId === null) throw new Error('No job was made.')
  const busyBefore = busyCpuSeconds()
  const started = performance.now()
  await createLocalScheduler(app, quiet).run({ untilIdle: true })
  const elapsedS = (performance.now() - started) / 1000
  const busyS = busyCpuSeconds() - busyBefore
  const { job, times, timeline } = await readJobReport(app.db, jobId)
  if (job.state !== 'succeeded' || times.wallS === null || timeline.length !== acquisitionIds.length)
    throw new Error(
      `Job ${jobId} ended as ${job.state} with ${timeline.length} steps, expected ${acquisitionIds.length} that succeeded.`,
    )
  const runs = timeline
    .flatMap(({ intervals }) => intervals.filter(({ kind }) => kind === 'running'))
    .sort((a, b) => a.fromS - b.fromS)
  let [idleS, until] = [0, runs[0]?.fromS ?? 0]
  for (const { fromS, toS } of runs) {
    idleS += Math.max(0, fromS - until)
    until = Math.max(until, toS)
  }
  return {
    ...{ wallS: times.wallS, cpuS: times.cpuS, idleS },
    othersCpus: Math.max(0, busyS - times.cpuS) / elapsedS,
  }
}

const describeSettings = ({ maxParallelism, threadsHint, oversubscription }: TailSettings): string =>
  `${maxParallelism === 0 ? 'automatic' : `max_parallelism ${maxParallelism}`}, hint ${threadsHint}, oversubscription ${oversubscription}`

/** Prints the table, or with `json` the cases; true when the goals are met by the default settings. */
export async function run(options: TailBenchOptions, json: boolean): Promise<boolean> {
  const cases = await measureTail(options)
  if (json) console.log(JSON.stringify(cases, null, 2))
  else {
    console.log(
      `${SLOTS} slots, pixels of ${options.pixelSizeM} m, medians of ${options.rounds} interleaved rounds\n`,
    )
    for (const c of cases)
      console.log(
        `${c.isMet ? 'met   ' : 'MISSED'}  ${c.tiles}, ${describeSettings(c.settings)}: wall ${c.wallS.toFixed(1)} s, CPU ${c.cpuS.toFixed(1)} s, ` +
          `ideal ${c.idealS.toFixed(1)} s, ratio ${c.ratio.toFixed(3)} (goal <= ${c.goal}), no step ran for ${c.idleS.toFixed(2)} s, ` +
          `others kept ${c.othersCpus.toFixed(2)} CPUs busy`,
      )
  }
  return cases.filter(({ settings }) => settings === DEFAULTS).every(({ isMet }) => isMet)
}

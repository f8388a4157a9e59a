import { mkdtempSync, rmSync } from 'node:fs'
import { chmod } from 'node:fs/promises'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { ProgressLine } from '../src/cli/progress-line.js'
import { addressUrl, joinEmbeddedServer } from '../src/db/embedded-server.js'
import { median } from './process-tree.js'
import { addSource, timeDuties } from './scale/duties.js'
import { countTiles, loadScale, type ScaleSizes } from './scale/load.js'
import { BenchRounds } from './scale/round.js'
import { addAcquisitions, publishL2a, timeTick } from './scale/tick.js'
import { measureMemory } from './scheduler/latency.js'
import { openBenchApp } from './scheduler/our-queue.js'

export interface ScaleBenchOptions extends ScaleSizes {
  readonly rounds: number
  /** New acquisitions at once in the largest tick. */
  readonly fresh: number
  /** How long the memory of the scheduler is watched, seconds. */
  readonly memorySeconds: number
  readonly showProgress: boolean
}

export interface ScaleMeasurement {
  readonly name: string
  readonly unit: 's' | 'MB'
  /** Median of the rounds, and the worst of them. */
  readonly value: number
  readonly worst: number
  /** Not more than this; null: told only. */
  readonly goal: number | null
  readonly isMet: boolean
}

export interface ScaleBenchResult {
  readonly sizes: ScaleSizes
  readonly loadS: number
  /** Mean of runnable tasks on this machine, of one minute, when it began and when it ended, 1. */
  readonly load: readonly [number, number]
  readonly measurements: readonly ScaleMeasurement[]
}

const TICK_GOAL_S = 2
const MEMORY_GOAL_MB = 400

/** Planning, admission and the scheduler's memory with a country's worth of rows in a database of its own. */
export async function measureScale(options: ScaleBenchOptions): Promise<ScaleBenchResult> {
  const { rounds, fresh, sites, acquisitions, steps } = options
  const home = mkdtempSync(join(tmpdir(), 'tilth-bench-scale-'))
  // As root the database server runs as another user, who must be able to enter.
  await chmod(home, 0o755)
  const server = await joinEmbeddedServer({ home })
  const progress = new ProgressLine(options.showProgress)
  const loadBefore = loadavg()[0] ?? NaN
  const admin = new pg.Client({ ...server.address, database: 'postgres' })
  await admin.connect()
  try {
    await admin.query('create database scale')
    const url = addressUrl({ ...server.address, database: 'scale' })
    progress.show(0, `loading ${steps} steps`)
    const app = await openBenchApp(url, home)
    try {
      const begun = performance.now()
      await loadScale(url, { sites, acquisitions, steps })
      await addSource(app)
      const loadS = (performance.now() - begun) / 1000
      const times = new Map<string, number[]>()
      const note = (name: string, seconds: number) => times.set(name, [...(times.get(name) ?? []), seconds])
      const expectSteps = (made: number, wanted: number) => {
        if (made !== wanted) throw new Error(`A tick made ${made} steps, ${wanted} were wanted.`)
      }
      progress.show(0.3, 'a first tick')
      note('the first tick after a start', (await timeTick(app)).seconds)
      const bench = new BenchRounds(app)
      await bench.time()
      for (let round = 0; round < rounds; round++) {
        progress.show(0.4 + (0.4 * round) / rounds, `round ${round + 1}`)
        const ticks: readonly (readonly [string, number, () => Promise<void>])[] = [
          ['nothing new', 0, () => Promise.resolve()],
          ['one new acquisition', 1, () => addAcquisitions(app, 1)],
          [`${fresh} new acquisitions`, fresh, () => addAcquisitions(app, fresh)],
          [`${fresh} new L2A products`, fresh, () => publishL2a(app, fresh)],
        ]
        for (const [name, wanted, prepare] of ticks) {
          await prepare()
          const tick = await timeTick(app)
          expectSteps(tick.steps, wanted)
          note(`tick: ${name}`, tick.seconds)
        }
        note('a round of admission', await bench.time())
        for (const [name, seconds] of Object.entries(await timeDuties(app))) note(name, seconds)
      }
      progress.show(0.8, 'memory of the scheduler')
      await addAcquisitions(app, fresh)
      const memoryMb = await measureMemory(app, url, options.memorySeconds)
      progress.show(1, 'done')
      return {
        sizes: { sites, acquisitions, steps },
        loadS,
        load: [loadBefore, loadavg()[0] ?? NaN],
        measurements: [
          ...[...times].map(([name, values]): ScaleMeasurement => {
            const goal = name.startsWith('tick: ') ? TICK_GOAL_S : null
            const value = median(values)
            return {
              name,
              unit: 's',
              value,
              worst: Math.max(...values),
              goal,
              isMet: value <= (goal ?? Infinity),
            }
          }),
          {
            ...{ name: 'memory of `tilth up`, peak', unit: 'MB', value: memoryMb, worst: memoryMb },
            ...{ goal: MEMORY_GOAL_MB, isMet: memoryMb <= MEMORY_GOAL_MB },
          },
        ],
      }
    } finally {
      await app.close()
    }
  } finally {
    progress.end()
    await admin.end()
    await server.release()
    rmSync(home, { recursive: true, force: true })
  }
}

/** Prints the table, or with `json` the result; true when every goal is met. */
export async function run(options: ScaleBenchOptions, json: boolean): Promise<boolean> {
  const result = await measureScale(options)
  if (json) console.log(JSON.stringify(result, null, 2))
  else {
    const { sites, acquisitions, steps } = result.sizes
    console.log(
      `${sites} sites, ${countTiles(sites).all} tiles, ${acquisitions} acquisitions, ${steps} steps, loaded in ${result.loadS.toFixed(0)} s; ` +
        `medians of ${options.rounds} rounds; load of the machine ${result.load.map((l) => l.toFixed(1)).join(' to ')}\n`,
    )
    for (const { name, unit, value, worst, goal, isMet } of result.measurements) {
      const verdict = goal === null ? '      ' : isMet ? 'met   ' : 'MISSED'
      const number = (n: number) => (unit === 's' ? n.toFixed(3) : n.toFixed(0))
      const limit = goal === null ? '' : ` (goal <= ${goal} ${unit})`
      console.log(`${verdict}  ${name}: ${number(value)} ${unit}, worst ${number(worst)}${limit}`)
    }
  }
  return result.measurements.every(({ isMet }) => isMet)
}

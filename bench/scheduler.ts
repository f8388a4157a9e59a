import { mkdtempSync, rmSync } from 'node:fs'
import { chmod } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { ProgressLine } from '../src/cli/progress-line.js'
import { addressUrl, joinEmbeddedServer } from '../src/db/embedded-server.js'
import { median } from './process-tree.js'
import { measureLatency, measureMemory } from './scheduler/latency.js'
import { BATCH, drainOurs, loadSteps, openBenchApp, type Drained } from './scheduler/our-queue.js'
import { openBoss, openRaw } from './scheduler/peers.js'

export interface SchedulerBenchOptions {
  readonly rounds: number
  /** Waiting steps of in-degree 2 in the queue of the comparisons. */
  readonly steps: number
  /** Steps of the deep queue; the short one beside it has a hundredth. */
  readonly deepSteps: number
  /** Starts of which the latency is measured, warm; a tenth of it cold. */
  readonly starts: number
  /** How long the scheduler works on the deep queue while its memory is watched, seconds. */
  readonly memorySeconds: number
  readonly showProgress: boolean
}

export interface Measurement {
  readonly name: string
  readonly unit: string
  /** Medians; the ratio is the median of the rounds' own ratios. */
  readonly ours: number
  readonly peer: number | null
  readonly ratio: number | null
  readonly goal: string
  readonly isMet: boolean
}

export interface SchedulerBenchResult {
  readonly settings: Readonly<Record<string, string>>
  readonly measurements: readonly Measurement[]
}

/**
 * The queue beside its floor and a peer on one server with fsync and synchronous_commit on, each round all of them in turn, so that drift of
 * the machine falls on all; then a deep queue beside a short one, the way of a new step to its processor, and the scheduler's memory.
 */
export async function measureScheduler(options: SchedulerBenchOptions): Promise<SchedulerBenchResult> {
  const home = mkdtempSync(join(tmpdir(), 'tilth-bench-scheduler-'))
  // As root the database server runs as another user, who must be able to enter.
  await chmod(home, 0o755)
  const server = await joinEmbeddedServer({ home })
  const progress = new ProgressLine(options.showProgress)
  const parts = options.rounds * 2 + 5
  let part = 0
  const step = (note: string) => {
    progress.show(part++ / parts, note)
  }
  const urlOf = (database: string) => addressUrl({ ...server.address, database })
  const admin = new pg.Client({ ...server.address, database: 'postgres' })
  await admin.connect()
  const create = async (name: string) => {
    await admin.query(`drop database if exists ${name} with (force)`)
    await admin.query(`create database ${name}`)
    return urlOf(name)
  }
  try {
    const { rows } = await admin.query<{ name: string; setting: string }>(
      `select name, current_setting(name) as setting from pg_settings
       where name in ('server_version', 'fsync', 'synchronous_commit', 'full_page_writes', 'wal_sync_method', 'shared_buffers') order by name`,
    )
    const settings = Object.fromEntries(rows.map(({ name, setting }) => [name, setting]))
    if (settings['fsync'] !== 'on' || settings['synchronous_commit'] !== 'on')
      throw new Error(`The server must make commits durable, found ${JSON.stringify(settings)}.`)

    step(`loading ${options.steps} steps`)
    // Each round works off its share of every queue; the last one still finds steps that wait.
    const share = Math.max(20, Math.floor((options.steps * 0.9) / options.rounds))
    const one = await openLoaded(await create('ours_one'), home, options.steps)
    const hundred = await openLoaded(await create('ours_hundred'), home, options.steps)
    const rawOne = await openRaw(await create('raw_one'), options.steps)
    const rawHundred = await openRaw(await create('raw_hundred'), options.steps)
    const boss = await openBoss(await create('boss'), options.steps)
    const rates = {
      one: [],
      rawOne: [],
      boss: [],
      hundred: [],
      rawHundred: [],
      deep: [],
      short: [],
    } as Record<'one' | 'rawOne' | 'boss' | 'hundred' | 'rawHundred' | 'deep' | 'short', number[]>
    const note = (name: keyof typeof rates, { steps, seconds }: Drained, expected: number) => {
      if (steps !== expected) throw new Error(`${name}: ${steps} steps were completed, expected ${expected}.`)
      rates[name].push(steps / seconds)
    }
    for (let round = 0; round < options.rounds; round++) {
      step(`round ${round + 1}: one a claim, then ${BATCH}`)
      await admin.query('checkpoint')
      const turns: (() => Promise<void>)[] = [
        async () => {
          note('rawOne', await rawOne.drain(share, 1), share)
        },
        async () => {
          note('one', await drainOurs(one, share, 1), share)
        },
        async () => {
          const drained = await boss.drain(share)
          note('boss', drained, drained.steps)
        },
        async () => {
          note('rawHundred', await rawHundred.drain(share, BATCH), share)
        },
        async () => {
          note('hundred', await drainOurs(hundred, share, BATCH), share)
        },
      ]
      // Nobody always comes first after the checkpoint.
      for (let i = 0; i < turns.length; i++) await turns[(i + round) % turns.length]!()
    }
    await Promise.all([one.close(), hundred.close(), rawOne.close(), rawHundred.close(), boss.close()])
    for (const name of ['ours_one', 'ours_hundred', 'raw_one', 'raw_hundred', 'boss'])
      await admin.query(`drop database ${name} with (force)`)

    step(`loading ${options.deepSteps} steps`)
    const deepUrl = await create('deep')
    const deep = await openLoaded(deepUrl, home, options.deepSteps)
    const few = Math.floor(options.deepSteps / 100)
    for (let round = 0; round < options.rounds; round++) {
      step(`round ${round + 1}: ${options.deepSteps} steps beside ${few}`)
      const short = await openLoaded(await create('short'), home, few)
      const work = Math.floor(few * 0.9)
      await admin.query('checkpoint')
      const turns = [
        async () => {
          note('short', await drainOurs(short, work, 1), work)
        },
        async () => {
          note('deep', await drainOurs(deep, work, 1), work)
        },
      ]
      for (let i = 0; i < turns.length; i++) await turns[(i + round) % turns.length]!()
      await short.close()
    }
    step('memory of the scheduler')
    const memoryMb = await measureMemory(deep, deepUrl, options.memorySeconds)
    await deep.close()
    await admin.query('drop database deep with (force)')

    step('from commit to run()')
    const app = await openBenchApp(await create('latency'), home)
    const latency = await measureLatency(app, {
      warm: options.starts,
      cold: Math.max(1, Math.round(options.starts / 10)),
    })
    await app.close()
    progress.show(1, 'done')

    const atLeast = (
      name: string,
      ours: readonly number[],
      peer: readonly number[],
      goal: number,
    ): Measurement => {
      const ratio = median(ours.map((value, i) => value / (peer[i] ?? NaN)))
      return {
        ...{ name, unit: 'steps/s', ours: median(ours), peer: median(peer), ratio },
        ...{ goal: `>= ${goal} x`, isMet: ratio >= goal },
      }
    }
    const atMost = (name: string, unit: string, ours: number, goal: number): Measurement => ({
      ...{ name, unit, ours, peer: null, ratio: null },
      ...{ goal: `<= ${goal} ${unit}`, isMet: ours <= goal },
    })
    return {
      settings,
      measurements: [
        atLeast('one a claim, 10 in flight, beside a bare loop', rates.one, rates.rawOne, 0.8),
        atLeast('the same beside pg-boss', rates.one, rates.boss, 1.3),
        atLeast(
          `${BATCH} a claim, beside a bare loop with ${BATCH} a claim`,
          rates.hundred,
          rates.rawHundred,
          0.4,
        ),
        atLeast(`queue of ${options.deepSteps} beside one of ${few}`, rates.deep, rates.short, 0.8),
        atMost('commit to run(), warm process', 'ms', median(latency.warm), 10),
        atMost('commit to run(), no process yet', 'ms', median(latency.cold), 500),
        atMost(`scheduler's memory with ${options.deepSteps} steps`, 'MB', memoryMb, 400),
      ],
    }
  } finally {
    progress.end()
    await admin.end()
    await server.release()
    rmSync(home, { recursive: true, force: true })
  }
}

async function openLoaded(url: string, home: string, steps: number) {
  const app = await openBenchApp(url, home)
  await loadSteps(url, steps)
  return app
}

/** Prints the table, or with `json` the result; true when every goal is met. */
export async function run(options: SchedulerBenchOptions, json: boolean): Promise<boolean> {
  const result = await measureScheduler(options)
  if (json) console.log(JSON.stringify(result, null, 2))
  else {
    console.log(
      `Postgres ${Object.entries(result.settings)
        .map(([key, value]) => `${key} ${value}`)
        .join(', ')}`,
    )
    console.log(`medians of ${options.rounds} interleaved rounds\n`)
    for (const m of result.measurements) {
      const digits = m.ours < 100 ? 1 : 0
      const peer =
        m.peer === null ? '' : `, peer ${m.peer.toFixed(digits)}, ratio ${m.ratio?.toFixed(2) ?? ''}`
      console.log(
        `${m.isMet ? 'met   ' : 'MISSED'}  ${m.name}: ${m.ours.toFixed(digits)} ${m.unit}${peer} (goal ${m.goal})`,
      )
    }
  }
  return result.measurements.every(({ isMet }) => isMet)
}

import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { App } from '../../src/app.js'
import { killLife, lifeOf, type ProcessLife } from './processes.js'

export interface StormOptions {
  readonly app: App
  readonly job: number
  readonly stepCount: number
  /** Kills of step processes to reach, counted only where they hit an attempt before its end. */
  readonly stepKills: number
  readonly schedulerKills: number
  readonly restartsPostgres: boolean
  /** Node names; schedulers are spread over them in turn. */
  readonly nodes: readonly string[]
  readonly schedulers: number
  readonly random: () => number
  /** Environment of the schedulers. */
  readonly env: Readonly<Record<string, string>>
  readonly logFolder: string
  readonly timeoutS: number
}

export interface StormReport {
  /** Attempts that a kill ended. */
  readonly stepKills: number
  /** Kills that came too late: the attempt had ended. */
  readonly missed: number
  readonly schedulerKills: number
  readonly postgresRestarts: number
  /** Share of the time with at least two schedulers alive. */
  readonly shareWithTwo: number
  readonly faults: readonly string[]
}

interface SchedulerLife {
  readonly node: string
  readonly child: ChildProcess
  readonly logPath: string
  readonly life: ProcessLife | undefined
  readonly ended: Promise<{ code: number | null; signal: string | null }>
}

interface Victim {
  readonly id: number
  readonly attempt: number
  readonly pid: number
}

/** Kills while a job runs, until all its steps have ended, the folders are clean and the schedulers have drained. */
export class Storm {
  private schedulers: SchedulerLife[] = []
  private started = 0
  private pending: Victim[] = []
  private hits = 0
  private missed = 0
  private schedulerKills = 0
  private postgresRestarts = 0
  private twoMs = 0
  private readonly faults: string[] = []
  private readonly restartAt: number

  constructor(private readonly options: StormOptions) {
    this.restartAt = 0.25 + options.random() * 0.4
  }

  async run(isClean: () => Promise<boolean>): Promise<StormReport> {
    const { options } = this
    const begun = performance.now()
    for (let i = 0; i < options.schedulers; i++) this.startScheduler()
    try {
      let last = begun
      for (;;) {
        const now = performance.now()
        if (this.alive().length >= 2) this.twoMs += now - last
        last = now
        if (now - begun > options.timeoutS * 1000) {
          this.faults.push(`the steps have not ended within ${options.timeoutS} s`)
          break
        }
        const ended = await this.look().catch(() => undefined)
        if (ended === options.stepCount) break
        await wait(20 + options.random() * 80)
      }
      const total = last - begun
      await this.confirm()
      await this.drain(isClean)
      return {
        stepKills: this.hits,
        missed: this.missed,
        schedulerKills: this.schedulerKills,
        postgresRestarts: this.postgresRestarts,
        shareWithTwo: this.twoMs / total,
        faults: this.faults,
      }
    } finally {
      for (const { child } of this.alive()) child.kill('SIGKILL')
    }
  }

  /** One look at the queue, with the kills that are due by now. Undefined while Postgres is away. */
  private async look(): Promise<number> {
    const { app, job, stepCount, stepKills, schedulerKills, restartsPostgres } = this.options
    const rows = await app.db
      .selectFrom('step')
      .select(['id', 'attempt', 'state', 'pid'])
      .where('job_id', '=', job)
      .where('state', 'not in', ['blocked', 'ready'])
      .execute()
    const ended = rows.filter(({ state }) => state !== 'running').length
    await this.confirm()
    // Spread over the round, and all done before its last steps: those must be able to end.
    const due = (target: number) => Math.ceil((target * (ended + 1)) / (0.85 * stepCount))
    const running = rows.flatMap(({ id, attempt, state, pid }) =>
      state === 'running' && pid !== null && isStepProcess(pid) ? [{ id, attempt, pid }] : [],
    )
    if (restartsPostgres && this.postgresRestarts === 0 && ended > this.restartAt * stepCount)
      this.restartPostgres()
    else if (this.schedulerKills < Math.min(schedulerKills, due(schedulerKills))) this.killScheduler(running)
    else if (this.hits + this.pending.length < Math.min(stepKills, due(stepKills)))
      await this.killStep(running)
    return ended
  }

  private async killStep(running: readonly Victim[]): Promise<void> {
    const victim = running[Math.floor(this.options.random() * running.length)]
    if (victim === undefined || this.pending.some(({ pid }) => pid === victim.pid)) return
    const life = lifeOf(victim.pid)
    // At any point of its attempt, not only soon after the look; most work for longer.
    await wait(this.options.random() * 100)
    if (life !== undefined && killLife(life)) this.pending.push(victim)
  }

  /** A kill counts when the attempt ended by it: the event table has the last word. */
  private async confirm(): Promise<void> {
    if (this.pending.length === 0) return
    const ends = await this.options.app.db
      .selectFrom('step_history')
      .select(['step_id', 'attempt', 'kind'])
      .where(
        'step_id',
        'in',
        this.pending.map(({ id }) => id),
      )
      .where('kind', 'in', ['succeeded', 'failed', 'released'])
      .execute()
    this.pending = this.pending.filter(({ id, attempt }) => {
      const end = ends.find((event) => event.step_id === id && event.attempt === attempt)
      if (end === undefined) return true
      if (end.kind === 'succeeded') this.missed += 1
      else this.hits += 1
      return false
    })
  }

  /** The whole scheduler, never its children: they have to notice. One with a running step if there is one. */
  private killScheduler(running: readonly Victim[]): void {
    const ready = this.alive().filter(({ logPath }) => readFileSync(logPath, 'utf8').includes(' is up'))
    if (this.alive().length < this.options.schedulers || ready.length < 2) return
    const parents = new Set(running.map(({ pid }) => parentOf(pid)))
    const busy = ready.filter(({ child }) => child.pid !== undefined && parents.has(child.pid))
    const from = busy.length > 0 ? busy : ready
    const victim = from[Math.floor(this.options.random() * from.length)]
    if (victim?.life === undefined || !killLife(victim.life)) return
    this.schedulerKills += 1
    setTimeout(
      () => {
        this.startScheduler(victim.node)
      },
      200 + this.options.random() * 1300,
    )
  }

  /** Immediate shutdown, as after a crash: every connection is cut, and the log is replayed by whoever starts the server again. */
  private restartPostgres(): void {
    const path = join(this.options.env['TILTH_HOME'] ?? '', 'postgres', 'data', 'postmaster.pid')
    const life = lifeOf(Number(readFileSync(path, 'utf8').split('\n')[0]))
    if (life === undefined) return
    process.kill(life.pid, 'SIGQUIT')
    this.postgresRestarts += 1
  }

  private startScheduler(on?: string): void {
    const { env, nodes, logFolder } = this.options
    const number = this.started++
    const node = on ?? nodes[number % nodes.length] ?? 'chaos'
    const logPath = join(logFolder, `scheduler-${number}.log`)
    const log = openSync(logPath, 'a')
    const main = join(env['TILTH_ROOT'] ?? '', 'dist', 'src', 'cli', 'main.js')
    const child = spawn(process.execPath, [main, 'up'], {
      env: { ...process.env, ...env, TILTH_HOST: node },
      stdio: ['ignore', log, log],
    })
    closeSync(log)
    const ended = new Promise<{ code: number | null; signal: string | null }>((resolve) =>
      child.on('close', (code, signal) => {
        resolve({ code, signal })
        if (code !== null && code !== 0)
          this.faults.push(
            `a scheduler ended with status ${code}; the end of ${logPath}:\n${lastLines(logPath)}`,
          )
      }),
    )
    const life = child.pid === undefined ? undefined : lifeOf(child.pid)
    this.schedulers.push({ node, child, logPath, life, ended })
  }

  private alive(): SchedulerLife[] {
    return this.schedulers.filter(({ child }) => child.exitCode === null && child.signalCode === null)
  }

  /** The living schedulers get time to clear away what the dead left; then each has to end by itself. */
  private async drain(isClean: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + 20_000
    // A kill may have left its restart for later.
    while (this.alive().length < this.options.schedulers && performance.now() < deadline) await wait(50)
    while (!(await isClean().catch(() => false)) && performance.now() < deadline) await wait(50)
    for (const { child } of this.alive()) child.kill('SIGINT')
    for (const { ended, logPath, child } of this.alive()) {
      const end = await Promise.race([ended, wait(30_000).then(() => undefined)])
      if (end === undefined) {
        this.faults.push(`a scheduler has not drained within 30 s; see ${logPath}`)
        child.kill('SIGKILL')
      }
    }
  }
}

function isStepProcess(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('run-step') && lifeOf(pid) !== undefined
  } catch {
    return false
  }
}

function parentOf(pid: number): number {
  try {
    return Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)
  } catch {
    return 0
  }
}

const lastLines = (path: string): string =>
  readFileSync(path, 'utf8').trimEnd().split('\n').slice(-12).join('\n')

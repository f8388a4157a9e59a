import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { AttemptEnd, ClaimedStep, Executor, StepLimits } from '../scheduler/executor.js'
import { endOrphans, lifeMark, PARENT_VARIABLE, type SeenOrphans } from './end-orphans.js'
import { StepProcess, type StepProcessOptions } from './step-process.js'

export interface LocalExecutorOptions {
  /** Program and arguments that start `run-step --serve`. */
  readonly command: readonly [string, ...string[]]
  /** Added to the environment of step processes: TILTH_HOME, DATABASE_URL. */
  readonly env: Readonly<Record<string, string>>
  /** Absolute folder of `step-<id>-<attempt>.log`; made when missing. */
  readonly logFolder: string
  /** Absolute staging and scratch folders of an attempt: their size is watched. */
  readonly foldersOf: (step: ClaimedStep) => readonly string[]
  /** Threads of libuv's pool in each step process, fixed at its start: the most that a budget can ever be. */
  readonly poolThreads: number
  /** An idle process is ended after so long; default 60 000 ms. */
  readonly idleMs?: number
}

/** Runs steps in warm processes of this machine, one step a process. */
export class LocalExecutor implements Executor {
  readonly name = 'local'
  private readonly processes = new Set<StepProcess>()
  private readonly idle = new Map<StepProcess, NodeJS.Timeout>()
  private readonly processOptions: StepProcessOptions
  private readonly orphans: SeenOrphans = new Map()
  private callback: (step: ClaimedStep, end: AttemptEnd) => void = () => undefined

  constructor(private readonly options: LocalExecutorOptions) {
    mkdirSync(options.logFolder, { recursive: true })
    this.processOptions = {
      command: options.command,
      env: {
        ...options.env,
        [PARENT_VARIABLE]: lifeMark(process.pid) ?? '',
        UV_THREADPOOL_SIZE: String(Math.min(1024, Math.max(4, options.poolThreads))),
      },
      foldersOf: options.foldersOf,
      logPath: ({ id, attempt }) => attemptLogPath(options.logFolder, id, attempt),
      onEnd: (process, step, end) => {
        if (end.kind === 'reported') this.rest(process)
        this.callback(step, end)
      },
      onExit: (process) => {
        clearTimeout(this.idle.get(process))
        this.idle.delete(process)
        this.processes.delete(process)
      },
    }
  }

  onEnd(callback: (step: ClaimedStep, end: AttemptEnd) => void): void {
    this.callback = callback
  }

  start(step: ClaimedStep, limits: StepLimits): void {
    const warm = [...this.idle.keys()].find((process) => process.isUsable)
    const process = warm ?? new StepProcess(this.processOptions)
    clearTimeout(this.idle.get(process))
    this.idle.delete(process)
    this.processes.add(process)
    process.run(step, limits)
  }

  setLimits(id: number, attempt: number, limits: StepLimits): void {
    this.find(id, attempt)?.setLimits(limits)
  }

  setThreads(id: number, attempt: number, threads: number): void {
    this.find(id, attempt)?.send({ type: 'budget', id, attempt, threads })
  }

  cancel(id: number, attempt: number, graceS: number): void {
    const process = this.find(id, attempt)
    if (process === undefined) return
    process.send({ type: 'cancel', id, attempt })
    setTimeout(() => {
      if (this.find(id, attempt) === process) process.kill()
    }, graceS * 1000).unref()
  }

  killSilent(id: number, attempt: number): void {
    this.find(id, attempt)?.killSilent()
  }

  endOrphans(): Promise<readonly string[]> {
    return Promise.resolve(endOrphans(this.options.env, this.orphans).map((what) => `killed ${what}`))
  }

  running(): readonly ClaimedStep[] {
    return [...this.processes].flatMap(({ current }) => (current === undefined ? [] : [current]))
  }

  async close(): Promise<void> {
    await Promise.all([...this.processes].map((process) => process.close()))
  }

  private find(id: number, attempt: number): StepProcess | undefined {
    return [...this.processes].find(({ current }) => current?.id === id && current.attempt === attempt)
  }

  private rest(process: StepProcess): void {
    const timer = setTimeout(() => {
      this.idle.delete(process)
      void process.close()
    }, this.options.idleMs ?? 60_000)
    timer.unref()
    this.idle.set(process, timer)
  }
}

export const attemptLogPath = (folder: string, id: number, attempt: number): string =>
  join(folder, `step-${id}-${attempt}.log`)

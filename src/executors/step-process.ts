import { createWriteStream, type WriteStream } from 'node:fs'
import { execa } from 'execa'
import {
  encodeLine,
  fromStepProcess,
  lineParser,
  type FromStepProcess,
  type ToStepProcess,
} from '../runner/protocol.js'
import type { AttemptEnd, ClaimedStep, StepLimits } from '../scheduler/executor.js'
import { AttemptWatch, type Breach } from './attempt-watch.js'
import { classifyDeath, countOutOfMemoryKills } from './detect-out-of-memory.js'

export interface StepProcessOptions {
  /** Program and arguments of `tilth run-step --serve`. */
  readonly command: readonly [string, ...string[]]
  readonly env: Readonly<Record<string, string>>
  /** Absolute path of the log of an attempt. */
  logPath(step: ClaimedStep): string
  /** Absolute staging and scratch folders of an attempt. */
  foldersOf(step: ClaimedStep): readonly string[]
  onEnd(process: StepProcess, step: ClaimedStep, end: AttemptEnd): void
  /** The process is gone; it gets no further step. */
  onExit(process: StepProcess): void
}

/** V8 prints some 20 frames below the line that says why it aborts. */
const KEPT_LINES = 60

/** One warm step process, seen from its parent: at most one step at a time. */
export class StepProcess {
  private readonly child
  private step: ClaimedStep | undefined
  private log: WriteStream | undefined
  private lastLines: string[] = []
  private isLogCut = false
  private watch: AttemptWatch | undefined
  private limits: StepLimits | undefined
  private killer: NodeJS.Timeout | undefined
  private oomKillsBefore = 0
  private isClosing = false
  private isSilent = false
  /** Resolves when the process is gone. */
  readonly exited: Promise<void>

  constructor(private readonly options: StepProcessOptions) {
    const [file, ...args] = options.command
    // No clean-up by execa: its SIGTERM means cancel. A process whose parent is gone sees the end of its stdin.
    // Detached: Ctrl-C in a terminal reaches a whole process group, and the scheduler alone decides what it means.
    this.child = execa(file, args, {
      stdin: 'pipe',
      stdout: 'pipe',
      stderr: 'pipe',
      buffer: false,
      reject: false,
      cleanup: false,
      detached: true,
      env: options.env,
    })
    this.child.stdin.on('error', () => undefined)
    this.child.stdout.on(
      'data',
      lineParser(
        fromStepProcess,
        (message) => {
          this.receive(message)
        },
        (line) => {
          this.record(`${line}\n`)
        },
      ),
    )
    this.child.stderr.on('data', (chunk: Buffer) => {
      this.record(chunk.toString())
    })
    this.exited = this.child.then((result) => {
      this.gone(result)
    })
  }

  get pid(): number | undefined {
    return this.child.pid
  }
  get current(): ClaimedStep | undefined {
    return this.step
  }
  get isUsable(): boolean {
    return !this.isClosing && this.child.exitCode === null && this.child.signalCode === null
  }

  run(step: ClaimedStep, limits: StepLimits): void {
    this.step = step
    // First of all: what follows looks at the processes of the machine, and the step need not wait for it.
    this.send({ type: 'run', id: step.id, attempt: step.attempt, threads: step.threads })
    this.log?.end()
    this.log = createWriteStream(this.options.logPath(step), { flags: 'a' })
    // A full disk must not take the scheduler down; the kept lines still tell the end.
    this.log.on('error', () => undefined)
    this.lastLines = []
    this.isLogCut = false
    this.limits = limits
    this.oomKillsBefore = countOutOfMemoryKills()
    this.watch = new AttemptWatch({
      pid: this.pid ?? 0,
      folders: this.options.foldersOf(step),
      limits,
      onBreach: (breach) => {
        this.end(step, breach)
      },
    })
  }

  send(message: ToStepProcess): void {
    if (this.child.stdin.writable) this.child.stdin.write(encodeLine(message))
  }

  setLimits(limits: StepLimits): void {
    this.limits = limits
    this.watch?.setLimits(limits)
  }

  /** Tells the step to end as failed and kills it after its grace time; at once where memory runs out, which does not wait. */
  private end(step: ClaimedStep, { code, message }: Breach): void {
    this.send({
      type: 'limit',
      id: step.id,
      attempt: step.attempt,
      code,
      message: `Step ${step.id} ${message}.`,
    })
    const graceS = code === 'MEMORY_LIMIT' ? 0 : (this.limits?.graceS ?? 0)
    this.killer = setTimeout(() => {
      if (this.step === step) this.kill()
    }, graceS * 1000)
    this.killer.unref()
  }

  kill(): void {
    this.child.kill('SIGKILL')
  }

  /** Kills it for giving no sign of life, which its end then says. */
  killSilent(): void {
    this.isSilent = true
    this.kill()
  }

  /** Ends the process by closing its stdin: it gives its step back and is gone within 2 s, else it is killed. */
  async close(): Promise<void> {
    this.isClosing = true
    this.child.stdin.end()
    const killer = setTimeout(() => {
      this.kill()
    }, 3000)
    await this.exited
    clearTimeout(killer)
  }

  private receive(message: FromStepProcess): void {
    const step = this.step
    if (
      message.type !== 'ended' ||
      step === undefined ||
      message.id !== step.id ||
      message.attempt !== step.attempt
    )
      return
    this.rest()
    this.options.onEnd(this, step, { kind: 'reported', outcome: message.outcome })
  }

  private gone(result: {
    exitCode?: number | undefined
    signal?: string | undefined
    originalMessage?: string | undefined
  }): void {
    const step = this.step
    this.rest()
    this.log?.end()
    this.isClosing = this.isClosing || step === undefined
    if (step !== undefined)
      this.options.onEnd(this, step, this.isClosing ? { kind: 'interrupted' } : this.death(step, result))
    this.options.onExit(this)
  }

  private death(
    step: ClaimedStep,
    {
      exitCode,
      signal,
      originalMessage,
    }: { exitCode?: number | undefined; signal?: string | undefined; originalMessage?: string | undefined },
  ): AttemptEnd {
    const oomKillsGrew = countOutOfMemoryKills() > this.oomKillsBefore
    const breach = this.watch?.breach
    const death = this.isSilent
      ? 'STEP_SILENT'
      : classifyDeath({ exitCode, signal, lastLines: this.lastLines, oomKillsGrew })
    const how =
      signal !== undefined
        ? `by signal ${signal}`
        : exitCode !== undefined
          ? `with status ${exitCode}`
          : (originalMessage ?? 'unknown')
    const resources = this.watch?.resources() ?? {}
    const wallS = resources['wall_s'] ?? 0
    return {
      kind: 'died',
      code: breach?.code ?? death,
      message:
        `The process of step ${step.id} (attempt ${step.attempt}, ${this.options.command.join(' ')}) ended ${how} after ${wallS} s` +
        `${breach === undefined ? WHY[death] : `: it ${breach.message}`}. Last lines: ${tellingLines(this.lastLines).join(' | ') || 'none'}`,
      lastLines: [...this.lastLines],
      resources,
      evidence: {
        argv: this.options.command,
        pid: this.pid ?? null,
        exitCode: exitCode ?? null,
        signal: signal ?? null,
      },
    }
  }

  private rest(): void {
    this.watch?.stop()
    clearTimeout(this.killer)
    this.step = undefined
  }

  /** Lines after the end of a step still go to its log: stderr and stdout are two pipes. */
  private record(text: string): void {
    const isKept = this.watch?.logged(Buffer.byteLength(text)) ?? true
    if (isKept) this.log?.write(text)
    else if (!this.isLogCut) {
      this.isLogCut = true
      this.log?.write(
        `\n${new Date().toISOString()} warn the log is cut here: more than limits.log_mb was written\n`,
      )
    }
    this.lastLines.push(...text.split('\n').filter((line) => line.trim() !== ''))
    this.lastLines = this.lastLines.slice(-KEPT_LINES)
  }
}

const WHY = {
  STEP_KILLED: '',
  STEP_SILENT: ', killed because it had not renewed its lease',
  OUT_OF_MEMORY: ' for lack of memory',
} as const

/** Lines that name an error, else simply the last ones; at most three. */
function tellingLines(lines: readonly string[]): readonly string[] {
  const telling = lines.filter((line) => /fatal|error|terminate|bad_alloc/i.test(line))
  return (telling.length > 0 ? telling : lines).slice(-3)
}

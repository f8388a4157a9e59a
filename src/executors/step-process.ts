import { createWriteStream, readFileSync, type WriteStream } from 'node:fs'
import { execa } from 'execa'
import {
  encodeLine,
  fromStepProcess,
  lineParser,
  type FromStepProcess,
  type ToStepProcess,
} from '../runner/protocol.js'
import type { AttemptEnd, ClaimedStep } from '../scheduler/executor.js'
import { classifyDeath, countOutOfMemoryKills } from './detect-out-of-memory.js'

export interface StepProcessOptions {
  /** Program and arguments of `tilth run-step --serve`. */
  readonly command: readonly [string, ...string[]]
  readonly env: Readonly<Record<string, string>>
  /** Absolute path of the log of an attempt. */
  logPath(step: ClaimedStep): string
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
  private peakRssKb = 0
  private cpuTicks = { start: 0, last: 0 }
  private startedAt = 0
  private oomKillsBefore = 0
  private sampler: NodeJS.Timeout | undefined
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

  run(step: ClaimedStep): void {
    this.step = step
    this.log?.end()
    this.log = createWriteStream(this.options.logPath(step), { flags: 'a' })
    // A full disk must not take the scheduler down; the kept lines still tell the end.
    this.log.on('error', () => undefined)
    this.lastLines = []
    this.peakRssKb = 0
    this.startedAt = performance.now()
    this.oomKillsBefore = countOutOfMemoryKills()
    const ticks = cpuTicksOf(this.pid)
    this.cpuTicks = { start: ticks, last: ticks }
    this.sampler = setInterval(() => {
      this.sample()
    }, 1000)
    this.sampler.unref()
    this.send({ type: 'run', id: step.id, attempt: step.attempt, threads: step.threads })
  }

  send(message: ToStepProcess): void {
    if (this.child.stdin.writable) this.child.stdin.write(encodeLine(message))
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
    const code = this.isSilent
      ? 'STEP_SILENT'
      : classifyDeath({ exitCode, signal, lastLines: this.lastLines, oomKillsGrew })
    const how =
      signal !== undefined
        ? `by signal ${signal}`
        : exitCode !== undefined
          ? `with status ${exitCode}`
          : (originalMessage ?? 'unknown')
    const wallS = Math.round(performance.now() - this.startedAt) / 1000
    return {
      kind: 'died',
      code,
      message:
        `The process of step ${step.id} (attempt ${step.attempt}, ${this.options.command.join(' ')}) ended ${how} after ${wallS} s` +
        `${WHY[code]}. Last lines: ${tellingLines(this.lastLines).join(' | ') || 'none'}`,
      lastLines: [...this.lastLines],
      resources: {
        wall_s: wallS,
        cpu_s: (this.cpuTicks.last - this.cpuTicks.start) / 100,
        max_rss_kb: this.peakRssKb,
      },
      evidence: {
        argv: this.options.command,
        pid: this.pid ?? null,
        exitCode: exitCode ?? null,
        signal: signal ?? null,
      },
    }
  }

  /** What can still be known if the process dies without a word. */
  private sample(): void {
    try {
      const peak = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${this.pid ?? 0}/status`, 'utf8'))
      this.peakRssKb = Math.max(this.peakRssKb, Number(peak?.[1] ?? 0))
      this.cpuTicks.last = Math.max(this.cpuTicks.last, cpuTicksOf(this.pid))
    } catch {
      // Gone already.
    }
  }

  private rest(): void {
    clearInterval(this.sampler)
    this.step = undefined
  }

  /** Lines after the end of a step still go to its log: stderr and stdout are two pipes. */
  private record(text: string): void {
    this.log?.write(text)
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

/** User and system time in clock ticks (1/100 s on Linux): fields 14 and 15 of /proc/PID/stat, after the name in brackets. */
function cpuTicksOf(pid: number | undefined): number {
  try {
    const text = readFileSync(`/proc/${pid ?? 0}/stat`, 'utf8')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return Number(fields[11] ?? 0) + Number(fields[12] ?? 0)
  } catch {
    return 0
  }
}

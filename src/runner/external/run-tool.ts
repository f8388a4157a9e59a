import { createWriteStream } from 'node:fs'
import { finished } from 'node:stream/promises'
import { execa } from 'execa'
import { constants } from 'node:os'
import { ProcessingError } from '../../domain/errors.js'
import { diskUseMb, readTree } from '../measure-resources.js'
import type { ToolLimits } from './tools.js'

/** How often a running program is looked at, ms. */
const LOOK_MS = 500
/** Lines that are kept for messages. */
const KEPT_LINES = 40

/**
 * Runs "$@" as the head of a process group of its own. When its stdin ends, because we end it or because we are gone, however that came, the whole
 * group is killed: a program of many GB must not outlive the step that started it. A constant text; what is run comes as arguments, which no shell reads.
 */
const KEEPER = 'exec 3<&0; (cat <&3 >/dev/null; kill -KILL 0) >/dev/null 2>&1 & "$@" </dev/null 3<&-'

export interface ToolRun {
  /** As messages name it. */
  readonly name: string
  /** Absolute. */
  readonly executable: string
  readonly args: readonly string[]
  readonly cwd: string
  /** All of its environment; nothing of ours is added. */
  readonly env: Readonly<Record<string, string>>
  /** Gets what it writes to stdout and stderr. */
  readonly logPath: string
  /** Whose size counts for its limit of disk. */
  readonly folders: readonly string[]
  readonly limits: ToolLimits
  readonly signal: AbortSignal
  readonly onLine: (line: string) => void
}

export interface ToolEnd {
  readonly wallS: number
  /** Of its processes together, sampled, MiB. */
  readonly peakRssMb: number
  readonly lastLines: readonly string[]
}

/**
 * Runs a program of others to its end and leaves no process of it behind.
 * Rejects with EXTERNAL_LIMIT (time, memory, disk or log), OUT_OF_MEMORY and DISK_FULL (as its last lines say, or killed by another), EXTERNAL_FAILED (any
 * other status than 0, or a signal), EXTERNAL_UNAVAILABLE where it cannot be started; the signal's reason when aborted.
 */
export async function runTool(run: ToolRun): Promise<ToolEnd> {
  const { name, limits, signal } = run
  signal.throwIfAborted()
  const started = performance.now()
  const wallS = () => Math.round((performance.now() - started) / 100) / 10
  const log = createWriteStream(run.logPath)
  // A full disk shows in what the program says and in its end.
  log.on('error', () => undefined)
  const lastLines: string[] = []
  let breach: string | undefined
  let peakRssMb = 0
  let logged = 0
  const child = execa('/bin/sh', ['-c', KEEPER, 'tilth-keeper', run.executable, ...run.args], {
    ...{ cwd: run.cwd, env: run.env, extendEnv: false, detached: true, cleanup: false, buffer: false },
    ...{ reject: false, stdin: 'pipe', stdout: 'pipe', stderr: 'pipe' },
  })
  child.stdin.on('error', () => undefined)
  const end = () => {
    child.stdin.end()
  }
  const tooMuch = (what: string) => {
    breach ??= what
    end()
  }
  const rests = { out: '', err: '' }
  const take = (from: 'out' | 'err') => (chunk: Buffer) => {
    logged += chunk.length
    if (logged > limits.log_mb * 2 ** 20) {
      tooMuch(`wrote more than ${limits.log_mb} MiB of log (log_mb)`)
      return
    }
    log.write(chunk)
    const lines = (rests[from] + chunk.toString()).split('\n')
    // A line without end must not fill our memory.
    rests[from] = (lines.pop() ?? '').slice(-4096)
    for (const line of lines) keep(line)
  }
  const keep = (line: string) => {
    const text = line.trim().slice(0, 500)
    if (text === '') return
    lastLines.push(text)
    if (lastLines.length > KEPT_LINES) lastLines.shift()
    run.onLine(text)
  }
  child.stdout.on('data', take('out'))
  child.stderr.on('data', take('err'))
  // What it has started and left behind would keep its pipes open.
  child.once('exit', end)
  signal.addEventListener('abort', end, { once: true })
  let isLooking = false
  const look = async () => {
    if (wallS() > limits.time_s) tooMuch(`took longer than ${limits.time_s} s (time_s)`)
    const rssMb = (readTree(child.pid ?? 0)?.rssKb ?? 0) / 1024
    peakRssMb = Math.max(peakRssMb, rssMb)
    if (rssMb > limits.memory_mb)
      tooMuch(`used ${Math.ceil(rssMb)} MiB of memory, more than ${limits.memory_mb} (memory_mb)`)
    const diskMb = await diskUseMb(run.folders)
    if (diskMb > limits.disk_mb)
      tooMuch(`wrote ${Math.ceil(diskMb)} MiB to disk, more than ${limits.disk_mb} (disk_mb)`)
  }
  const timer = setInterval(() => {
    if (isLooking) return
    isLooking = true
    void look().finally(() => {
      isLooking = false
    })
  }, LOOK_MS)
  try {
    const result = await child
    for (const rest of Object.values(rests)) keep(rest)
    signal.throwIfAborted()
    const said = lastLines.slice(-5).join(' | ') || 'nothing'
    const fail = (code: 'EXTERNAL_LIMIT' | 'OUT_OF_MEMORY' | 'DISK_FULL' | 'EXTERNAL_FAILED', what: string) =>
      new ProcessingError(code, `${name} ${what} after ${wallS()} s. It said last: ${said}`)
    if (breach !== undefined) throw fail('EXTERNAL_LIMIT', breach)
    if (result.exitCode === undefined && result.signal === undefined)
      throw new ProcessingError(
        'EXTERNAL_UNAVAILABLE',
        `${name} could not be started: ${result.originalMessage ?? ''}`,
      )
    if (result.exitCode === 0) return { wallS: wallS(), peakRssMb: Math.ceil(peakRssMb), lastLines }
    const how = howEnded(result.exitCode, result.signal)
    if (lastLines.some((line) => /no space left on device|ENOSPC|disk quota exceeded/i.test(line)))
      throw new ProcessingError('DISK_FULL', `${name} ended ${how}: its disk is full. It said last: ${said}`)
    if (
      how.includes('SIGKILL') ||
      lastLines.some((line) => /MemoryError|std::bad_alloc|cannot allocate memory/i.test(line))
    )
      throw new ProcessingError(
        'OUT_OF_MEMORY',
        `${name} ended ${how} for lack of memory. It said last: ${said}`,
      )
    throw new ProcessingError(
      'EXTERNAL_FAILED',
      `${name} ended ${how} after ${wallS()} s. It said last: ${said}`,
    )
  } finally {
    clearInterval(timer)
    signal.removeEventListener('abort', end)
    end()
    log.end()
    await finished(log).catch(() => undefined)
  }
}

/** A shell reports the death of what it ran by 128 and the number of the signal. */
function howEnded(exitCode: number | undefined, signal: string | undefined): string {
  if (signal !== undefined) return `by signal ${signal}`
  const status = exitCode ?? NaN
  const found = Object.entries(constants.signals).find(([, number]) => number === status - 128)
  return found === undefined ? `with status ${status}` : `by signal ${found[0]}`
}

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { listServersInUse } from '../src/db/servers-in-use.js'

/** A fast shutdown writes a checkpoint; a server that is not done with it by then is told to leave that to its next start. */
const SHUTDOWN_MS = 15_000

/**
 * Ends a benchmark that gets SIGTERM, SIGINT or SIGHUP with all that it started: child processes, and the Postgres servers of its own data
 * folders, which are daemons and would go on. All in one go without a turn of the event loop: whatever still ran in this process would see
 * its server vanish and start it again.
 */
export function endOnSignal(): void {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const)
    process.once(signal, () => {
      for (const pid of children()) kill(pid, 'SIGKILL')
      for (const data of listServersInUse()) stopServer(data)
      process.exit(128 + constants.signals[signal])
    })
}

function children(): readonly number[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return []
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8')
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
      return parent === process.pid ? [Number(name)] : []
    } catch {
      return [] // Ended meanwhile.
    }
  })
}

function stopServer(data: string): void {
  const file = join(data, 'postmaster.pid')
  const pid = Number(read(file).split('\n')[0])
  // After a crash of the machine the number can be another program's.
  if (!Number.isSafeInteger(pid) || pid <= 1 || !read(`/proc/${pid}/cmdline`).includes(data)) return
  kill(pid, 'SIGINT')
  if (!isGone(file, SHUTDOWN_MS)) kill(pid, 'SIGQUIT')
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** Waits, without a turn of the event loop, until the server has removed its file, which it does last. */
function isGone(file: string, withinMs: number): boolean {
  const clock = new Int32Array(new SharedArrayBuffer(4))
  for (let waitedMs = 0; waitedMs < withinMs; waitedMs += 50) {
    if (!existsSync(file)) return true
    Atomics.wait(clock, 0, 0, 50)
  }
  return false
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // Gone already.
  }
}

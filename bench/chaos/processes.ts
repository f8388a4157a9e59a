import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** One life of a process: numbers are used again, start times (ticks since boot) are not. */
export interface ProcessLife {
  readonly pid: number
  readonly startTicks: number
}

/** The life behind a number now; undefined where there is none or only a zombie. Fields 3 and 22 of proc_pid_stat(5). */
export function lifeOf(pid: number): ProcessLife | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : { pid, startTicks: Number(fields[19]) }
  } catch {
    return undefined
  }
}

/** Kills a process if it still is the one that was meant; true if it was alive. */
export function killLife({ pid, startTicks }: ProcessLife): boolean {
  if (lifeOf(pid)?.startTicks !== startTicks) return false
  try {
    process.kill(pid, 'SIGKILL')
    return true
  } catch {
    return false
  }
}

/** Processes, other than this one and the database server's, with a folder in their arguments or environment. */
export function processesOf(folder: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      try {
        const line = readFileSync(join('/proc', pid, 'cmdline'), 'utf8')
          .replaceAll('\0', ' ')
          .trim()
        const environment = readFileSync(join('/proc', pid, 'environ'), 'utf8')
        const isServer = /^\S*postgres\b|^postgres:/.test(line)
        const isOfFolder = line.includes(folder) || environment.includes(folder)
        return isOfFolder && !isServer && lifeOf(Number(pid)) !== undefined ? [`${pid} ${line}`] : []
      } catch {
        return [] // Ended meanwhile, or another user's.
      }
    })
}

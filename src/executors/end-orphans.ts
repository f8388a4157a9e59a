import { readdirSync, readFileSync } from 'node:fs'

/** In the environment of a step process: which life of which process started it. */
export const PARENT_VARIABLE = 'TILTH_PARENT'

/** What two step processes of one host and database have in common; nodes of one host look after each other's. */
const SAME = ['TILTH_HOME', 'TILTH_HOST', 'DATABASE_URL']

/** How long an orphan may take to end by itself (it should within 2 s, runner/protocol.ts), ms. */
const PATIENCE_MS = 4000

/** Orphans that were seen before, with when they were first (performance.now). */
export type SeenOrphans = Map<string, number>

/**
 * `<pid>:<start time in ticks since boot>`: names one life of a process, because numbers are used again. Undefined for one that is gone
 * or a zombie, and where there is no /proc. Fields 3 and 22 of proc_pid_stat(5).
 */
export function lifeMark(pid: number | string): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : `${pid}:${fields[19] ?? ''}`
  } catch {
    return undefined
  }
}

/**
 * Kills step processes of this host that serve the same database (`env`, as given to step processes) and whose parent is dead, once
 * they have been seen so for longer than they should need to end by themselves: such as hang in native code or are stopped. Returns
 * them in words. Looks at /proc only; where there is none, there are none.
 */
export function endOrphans(env: Readonly<Record<string, string>>, seen: SeenOrphans): string[] {
  const killed: string[] = []
  const found = new Set<string>()
  for (const pid of processNumbers()) {
    const parent = parentOf(pid, env)
    if (parent === undefined || lifeMark(parent.slice(0, parent.indexOf(':'))) === parent) continue
    const mark = lifeMark(pid)
    if (mark === undefined) continue
    found.add(mark)
    const since = seen.get(mark) ?? performance.now()
    seen.set(mark, since)
    if (performance.now() - since < PATIENCE_MS) continue
    try {
      process.kill(Number(pid), 'SIGKILL')
      killed.push(`step process ${pid}, whose scheduler ${parent.slice(0, parent.indexOf(':'))} is gone`)
    } catch {
      // Ended meanwhile, or another user's.
    }
  }
  for (const mark of seen.keys()) if (!found.has(mark)) seen.delete(mark)
  return killed
}

function processNumbers(): string[] {
  try {
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  } catch {
    return []
  }
}

/** The mark of the parent of a step process of the same database; undefined for any other process. */
function parentOf(pid: string, env: Readonly<Record<string, string>>): string | undefined {
  try {
    if (!readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('\0run-step\0--serve')) return undefined
    const own = new Map(
      readFileSync(`/proc/${pid}/environ`, 'utf8')
        .split('\0')
        .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    )
    const isOurs = SAME.every((name) => own.get(name) === env[name])
    const parent = own.get(PARENT_VARIABLE)
    return isOurs && parent !== undefined && parent !== '' ? parent : undefined
  } catch {
    return undefined
  }
}

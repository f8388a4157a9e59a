import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs'

/** One finished command: wall and CPU seconds apart, peak of the summed resident memory of its whole process tree in MB. */
export interface Measured {
  readonly wallSeconds: number
  readonly cpuSeconds: number
  readonly peakTreeMb: number
}

function treeRssKb(rootPid: number): number {
  const parents = new Map<number, number>()
  const rss = new Map<number, number>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8')
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      parents.set(Number(name), Number(fields[1]))
      rss.set(Number(name), Number(fields[21]) * 4)
    } catch {
      // The process ended between listing and reading.
    }
  }
  const inTree = (pid: number): boolean => {
    for (let p: number | undefined = pid; p !== undefined && p > 1; p = parents.get(p))
      if (p === rootPid) return true
    return false
  }
  let sum = 0
  for (const [pid, kb] of rss) if (inTree(pid)) sum += kb
  return sum
}

/**
 * Runs a command to its end and measures it. Memory is sampled every 100 ms over the whole process tree (shared pages counted once a process).
 * CPU is that of this process' children that ended meanwhile, so commands must be measured one after the other.
 */
export async function measure(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<Measured> {
  const cpuBefore = childrenCpuSeconds()
  const started = performance.now()
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'], env })
  let peakKb = 0
  const timer = setInterval(() => {
    if (child.pid !== undefined) peakKb = Math.max(peakKb, treeRssKb(child.pid))
  }, 100)
  const status = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', resolve)
  })
  clearInterval(timer)
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${String(status)}`)
  return {
    wallSeconds: (performance.now() - started) / 1000,
    cpuSeconds: childrenCpuSeconds() - cpuBefore,
    peakTreeMb: peakKb / 1024,
  }
}

/** CPU seconds of ended and awaited children of this process: fields cutime and cstime of /proc/self/stat, 100 ticks a second. */
function childrenCpuSeconds(): number {
  const stat = readFileSync('/proc/self/stat', 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[13]) + Number(fields[14])) / 100
}

/** CPU seconds that all processes of the machine have used since it started: all but idle and iowait of the first line of /proc/stat. */
export function busyCpuSeconds(): number {
  const [, ...ticks] = (readFileSync('/proc/stat', 'utf8').split('\n', 1)[0] ?? '').split(/\s+/)
  // user, nice, system, idle, iowait, irq, softirq, steal; what guests used is in user and nice already.
  return ticks.slice(0, 8).reduce((sum, t, i) => (i === 3 || i === 4 ? sum : sum + Number(t)), 0) / 100
}

export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** Makes a folder anew. */
export function emptied(folder: string): void {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
}

/** Wall and CPU time in words. */
export const described = ({ wallSeconds, cpuSeconds }: Measured): string =>
  `${wallSeconds.toFixed(1)} s wall (${cpuSeconds.toFixed(1)} s CPU)`

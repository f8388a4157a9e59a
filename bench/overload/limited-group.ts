import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  rmdirSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'

export interface GroupLimits {
  /** Memory of all processes of the group with their page cache, MiB. */
  readonly memoryMb: number
  /** What they read from the disk below `folder` at most, MiB/s. */
  readonly readMbS: number
  readonly folder: string
}

/** A control group of this machine with limits of its own. */
export interface LimitedGroup {
  /** `cgroup.procs` files that a process writes its id into to enter. */
  readonly doors: readonly string[]
  /** Processes that the kernel killed in it for lack of memory, so far. */
  countKills(): number
  /** Once its processes have ended. */
  remove(): void
}

const ROOT = '/sys/fs/cgroup'

/**
 * Makes a control group: of version 2 beside this process's own one, since one with processes cannot limit groups within it; of version 1 within it, so
 * that no limit is left, and where version 2 is mounted beside, a group of it too for its pressure counters. Returns in words why it cannot.
 * Source: Linux kernel, Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/.
 */
export function makeLimitedGroup(name: string, limits: GroupLimits): LimitedGroup | string {
  if (process.getuid?.() !== 0) return 'only root may set limits of control groups'
  const disk = diskOf(limits.folder)
  if (disk === null) return `${limits.folder} lies on no disk of its own whose reads could be limited`
  const made: string[] = []
  const remove = () => {
    for (const folder of made.reverse()) if (existsSync(folder)) rmdirSync(folder)
  }
  try {
    const groups = folders(name)
    if (typeof groups === 'string') return groups
    for (const folder of groups.all) {
      mkdirSync(folder)
      made.push(folder)
    }
    const bytes = limits.memoryMb * 2 ** 20
    const readBytes = limits.readMbS * 2 ** 20
    if (groups.version === 2) {
      writeFileSync(join(groups.memory, 'memory.max'), String(bytes))
      if (existsSync(join(groups.memory, 'memory.swap.max')))
        writeFileSync(join(groups.memory, 'memory.swap.max'), '0')
      writeFileSync(join(groups.io, 'io.max'), `${disk} rbps=${readBytes}`)
    } else {
      writeFileSync(join(groups.memory, 'memory.limit_in_bytes'), String(bytes))
      writeFileSync(join(groups.io, 'blkio.throttle.read_bps_device'), `${disk} ${readBytes}`)
    }
    const kills = join(groups.memory, groups.version === 2 ? 'memory.events' : 'memory.oom_control')
    return {
      doors: groups.all.map((folder) => join(folder, 'cgroup.procs')),
      countKills: () => Number(/^oom_kill (\d+)$/m.exec(readFileSync(kills, 'utf8'))?.[1] ?? 0),
      remove,
    }
  } catch (error) {
    remove()
    return `the limits of a control group cannot be set: ${error instanceof Error ? error.message : String(error)}`
  }
}

type Folders =
  | {
      readonly version: 1 | 2
      readonly memory: string
      readonly io: string
      readonly all: readonly string[]
    }
  | string

function folders(name: string): Folders {
  const own = readFileSync('/proc/self/cgroup', 'utf8')
  const of = (pattern: RegExp) => pattern.exec(own)?.[1]
  const unified = of(/^0::(.*)$/m)
  if (existsSync(join(ROOT, 'cgroup.controllers')) && unified !== undefined) {
    // Only the root can have both processes and limited groups.
    const parent = join(ROOT, unified)
    const place = existsSync(join(parent, 'cgroup.type')) ? dirname(parent) : parent
    writeFileSync(join(place, 'cgroup.subtree_control'), '+memory +io')
    const folder = join(place, name)
    return { version: 2, memory: folder, io: folder, all: [folder] }
  }
  const memory = of(/^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(.*)$/m)
  const io = of(/^\d+:(?:[^:]*,)?blkio(?:,[^:]*)?:(.*)$/m)
  if (memory === undefined || io === undefined)
    return 'this kernel has no controllers of memory and of reads from disks'
  const [memoryFolder, ioFolder] = [join(ROOT, 'memory', memory, name), join(ROOT, 'blkio', io, name)]
  const hybrid = join(ROOT, 'unified', unified ?? '/')
  return {
    ...{ version: 1, memory: memoryFolder, io: ioFolder },
    all: [memoryFolder, ioFolder, ...(existsSync(join(hybrid, 'cgroup.procs')) ? [join(hybrid, name)] : [])],
  }
}

/** `major:minor` of the whole disk that a folder lies on; null where that is none, such as a file system in memory or on the network. */
function diskOf(folder: string): string | null {
  const { dev } = statSync(folder)
  // As the C library packs them (makedev(3)) in 32 bits.
  const [major, minor] = [(dev >> 8) & 0xfff, (dev & 0xff) | ((dev >> 12) & 0xfff00)]
  const link = `/sys/dev/block/${major}:${minor}`
  if (!existsSync(link)) return null
  const device = realpathSync(link)
  const whole = existsSync(join(device, 'partition')) ? dirname(device) : device
  return readFileSync(join(whole, 'dev'), 'utf8').trim()
}

/** Drops what is cached of a file that is on the disk whole: the next read of it comes from there. */
export function makeCold(path: string): void {
  execFileSync('dd', [`if=${path}`, 'iflag=nocache', 'count=0', 'status=none'])
}

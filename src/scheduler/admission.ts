import { leastExcess } from './least-excess.js'
import type { HeldSlots, SpreadStarts } from './pressure.js'

/** A ready step, in the order of the queue, with what it will be granted. */
export interface Candidate {
  readonly id: number
  readonly processor: string
  readonly siteId: number | null
  readonly memoryMb: number
  /** Files below staging and scratch that are still to be written; default 0. */
  readonly diskMb?: number
  /** 1 for each thread that only reads and writes; default 0. */
  readonly ioWeight?: number
  /** What such steps were seen to make use of; beyond it the threads hint does not count. Default and null: not known. */
  readonly usableThreads?: number | null
}

export interface RunningStep extends Candidate {
  /** Granted now. */
  readonly threads: number
}

export interface Capacity {
  /** `executor.cpu_slots` x `executor.oversubscription`, rounded down, >= 1. */
  readonly slots: number
  readonly memoryMb: number
  /** Free now beyond `storage.min_free_mb`, where archive and scratch have less of it; default: not looked at. */
  readonly diskMb?: number
  /** `executor.io_weight`; default: not looked at. */
  readonly ioWeight?: number
  /** Available on the machine now, beyond `executor.memory_reserve_mb`; default: not looked at. */
  readonly memoryLeftMb?: number
  /** Fewer slots than `slots` are handed out for the time being (`PressureGate`), and why; default: all. */
  readonly held?: HeldSlots | null
  /** Most steps at once for the time being (`PressureGate`), and why; default: as many as fit. */
  readonly spread?: SpreadStarts | null
}

/** One explicit max_parallelism. */
export interface CapBound {
  readonly cap: number
  /** It bounds this site with all its sub-sites, by slug; null: all sites together. */
  readonly site: string | null
}

export interface Caps {
  /** Every row of `processor.<name>.max_parallelism` that bounds a step: global, its site's, its ancestors'. None: automatic. */
  bounds(processor: string, siteId: number | null): readonly CapBound[]
  /** The site and its ancestors by slug; none for null. */
  lineage(siteId: number | null): readonly string[]
  /** `processor.<name>.tile_threads_hint` in force for the site, >= 1. */
  threadsHint(processor: string, siteId: number | null): number
}

export interface Admission {
  readonly start: readonly { readonly id: number; readonly threads: number }[]
  /** New budgets of steps that run already, only where they change. */
  readonly budgets: readonly { readonly id: number; readonly threads: number }[]
  /** Why each other candidate waits. */
  readonly waiting: readonly { readonly id: number; readonly reason: string }[]
}

/**
 * Which ready steps start now, and how many threads each running step has. Pure; the same for any executor. Steps that
 * run `elsewhere`, on other hosts, count for the caps but take nothing of this host.
 *
 * - A step needs one slot, its memory, its disk and its I/O weight. Its hint is what it wants, at most what it can make use of. A processor on automatic runs ceil(slots / hint) steps on a host,
 *   so that each gets about its hint, and one more where there is a slot for it: what a step does with one thread, such as reading its
 *   metadata and publishing, leaves the others idle otherwise (docs/performance.md, "Tail"); explicit max_parallelism lets as many run as all bounds, slots and memory allow.
 * - A step over a cap is passed over. The first one that lacks something is the head: what it waits for is kept for it, or a large
 *   step would starve behind small ones. A step behind it starts only where the head can begin no later for it, whichever of the
 *   running steps ends first. A step larger than the whole host runs alone instead of never.
 * - Slots are shared evenly up to each step's hint. What then is free goes to running steps beyond their hint, unless a
 *   step that fits still waits. The sum of threads never exceeds the slots, except where each step is down to one thread
 *   after slots were taken away: running steps are not stopped for that.
 */
export function admit(
  running: readonly RunningStep[],
  candidates: readonly Candidate[],
  capacity: Capacity,
  caps: Caps,
  elsewhere: readonly Candidate[] = [],
): Admission {
  const active: Candidate[] = [...running]
  const chosen: Candidate[] = []
  const waiting: { id: number; reason: string }[] = []
  let head: {
    readonly id: number
    readonly reason: string
    readonly slack: Record<Dimension, number>
  } | null = null
  for (const step of candidates) {
    const capped = overCap(step, active, elsewhere, capacity, caps)
    const lacks =
      capped ?? lacksResource(step, active, capacity) ?? lacksMemoryNow(step, chosen, running, capacity)
    if (lacks !== null) {
      waiting.push({ id: step.id, reason: lacks })
      if (capped === null)
        head ??= { id: step.id, reason: lacks, slack: slackBeside(step, active, capacity, caps) }
      continue
    }
    if (head !== null) {
      const { slack } = head
      const delaying = DIMENSIONS.find((dimension) => USE[dimension](step) > slack[dimension])
      if (delaying !== undefined) {
        waiting.push({ id: step.id, reason: `it could delay step ${head.id}, which ${head.reason}` })
        continue
      }
      for (const dimension of DIMENSIONS) slack[dimension] -= USE[dimension](step)
    }
    active.push(step)
    chosen.push(step)
  }
  const threads = shareSlots(active, slotsOf(capacity), caps)
  return {
    start: chosen.map(({ id }) => ({ id, threads: threads.get(id) ?? 1 })),
    budgets: running
      .map(({ id }) => ({ id, threads: threads.get(id) ?? 1 }))
      .filter(({ id, threads: next }) => running.some((r) => r.id === id && r.threads !== next)),
    waiting,
  }
}

function overCap(
  step: Candidate,
  active: readonly Candidate[],
  elsewhere: readonly Candidate[],
  capacity: Capacity,
  caps: Caps,
): string | null {
  const isSame = (a: Candidate) => a.processor === step.processor
  const here = active.filter(isSame)
  const everywhere = [...here, ...elsewhere.filter(isSame)]
  const key = `processor.${step.processor}.max_parallelism`
  const bounds = caps.bounds(step.processor, step.siteId)
  for (const { cap, site } of bounds) {
    const counted =
      site === null ? everywhere : everywhere.filter((a) => caps.lineage(a.siteId).includes(site))
    if (counted.length >= cap)
      return `${key}${site === null ? '' : ` of site ${site}`} is ${cap}, and ${counted.length} run`
  }
  if (bounds.length > 0) return null
  const hint = caps.threadsHint(step.processor, step.siteId)
  const wanted = threadsWanted(step, caps)
  if (here.length < Math.min(capacity.slots, Math.ceil(capacity.slots / wanted) + 1)) return null
  const why =
    wanted < hint
      ? `with the ${wanted} threads that such steps make use of`
      : `with processor.${step.processor}.tile_threads_hint ${hint}`
  return `${here.length} run, as many as ${capacity.slots} slots take ${why} while ${key} is automatic`
}

/** The hint in force, or what such steps were seen to make use of where that is less. */
export const threadsWanted = (step: Candidate, caps: Caps): number =>
  Math.min(caps.threadsHint(step.processor, step.siteId), step.usableThreads ?? Infinity)

type Dimension = 'slots' | 'memory' | 'disk' | 'io'
const DIMENSIONS: readonly Dimension[] = ['slots', 'memory', 'disk', 'io']
const USE: Readonly<Record<Dimension, (step: Candidate) => number>> = {
  slots: () => 1,
  memory: (step) => step.memoryMb,
  disk: (step) => step.diskMb ?? 0,
  io: (step) => step.ioWeight ?? 0,
}

const slotsOf = ({ slots, held }: Capacity): number => Math.min(slots, held?.slots ?? Infinity)

const sizeOf = (capacity: Capacity): Readonly<Record<Dimension, number>> => ({
  slots: slotsOf(capacity),
  memory: capacity.memoryMb,
  disk: capacity.diskMb ?? Infinity,
  io: capacity.ioWeight ?? Infinity,
})

const sumOf = (dimension: Dimension, steps: readonly Candidate[]): number =>
  steps.reduce((sum, step) => sum + USE[dimension](step), 0)

function lacksResource(step: Candidate, active: readonly Candidate[], capacity: Capacity): string | null {
  if (active.length === 0) return null
  if (capacity.spread != null && active.length >= capacity.spread.steps) return capacity.spread.reason
  const size = sizeOf(capacity)
  for (const dimension of DIMENSIONS) {
    const free = size[dimension] - sumOf(dimension, active)
    const need = USE[dimension](step)
    if (need === 0 || need <= free) continue
    const left = Math.max(0, Math.floor(free))
    switch (dimension) {
      case 'slots':
        return capacity.held == null
          ? `all ${capacity.slots} slots are taken`
          : `all of the ${slotsOf(capacity)} slots are taken that are handed out of ${capacity.slots}: ${capacity.held.reason}`
      case 'memory':
        return `needs ${need} MiB, ${left} of ${size.memory} are free`
      case 'disk':
        return `needs ${need} MiB of disk, ${left} are free beyond storage.min_free_mb and what running steps will write`
      case 'io':
        return `weighs ${need} in I/O, ${left} of ${size.io} are free`
    }
  }
  return null
}

/**
 * Beside running steps, what the machine has available now has to suffice for those that are started together. Running ones may still grow: for that their
 * declared memory is counted by `lacksResource`; this sees what others take on the same machine.
 */
function lacksMemoryNow(
  step: Candidate,
  chosen: readonly Candidate[],
  running: readonly RunningStep[],
  { memoryLeftMb = Infinity }: Capacity,
): string | null {
  if (running.length + chosen.length === 0) return null
  const left = memoryLeftMb - sumOf('memory', chosen)
  if (step.memoryMb <= left) return null
  return `needs ${step.memoryMb} MiB, the machine has ${Math.max(0, Math.floor(left))} available beyond executor.memory_reserve_mb`
}

/**
 * What steps behind the head may take of each resource, so that the head can begin no later than without them: as much as is left
 * over when, of the running steps, just those have ended with which the head fits most tightly. Negative: nothing may start.
 * Threads count with the hints of running steps: a step that took some of theirs would make them end later.
 */
function slackBeside(
  head: Candidate,
  active: readonly Candidate[],
  capacity: Capacity,
  caps: Caps,
): Record<Dimension, number> {
  const size = sizeOf(capacity)
  const slackOf = (dimension: Dimension): number => {
    const need = USE[dimension](head)
    const free = size[dimension] - sumOf(dimension, active)
    if (need > size[dimension]) return -1
    return need <= free ? free - need : leastExcess(active.map(USE[dimension]), need - free)
  }
  const wanted = [...active, head].reduce(
    (sum, step) => sum + (step === head ? 1 : threadsWanted(step, caps)),
    0,
  )
  return {
    slots: slotsOf(capacity) - wanted,
    memory: slackOf('memory'),
    disk: slackOf('disk'),
    io: slackOf('io'),
  }
}

/** One thread each, then rounds of one more to those below their hint, then to all; first come first served within a round. */
function shareSlots(active: readonly Candidate[], slots: number, caps: Caps): Map<number, number> {
  const threads = new Map(active.map(({ id }) => [id, 1]))
  let free = slots - active.length
  const round = (limit: (step: Candidate) => number): boolean => {
    let given = false
    for (const step of active) {
      const now = threads.get(step.id) ?? 1
      if (free <= 0 || now >= limit(step)) continue
      threads.set(step.id, now + 1)
      free -= 1
      given = true
    }
    return given
  }
  while (round((step) => threadsWanted(step, caps)));
  // No step that could start is left here: `admit` has taken all that fit. So these slots would stand idle.
  while (round(() => slots));
  return threads
}

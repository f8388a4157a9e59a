/** A ready step, in the order of the queue. */
export interface Candidate {
  readonly id: number
  readonly processor: string
  readonly siteId: number | null
  readonly memoryMb: number
}

export interface RunningStep extends Candidate {
  /** Granted now. */
  readonly threads: number
}

export interface Capacity {
  /** `executor.cpu_slots` x `executor.oversubscription`, rounded down, >= 1. */
  readonly slots: number
  readonly memoryMb: number
}

export interface Caps {
  /** `processor.<name>.max_parallelism` as global row or default: bounds the sum over all sites. 0 = automatic. */
  globalParallelism(processor: string): number
  /** The site's own or inherited row: bounds its share. 0 = no bound of its own. */
  siteParallelism(processor: string, siteId: number | null): number
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
 * run `elsewhere`, on other hosts, count for the caps but take none of these slots and this memory.
 *
 * - A step needs at least one slot and its memory. A processor on automatic runs ceil(slots / hint) steps, so that each
 *   gets about its hint; an explicit max_parallelism N lets N run, as far as slots and memory go.
 * - A step over its processor's or site's cap is passed over. One that lacks slots or memory is not overtaken, or a large
 *   step would starve behind small ones. A step larger than the whole memory runs alone instead of never.
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
  let full: string | null = null
  for (const step of candidates) {
    const capped = overCap(step, [...active, ...elsewhere], capacity, caps)
    if (capped !== null) {
      waiting.push({ id: step.id, reason: capped })
      continue
    }
    full ??= lacksResource(step, active, capacity)
    if (full !== null) {
      waiting.push({ id: step.id, reason: full })
      continue
    }
    active.push(step)
    chosen.push(step)
  }
  const threads = shareSlots(active, capacity.slots, caps)
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
  capacity: Capacity,
  caps: Caps,
): string | null {
  const same = active.filter((a) => a.processor === step.processor)
  const cap = caps.globalParallelism(step.processor)
  const siteCap = caps.siteParallelism(step.processor, step.siteId)
  const key = `processor.${step.processor}.max_parallelism`
  if (cap > 0 && same.length >= cap) return `${key} is ${cap}, and ${same.length} run`
  const ofSite = same.filter((a) => a.siteId === step.siteId).length
  if (siteCap > 0 && ofSite >= siteCap) return `${key} of the site is ${siteCap}, and ${ofSite} run`
  if (cap === 0 && siteCap === 0) {
    const hint = caps.threadsHint(step.processor, step.siteId)
    const automatic = Math.max(1, Math.ceil(capacity.slots / hint))
    if (same.length >= automatic)
      return `${same.length} run with ${hint} threads in mind on ${capacity.slots} slots; ${key} is automatic`
  }
  return null
}

function lacksResource(step: Candidate, active: readonly Candidate[], capacity: Capacity): string | null {
  if (active.length === 0) return null
  if (active.length >= capacity.slots) return `all ${capacity.slots} slots are taken`
  const used = active.reduce((sum, a) => sum + a.memoryMb, 0)
  if (used + step.memoryMb > capacity.memoryMb)
    return `needs ${step.memoryMb} MiB, ${Math.max(0, capacity.memoryMb - used)} of ${capacity.memoryMb} are free`
  return null
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
  while (round((step) => caps.threadsHint(step.processor, step.siteId)));
  // No step that could start is left here: `admit` has taken all that fit. So these slots would stand idle.
  while (round(() => slots));
  return threads
}

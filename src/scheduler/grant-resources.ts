import type { ReadyStep } from '../db/steps/list-ready-steps.js'
import type { LearnedUse } from '../db/steps/read-learned-use.js'
import type { Candidate } from './admission.js'

/** `step.granted`: what a step is admitted with, for whoever asks why. */
export interface GrantedResources {
  readonly memory_mb: number
  readonly disk_mb: number
  readonly io_weight: number
  /** Threads that it can make use of, as was learned; absent: as many as `tile_threads_hint` says. */
  readonly cpu?: number
  /** In words where the memory comes from. */
  readonly memory_from: string
}

export interface GrantSettings {
  /** `processor.<name>.memory_mb` in force; 0: declared and learned. */
  readonly memoryMb: number
  /** `resources.learn`. */
  readonly learns: boolean
  readonly minSamples: number
  readonly quantile: number
  readonly margin: number
  readonly floorMb: number
  /** 0: the executor's memory. */
  readonly ceilingMb: number
  /** See `executorMemoryMb`; Infinity where nobody knows. */
  readonly executorMb: number
}

/**
 * What a step is admitted with: of each resource what recent steps of its processor and size class have used (quantile x margin), else
 * what it declares. For memory what an operator has set goes before, floor and ceiling hold, and it is never less than what it came to
 * after memory had run out. Pure.
 *
 * Threads: a step cannot show that it could use more than it was given. One that kept its threads busy to more than 1 / margin comes out
 * with one more, so that few slots today do not hold it back for ever.
 */
export function grantResources(
  step: Pick<ReadyStep, 'memoryMb' | 'memoryFloorMb' | 'diskMb' | 'ioWeight'>,
  learned: LearnedUse | undefined,
  settings: GrantSettings,
): GrantedResources {
  const { learns, minSamples, margin } = settings
  const known = learns && learned !== undefined && learned.steps >= minSamples ? learned : undefined
  const withMargin = (used: number | null | undefined) => (used == null ? undefined : used * margin)
  const busyThreads = withMargin(known?.busyThreads)
  const base = baseMemory(step.memoryMb, known, settings)
  const isRaised = step.memoryFloorMb > base.mb
  return {
    memory_mb: Math.max(base.mb, step.memoryFloorMb),
    disk_mb: Math.ceil(withMargin(known?.diskMb) ?? step.diskMb),
    io_weight: Math.round((withMargin(known?.ioWeight) ?? step.ioWeight) * 1000) / 1000,
    ...(busyThreads === undefined ? {} : { cpu: Math.max(1, Math.ceil(busyThreads)) }),
    memory_from: isRaised ? `raised after memory had run out; ${base.from}` : base.from,
  }
}

function baseMemory(
  declaredMb: number,
  learned: LearnedUse | undefined,
  { memoryMb, quantile, margin, floorMb, ceilingMb, executorMb }: GrantSettings,
): { mb: number; from: string } {
  if (memoryMb > 0) return { mb: memoryMb, from: 'set' }
  if (learned === undefined) return { mb: declaredMb, from: 'declared' }
  const usedMb = learned.peakKb / 1024
  const ceiling = Math.max(floorMb, ceilingMb > 0 ? Math.min(ceilingMb, executorMb) : executorMb)
  return {
    mb: Math.min(ceiling, Math.max(floorMb, Math.ceil(usedMb * margin))),
    from: `learned: ${Math.round(quantile * 100)} % of the last ${learned.steps} such steps used up to ${Math.round(usedMb)} MiB; ${declaredMb} MiB declared`,
  }
}

/** A ready step as admission sees it. */
export const asCandidate = (step: ReadyStep, granted: GrantedResources): Candidate => ({
  id: step.id,
  processor: step.processor,
  siteId: step.siteId,
  memoryMb: granted.memory_mb,
  diskMb: granted.disk_mb,
  ioWeight: granted.io_weight,
  usableThreads: granted.cpu ?? null,
})

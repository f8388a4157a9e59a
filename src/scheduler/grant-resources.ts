import type { ReadyStep } from '../db/steps/list-ready-steps.js'
import type { LearnedUse } from '../db/steps/read-learned-use.js'
import type { Candidate } from './admission.js'

/** `step.granted`: what a step is admitted with, for whoever asks why. */
export interface GrantedResources {
  readonly memory_mb: number
  readonly disk_mb: number
  readonly io_weight: number
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
 * What a step is admitted with. Its memory is what an operator has set, else what recent steps of its processor and size class have
 * used (quantile x margin, within floor and ceiling), else what it declares; never less than what it came to after memory had run
 * out. Disk and I/O weight are as declared. Pure.
 */
export function grantResources(
  step: Pick<ReadyStep, 'memoryMb' | 'memoryFloorMb' | 'diskMb' | 'ioWeight'>,
  learned: LearnedUse | undefined,
  settings: GrantSettings,
): GrantedResources {
  const base = baseMemory(step.memoryMb, learned, settings)
  const isRaised = step.memoryFloorMb > base.mb
  return {
    memory_mb: Math.max(base.mb, step.memoryFloorMb),
    disk_mb: step.diskMb,
    io_weight: step.ioWeight,
    memory_from: isRaised ? `raised after memory had run out; ${base.from}` : base.from,
  }
}

function baseMemory(
  declaredMb: number,
  learned: LearnedUse | undefined,
  { memoryMb, learns, minSamples, quantile, margin, floorMb, ceilingMb, executorMb }: GrantSettings,
): { mb: number; from: string } {
  if (memoryMb > 0) return { mb: memoryMb, from: 'set' }
  if (!learns || learned === undefined || learned.steps < minSamples)
    return { mb: declaredMb, from: 'declared' }
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
})

import type { StepHistory } from '../../../scheduler/queue-view.js'

/** What a stage has taken. */
export interface StageUse {
  readonly stage: string
  /** Products simulated, or steps that succeeded. */
  readonly count: number
  /** Real time, s; of processors, whose steps run side by side, the sum over their last attempts. */
  readonly wallS: number
  /** Null where it was not measured. */
  readonly cpuS: number | null
  /** Of one process, or all processes of a step, at their peak, MiB. */
  readonly peakMb: number | null
}

/** Of each processor, in the order of the chain. Pure. */
export function useOfSteps(steps: readonly StepHistory[]): readonly StageUse[] {
  return ['l2a', 'ndvi', 'composite'].map((stage) => {
    const own = steps.filter(({ processor, state }) => processor === stage && state === 'succeeded')
    return {
      stage,
      count: own.length,
      wallS: own.reduce((sum, { wallS }) => sum + (wallS ?? 0), 0),
      cpuS: own.reduce((sum, { cpuS }) => sum + (cpuS ?? 0), 0),
      peakMb: Math.round(Math.max(0, ...own.map(({ maxRssKb }) => maxRssKb ?? 0)) / 1024),
    }
  })
}

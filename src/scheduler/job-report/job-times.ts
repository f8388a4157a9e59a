import type { ReportEvent } from '../../db/report/list-job-events.js'
import type { StepTimeline } from './timeline.js'

/** Wall and CPU time of a job, in seconds; never added to each other. */
export interface JobTimes {
  /** From the making of the job to its end, or until now. */
  readonly elapsedS: number
  /** From the first claim to the last end: what the job itself took. Null before the first claim. */
  readonly wallS: number | null
  /** CPU time of the attempts that counted. */
  readonly cpuS: number
  /** CPU time of attempts that failed, as far as it was measured: work for nothing. */
  readonly lostCpuS: number
  /** CPU time of the attempts that counted over wall time: how many CPUs did useful work, on average. */
  readonly speedUp: number | null
  /** Of the nodes that its steps ran on together: those in force at the claims, in a cluster the CPUs of its nodes. */
  readonly slots: number
  /** Speed-up over slots, 0..1 and above 1 where steps use more CPUs than they were given. */
  readonly efficiency: number | null
}

/** Pure. */
export function jobTimes(
  timeline: readonly StepTimeline[],
  events: readonly ReportEvent[],
  elapsedS: number,
): JobTimes {
  const runs = timeline.flatMap(({ intervals }) => intervals.filter(({ kind }) => kind === 'running'))
  const starts = runs.map(({ fromS }) => fromS)
  const ends = runs.map(({ toS }) => toS)
  const wallS = runs.length === 0 ? null : Math.max(...ends) - Math.min(...starts)
  const cpuS = timeline
    .filter(({ step }) => step.state === 'succeeded')
    .reduce((sum, { step }) => sum + (step.resources.cpu_s ?? 0), 0)
  const lostCpuS = events
    .filter(({ kind }) => kind === 'failed')
    .reduce((sum, { cpuS: cpu }) => sum + (cpu ?? 0), 0)
  const slotsOf = new Map<string, number>()
  for (const { step } of timeline)
    if (step.node !== null && step.slots !== null)
      slotsOf.set(step.node, Math.max(slotsOf.get(step.node) ?? 0, step.slots))
  const slots = [...slotsOf.values()].reduce((sum, n) => sum + n, 0)
  return { elapsedS, wallS, cpuS, lostCpuS, slots, ...gain(wallS, cpuS, slots) }
}

/** Speed-up and efficiency from their parts; null where there is nothing to divide. */
export function gain(
  wallS: number | null,
  cpuS: number,
  slots: number,
): Pick<JobTimes, 'speedUp' | 'efficiency'> {
  const speedUp = wallS === null || wallS <= 0 || cpuS === 0 ? null : cpuS / wallS
  return { speedUp, efficiency: speedUp === null || slots === 0 ? null : speedUp / slots }
}

/** `wall 44.0 s, CPU 80.1 s, speed-up 1.82 on 2 slots (efficiency 91 %)` */
export function describeTimes({
  wallS,
  cpuS,
  lostCpuS,
  speedUp,
  slots,
  efficiency,
}: Omit<JobTimes, 'elapsedS'>): string {
  if (wallS === null) return 'nothing has run yet'
  const lost = lostCpuS > 0 ? `, ${lostCpuS.toFixed(1)} s CPU lost in failed attempts` : ''
  const gain =
    speedUp === null || efficiency === null
      ? ''
      : `, speed-up ${speedUp.toFixed(2)} on ${slots} slots (efficiency ${Math.round(efficiency * 100)} %)`
  return `wall ${wallS.toFixed(1)} s, CPU ${cpuS.toFixed(1)} s${lost}${gain}`
}

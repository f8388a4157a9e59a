/** Open work of a job that has a deadline. */
export interface DeadlineWork {
  /** Seconds until the deadline; negative: it has passed. */
  readonly inS: number
  /** Steps of one kind that have not ended: how many, less what the running ones have done, and what one takes, s of slot time. */
  readonly open: readonly { readonly steps: number; readonly costS: number }[]
  /** How many of them have to run one after the other at most, from 1. */
  readonly depth: number
}

/** A job is close to its deadline once what is left of the time is no more than so many times what is left of the work. */
const CLOSE = 1.5

/**
 * How long the open work of a job takes at most when it has all slots, s: the work divided by the slots, and the longest row of steps that wait for each
 * other. Source: R. L. Graham, SIAM Journal on Applied Mathematics 17 (1969) 416-429.
 */
export const remainingS = ({ open, depth }: Pick<DeadlineWork, 'open' | 'depth'>, slots: number): number =>
  open.reduce((sum, { steps, costS }) => sum + steps * costS, 0) / Math.max(1, slots) +
  depth * Math.max(0, ...open.map(({ costS }) => costS))

/** Seconds to spare before the job is close to its deadline; negative: it is close, or late. */
export const slackS = (work: DeadlineWork, slots: number): number =>
  work.inS - CLOSE * remainingS(work, slots)

/** Slot time that was given while steps of both kinds waited, s. */
export interface Given {
  readonly urgentS: number
  readonly otherS: number
}

/**
 * Brings steps of jobs that are close to their deadline to the front, the least slack first, but gives them no more than `share` of the slot time, 0..1,
 * while others wait: so a deadline that cannot be kept stops nobody. All else stays in its order. Pure.
 */
export function favourUrgent<T>(
  steps: readonly T[],
  of: { slack(step: T): number | undefined; cost(step: T): number },
  given: Given,
  share: number,
): T[] {
  const slack = (step: T): number => of.slack(step) ?? Infinity
  const urgent = steps.filter((step) => slack(step) < 0).sort((a, b) => slack(a) - slack(b))
  if (urgent.length === 0 || share <= 0) return [...steps]
  const others = steps.filter((step) => slack(step) >= 0)
  const ordered: T[] = []
  let { urgentS, otherS } = given
  let [u, o] = [0, 0]
  while (u < urgent.length || o < others.length) {
    const isUrgent = o >= others.length || (u < urgent.length && urgentS * (1 - share) <= otherS * share)
    const step = isUrgent ? urgent[u++] : others[o++]
    if (step === undefined) break
    ordered.push(step)
    if (isUrgent) urgentS += of.cost(step)
    else otherS += of.cost(step)
  }
  return ordered
}

import type { FailureClass } from '../domain/errors.js'

/** From the settings `retry.*`. */
export interface RetrySettings {
  /** Failed attempts after which a step is quarantined, >= 1. */
  readonly maxFailures: number
  /** Wait before the first retry, seconds. */
  readonly backoffS: number
  /** Longest wait, seconds. */
  readonly backoffMaxS: number
}

/** What the failed attempt had, for the memory of the next one. */
export interface MemoryGiven {
  /** Admitted with, MiB. */
  readonly grantedMb: number
  /** How often its blocks were halved already. */
  readonly blockShrink: number
  /** All that a step can have where it runs, MiB; Infinity where nobody knows. */
  readonly executorMb: number
}

export type RetryDecision =
  | {
      readonly kind: 'retry'
      readonly delayS: number
      /** After memory ran out: the next attempt gets at least so much, with blocks halved so often. */
      readonly memory?: { readonly floorMb: number; readonly blockShrink: number }
    }
  | { readonly kind: 'fail' }
  /** `note`: what was tried, added to the message. */
  | { readonly kind: 'quarantine'; readonly note?: string }

/** Halved twice, a block of 1024 pixels cannot become smaller: the tiles of the output are 512. */
const MOST_SHRINK = 2
const MEMORY_FACTOR = 1.5

/** A product that is still being written is taken for damaged only after this long without a change (readL1cMetadata): no sooner again. */
const COPY_SETTLES_S = 60

/**
 * What happens after a failed attempt. Pure.
 * A permanent failure is never tried again. Others wait backoff x 2^(failures - 1), at most the longest wait, with "equal
 * jitter": between half of that and all of it, so that steps that failed together do not come back together.
 * A product that is still being copied waits at least until it counts as settled. After `maxFailures` the step is quarantined: someone should look.
 * A step whose memory ran out comes back with half as much again, up to all of the executor's. Once it had all, and in any case in the
 * last attempt, its blocks are halved too. When that does not help either it is quarantined, and the message says what was tried.
 *
 * @param failures failed attempts including this one, >= 1
 * @param random   uniform in [0, 1)
 * Source of the jitter: M. Brooker, "Exponential backoff and jitter", AWS Architecture Blog, 2015.
 */
export function retryDecision(
  failure: FailureClass,
  code: string,
  failures: number,
  settings: RetrySettings,
  random: number,
  given: MemoryGiven,
): RetryDecision {
  if (failure === 'permanent') return { kind: 'fail' }
  const isMemory = ['OUT_OF_MEMORY', 'MEMORY_LIMIT', 'MEMORY_TOO_SMALL'].includes(code)
  const hadAll = given.grantedMb >= given.executorMb
  if (failures >= settings.maxFailures || (isMemory && hadAll && given.blockShrink >= MOST_SHRINK))
    return { kind: 'quarantine', ...(isMemory ? { note: describeTried(given) } : {}) }
  // 2^1000 would be Infinity, and Infinity * 0 NaN.
  const full = Math.min(settings.backoffMaxS, settings.backoffS * 2 ** Math.min(failures - 1, 60))
  return {
    kind: 'retry',
    delayS: Math.max(full * (0.5 + random / 2), code === 'PRODUCT_COPYING' ? COPY_SETTLES_S : 0),
    ...(isMemory ? { memory: moreMemory(given, failures === settings.maxFailures - 1) } : {}),
  }
}

function moreMemory({ grantedMb, blockShrink, executorMb }: MemoryGiven, isLast: boolean) {
  const hadAll = grantedMb >= executorMb
  return {
    floorMb: Math.max(1, Math.min(executorMb, Math.ceil(grantedMb * MEMORY_FACTOR))),
    blockShrink: Math.min(MOST_SHRINK, blockShrink + (hadAll || isLast ? 1 : 0)),
  }
}

const describeTried = ({ grantedMb, blockShrink, executorMb }: MemoryGiven): string =>
  `Tried with up to ${grantedMb}${executorMb === Infinity ? '' : ` of the executor's ${executorMb}`} MiB${blockShrink === 0 ? '' : ` and blocks halved ${blockShrink === 1 ? 'once' : 'twice'}`}: it needs a host with more memory, or executor.memory_mb is too low.`

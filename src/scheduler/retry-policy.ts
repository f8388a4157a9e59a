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

export type RetryDecision =
  /** `memoryFactor` multiplies the memory that the next attempt is admitted with. */
  | { readonly kind: 'retry'; readonly delayS: number; readonly memoryFactor: number }
  | { readonly kind: 'fail' }
  | { readonly kind: 'quarantine' }

/** A product that is still being written is taken for damaged only after this long without a change (readL1cMetadata): no sooner again. */
const COPY_SETTLES_S = 60

/**
 * What happens after a failed attempt. Pure.
 * A permanent failure is never tried again. Others wait backoff x 2^(failures - 1), at most the longest wait, with "equal
 * jitter": between half of that and all of it, so that steps that failed together do not come back together.
 * A product that is still being copied waits at least until it counts as settled. After `maxFailures` the step is quarantined: someone should look. Out of memory comes back with half as much again.
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
): RetryDecision {
  if (failure === 'permanent') return { kind: 'fail' }
  if (failures >= settings.maxFailures) return { kind: 'quarantine' }
  // 2^1000 would be Infinity, and Infinity * 0 NaN.
  const full = Math.min(settings.backoffMaxS, settings.backoffS * 2 ** Math.min(failures - 1, 60))
  return {
    kind: 'retry',
    delayS: Math.max(full * (0.5 + random / 2), code === 'PRODUCT_COPYING' ? COPY_SETTLES_S : 0),
    memoryFactor: code === 'OUT_OF_MEMORY' ? 1.5 : 1,
  }
}

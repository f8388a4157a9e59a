import { setTimeout as sleep } from 'node:timers/promises'
import { ProcessingError, type ErrorCode } from '../../domain/errors.js'

/** A failure of a service that may be over later. */
export class ServiceError extends ProcessingError {
  constructor(
    code: ErrorCode,
    message: string,
    {
      retryAfterS = null,
      isRetried = true,
      cause,
    }: { readonly retryAfterS?: number | null; readonly isRetried?: boolean; readonly cause?: unknown } = {},
  ) {
    super(code, message, { cause })
    this.retryAfterS = retryAfterS
    this.isRetried = isRetried
  }
  /** What the service demanded, seconds; null: it demanded nothing. */
  readonly retryAfterS: number | null
  /** Whether the same request may do soon. */
  readonly isRetried: boolean
}

/** Longest pause within one command or look; what takes longer is left for later. */
export const LONGEST_PAUSE_S = 60

export interface BackOff {
  readonly tries: number
  /** First pause, seconds. */
  readonly firstS: number
  readonly signal: AbortSignal
  /** In [0, 1); a parameter for tests. */
  readonly random?: () => number
}

/** The pause before try `n` (2 is the first repetition), seconds: doubled each time, half of it random, at most 60. Pure. */
export function pauseSeconds(n: number, firstS: number, random: number): number {
  const whole = Math.min(LONGEST_PAUSE_S, firstS * 2 ** (n - 2))
  return whole * (0.5 + random / 2)
}

/**
 * Seconds that a Retry-After header asks for: a number, or a date seen from `now` (RFC 9110, section 10.2.3); null where it says nothing
 * that can be read. At most a day. Pure.
 */
export function retryAfterSeconds(header: string | null, now: Date): number | null {
  const text = header?.trim() ?? ''
  const seconds = /^\d+$/.test(text)
    ? Number(text)
    : /^[A-Z][a-z]{2},? /.test(text)
      ? (Date.parse(text) - now.getTime()) / 1000
      : NaN
  return Number.isFinite(seconds) ? Math.min(86_400, Math.max(0, seconds)) : null
}

/** Tries work again after failures that may pass, with growing pauses; the service's own demand counts for more. Throws the last failure. */
export async function withBackOff<T>(
  { tries, firstS, signal, random = Math.random }: BackOff,
  work: (attempt: number) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work(attempt)
    } catch (error) {
      signal.throwIfAborted()
      if (!(error instanceof ServiceError) || !error.isRetried || attempt >= tries) throw error
      if (error.retryAfterS !== null && error.retryAfterS > LONGEST_PAUSE_S) throw error
      const pause = error.retryAfterS ?? pauseSeconds(attempt + 1, firstS, random())
      await sleep(pause * 1000, undefined, { signal })
    }
  }
}

import { defaultOf } from '../config/settings.js'
import { CODECS, type Codec } from '../domain/codec.js'
import { ERROR_CODES, type ErrorCode, type FailureClass } from '../domain/errors.js'
import { completeStep, type ProductRow } from '../db/steps/complete-step.js'
import {
  cancelRunningStep,
  failStep,
  releaseSteps,
  type FailedAttempt,
  type StepFailure,
} from '../db/steps/end-attempt.js'
import { endIfSuperseded } from '../db/steps/end-superseded.js'
import { notePlacing } from '../db/steps/note-placing.js'
import { asUnavailable } from '../domain/database-away.js'
import { placeOfStep, readClaimedStep } from '../db/steps/read-claimed-step.js'
import { readChain, type ChainWishRow } from '../db/steps/read-chain.js'
import { renewLease } from '../db/steps/renew-lease.js'
import type { ClaimKey, Queryable } from '../db/steps/queryable.js'
import { executorMemoryMb } from './executor-memory.js'
import { retryDecision } from './retry-policy.js'
import { readSettings } from './settings-in-force.js'

/**
 * The rows of a step as its process may change them (`runner/step-store.ts`), over a database. Errors of the connection
 * become DATABASE_UNAVAILABLE, so that the runner can wait for Postgres to come back.
 */
export function createStepStore(db: Queryable) {
  const lease = async () => (await readSettings(db)).resolve('executor.lease_s').value
  let leaseSeconds = 30
  return {
    read: (key: ClaimKey) =>
      whileReachable(async () => {
        const row = await readClaimedStep(db, key)
        if (row === undefined) return undefined
        leaseSeconds = row.leaseSeconds ?? (await lease())
        return { ...row, leaseSeconds, codec: codecOf(row.codec) }
      }),
    renew: (key: ClaimKey, state: { pid: number; progress: number; note: string; resources: unknown }) =>
      whileReachable(() => renewLease(db, key, { ...state, leaseSeconds })),
    chain: (key: ClaimKey, wish: ChainWishRow) => whileReachable(() => readChain(db, key, wish)),
    supersede: (key: ClaimKey, resources: unknown) =>
      whileReachable(() => endIfSuperseded(db, key, resources)),
    place: (key: ClaimKey, locations: readonly string[]) =>
      whileReachable(() => notePlacing(db, key, locations)),
    succeed: (key: ClaimKey, products: readonly ProductRow[], resources: unknown) =>
      whileReachable(() => completeStep(db, key, products, resources)),
    fail: (key: ClaimKey, failure: RecordedFailure, resources: unknown) =>
      whileReachable(() => recordFailure(db, key, failure, resources)),
    cancel: (key: ClaimKey, resources: unknown) =>
      whileReachable(() => cancelRunningStep(db, key, resources)),
    release: (key: ClaimKey, reason: string) =>
      whileReachable(async () => (await releaseSteps(db, { kind: 'claim', ...key }, reason)).length > 0),
  }
}

/** A job that does not name one, or one of a newer program, gets the default: any codec gives the same pixels. */
const codecOf = (stored: string | null): Codec =>
  CODECS.find((codec) => codec === stored) ?? defaultOf('products.codec')

/** A failure whose class follows from its code. */
export type RecordedFailure = Omit<StepFailure, 'failure'>

/** Ends an attempt as failed, by the class of its code and the settings `retry.*` of its site. False when the claim was lost. */
export async function recordFailure(
  db: Queryable,
  key: ClaimKey,
  failure: RecordedFailure,
  resources: unknown,
): Promise<boolean> {
  const settings = await readSettings(db)
  const { siteId, executor } = (await placeOfStep(db, key.id)) ?? { siteId: null, executor: 'local' }
  const kind = classOf(failure.code)
  const executorMb = await executorMemoryMb(db, settings, executor)
  const decide = ({ failures, ...given }: FailedAttempt) =>
    retryDecision(kind, failure.code, failures, settings.retry(siteId), Math.random(), {
      ...given,
      executorMb,
    })
  return failStep(db, key, { ...failure, failure: kind }, decide, resources)
}

/** A code of a newer program is taken for a passing failure: to give up for good is worse than to try again. */
const classOf = (code: string): FailureClass =>
  Object.hasOwn(ERROR_CODES, code) ? ERROR_CODES[code as ErrorCode].failure : 'transient'

/** Errors of the connection become DATABASE_UNAVAILABLE; others stay as they are. */
export async function whileReachable<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    throw asUnavailable(cause)
  }
}

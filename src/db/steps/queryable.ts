import type { Database } from '../connect.js'

/** The pool or a transaction. */
export type Queryable = Database

/** Names one claim: every write of a running step carries it (the fence). */
export interface ClaimKey {
  readonly id: number
  readonly attempt: number
}

/**
 * True of a step that runs: by the rule `running_iff_leased` a lease says the same as the state. In writes that name a claim, because
 * the state is in the index of all that runs, which the planner would read from end to end while its statistics know no running step.
 */
export const HELD = 'lease_expires_at is not null'

/**
 * True of a predecessor `p` over its edge `d` that still holds its successor back: it has neither succeeded nor, where its end alone suffices
 * (chains), ended.
 */
export const HOLDS_BACK =
  "p.state <> 'succeeded' and not (d.end_suffices and p.state in ('failed', 'cancelled', 'quarantined'))"

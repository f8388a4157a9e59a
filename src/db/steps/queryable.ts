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

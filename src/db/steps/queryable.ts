import type { Database } from '../connect.js'

/** The pool or a transaction. */
export type Queryable = Database

/** Names one claim: every write of a running step carries it (the fence). */
export interface ClaimKey {
  readonly id: number
  readonly attempt: number
}

import { sql } from 'kysely'
import type { Queryable } from './queryable.js'

/** How an L2A product began in its chain, and what it left for the next date. */
export interface ChainStateRow {
  readonly mode: 'init' | 'nominal' | 'backward'
  /** Of the state that it left. */
  readonly digest: string
  /** Whose state it took, and the digest under which that was registered. */
  readonly previous: { readonly productId: number; readonly digest: string } | null
  /** 0: it takes no state. */
  readonly maxAgeDays: number
  readonly otherOrbits: boolean
  readonly backwardDates: number
  /** Acquisitions that its backward start read. */
  readonly following: readonly number[]
}

/** Registers the chain's state of a product by its name, in the transaction that registers the product; triggers make stale what began otherwise. */
export async function writeChainState(trx: Queryable, name: string, row: ChainStateRow): Promise<void> {
  await sql`
    insert into chain_state (product_id, mode, digest, previous_id, previous_digest, max_age_days, other_orbits, backward_dates, following)
    select id, ${row.mode}, ${row.digest}, (select id from product where id = ${row.previous?.productId ?? null}), ${row.previous?.digest ?? null},
      ${row.maxAgeDays}, ${row.otherOrbits}, ${row.backwardDates}, ${row.following}::bigint[]
    from product where product.name = ${name}
    on conflict (product_id) do update set mode = excluded.mode, digest = excluded.digest, previous_id = excluded.previous_id,
      previous_digest = excluded.previous_digest, max_age_days = excluded.max_age_days, other_orbits = excluded.other_orbits,
      backward_dates = excluded.backward_dates, following = excluded.following, is_given_up = false`.execute(
    trx,
  )
}

/**
 * Notes that the stale product of a step's acquisition could not be made again, in the transaction that ends the step: it hands its state on no more, as if it had
 * never been there, and those that took it are stale.
 */
export async function giveUpChainState(trx: Queryable, stepId: number): Promise<void> {
  await sql`
    update chain_state c set is_given_up = true
    from step s join task t on t.job_id = s.job_id and t.id = s.task_id join acquisition a on a.id = t.acquisition_id
      join acquisition v on v.id = a.id or v.superseded_by = a.id join product p on p.acquisition_id = v.id
    where s.id = ${stepId} and s.processor = 'l2a' and p.processor = 'l2a' and p.stale_since is not null and c.product_id = p.id and not c.is_given_up`.execute(
    trx,
  )
}

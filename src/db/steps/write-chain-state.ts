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
      backward_dates = excluded.backward_dates, following = excluded.following`.execute(trx)
}

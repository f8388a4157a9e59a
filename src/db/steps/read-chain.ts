import { sql } from 'kysely'
import { HELD, type ClaimKey, type Queryable } from './queryable.js'

/** What the L2A of a step asks of its chain, see `processors/l2a/chain-mode.ts`. */
export interface ChainWishRow {
  readonly maxAgeDays: number
  readonly otherOrbits: boolean
  readonly backwardDates: number
}

/** What there is of the chain of a step's acquisition now. */
export interface ChainRow {
  /** The product in force whose state it takes; null: there is none young enough. */
  readonly previous: {
    readonly productId: number
    readonly name: string
    readonly location: string
    readonly digest: string
    readonly isOtherOrbit: boolean
    /** Folders of the products behind it, as each took the state of the one before, oldest first; its own last. */
    readonly history: readonly string[]
  } | null
  /** Acquisitions that follow, nearest first; at most as many as were asked for. `location` null: retention has removed its files. */
  readonly following: readonly { readonly acquisitionId: number; readonly location: string | null }[]
}

/** Undefined when the claim is lost. */
export async function readChain(
  db: Queryable,
  { id, attempt }: ClaimKey,
  { maxAgeDays, otherOrbits, backwardDates }: ChainWishRow,
): Promise<ChainRow | undefined> {
  const { rows } = await sql<ChainRow>`
    with recursive mine as (
      select a.id, a.relative_orbit, a.sensed_at from step join task t on t.job_id = step.job_id and t.id = step.task_id join acquisition a on a.id = t.acquisition_id
      where step.id = ${id} and step.attempt = ${attempt} and ${sql.raw(HELD)}),
    before as (
      select p.id, p.name, p.location, c.digest, b.relative_orbit is distinct from mine.relative_orbit as other, mine.sensed_at from mine
      join product p on p.id = chain_predecessor(mine.id, ${maxAgeDays}, ${otherOrbits})
      join chain_state c on c.product_id = p.id join acquisition b on b.id = p.acquisition_id),
    back as (
      select p.id, p.location, c.previous_id, 1 as n from before join product p on p.id = before.id join chain_state c on c.product_id = p.id
      union all
      select p.id, p.location, c.previous_id, n + 1 from back join product p on p.id = back.previous_id join chain_state c on c.product_id = p.id
      cross join before where p.removed_at is null and p.sensed_at > before.sensed_at - interval '91 days' and n < 100)
    select (select json_build_object('productId', id, 'name', name, 'location', location, 'digest', digest, 'isOtherOrbit', other,
        'history', (select json_agg(location order by n desc) from back)) from before) as previous,
      coalesce((select json_agg(json_build_object('acquisitionId', a.id, 'location', case when a.state = 'present' then a.location end) order by f.n)
        from unnest(chain_following(mine.id, ${backwardDates}::integer)) with ordinality as f(id, n) join acquisition a on a.id = f.id), '[]') as following
    from mine`.execute(db)
  return rows[0]
}

import { sql } from 'kysely'
import type { Queryable } from '../steps/queryable.js'

/** A chain: the L2A of one satellite family, tile and orbit in order of time. */
export interface ChainOfTile {
  readonly satellite: 's2' | 'landsat'
  readonly tile: string
  readonly orbit: number | null
  /** Present acquisitions. */
  readonly dates: number
  /** Of these with an L2A product of ours in force. */
  readonly made: number
  readonly stale: number
  /** Steps that wait or run. */
  readonly open: number
  /** How many of the products began anew: without a state, or backward. */
  readonly starts: number
  /** Of the first and last product in force, YYYY-MM-DD; null: there is none. */
  readonly first: string | null
  readonly last: string | null
}

/** Chains with a present acquisition, by satellite, tile and orbit. `tiles` null: all. */
export async function listChains(
  db: Queryable,
  { tiles }: { readonly tiles: readonly string[] | null },
): Promise<ChainOfTile[]> {
  const { rows } = await sql<ChainOfTile>`
    select a.satellite, a.tile, a.relative_orbit as orbit, count(*)::int as dates, count(p.id)::int as made,
      (count(*) filter (where p.stale_since is not null))::int as stale, coalesce(sum(open.n), 0)::int as open,
      (count(*) filter (where c.mode <> 'nominal'))::int as starts,
      to_char(min(p.sensed_at) at time zone 'UTC', 'YYYY-MM-DD') as first, to_char(max(p.sensed_at) at time zone 'UTC', 'YYYY-MM-DD') as last
    from acquisition a
    left join lateral (
      select id, sensed_at, stale_since from product where acquisition_id = a.id and processor = 'l2a' and removed_at is null order by id desc limit 1) p on true
    left join chain_state c on c.product_id = p.id
    left join lateral (
      select count(*) as n from task t join step s on s.job_id = t.job_id and s.task_id = t.id
      where t.acquisition_id = a.id and s.processor = 'l2a' and s.state in ('blocked', 'ready', 'running')) open on true
    where a.state = 'present' and a.metadata ->> 'madeBy' is null and (${tiles}::text[] is null or a.tile = any(${tiles}))
    group by a.satellite, a.tile, a.relative_orbit order by a.satellite, a.tile, a.relative_orbit`.execute(db)
  return rows
}

/** One date of a chain. */
export interface DateOfChain {
  readonly day: string
  readonly orbit: number | null
  readonly acquisitionId: number
  /** Null: there is no product of ours in force. */
  readonly product: string | null
  readonly mode: 'init' | 'nominal' | 'backward' | null
  /** Whose state it took. */
  readonly previous: string | null
  readonly staleReason: string | null
  /** The newest step for it, and its state. */
  readonly step: number | null
  readonly state: string | null
  readonly code: string | null
}

/** Present acquisitions of a tile in order of orbit and time, and how each date began. */
export async function listDatesOfChains(db: Queryable, tile: string): Promise<DateOfChain[]> {
  const { rows } = await sql<DateOfChain>`
    select to_char(a.sensed_at at time zone 'UTC', 'YYYY-MM-DD') as day, a.relative_orbit as orbit, a.id as "acquisitionId", p.name as product, c.mode,
      before.name as previous, p.stale_reason as "staleReason", s.id as step, s.state::text as state, s.error_code as code
    from acquisition a
    left join lateral (
      select id, name, stale_reason from product where acquisition_id = a.id and processor = 'l2a' and removed_at is null order by id desc limit 1) p on true
    left join chain_state c on c.product_id = p.id left join product before on before.id = c.previous_id
    left join lateral (
      select s.id, s.state, s.error_code from task t join step s on s.job_id = t.job_id and s.task_id = t.id
      where t.acquisition_id = a.id and s.processor = 'l2a' order by s.id desc limit 1) s on true
    where a.state = 'present' and a.metadata ->> 'madeBy' is null and a.tile = ${tile}
    order by a.satellite, a.relative_orbit, a.sensed_at, a.id`.execute(db)
  return rows
}

import { sql } from 'kysely'
import type { Queryable } from '../steps/queryable.js'
import { joinOwner } from './planning-scope.js'

/** An L2A product that counts for its acquisition. */
export interface CompositeCandidate {
  readonly productId: number
  readonly name: string
  readonly location: string
  readonly revision: number
  readonly satellite: 's2' | 'landsat'
  readonly tile: string
  readonly sensedAt: Date
  /** Why it is stale; null: it is not. */
  readonly staleReason: string | null
  /** Of all bands of its acquisition; null where not known. */
  readonly pixels: number | null
}

/** A tile that composites are asked for. */
export interface CompositeTile {
  readonly satellite: 's2' | 'landsat'
  readonly tile: string
  /** Whose settings count: the site asked for if it has the tile itself, else its first sub-site by slug that has; null without a site. */
  readonly homeId: number | null
}

/** The enabled tiles of a site and its sub-sites, or without a site those that L2A products are of; of all these, or only the named ones. */
export async function listCompositeTiles(
  db: Queryable,
  { siteId, tiles }: { readonly siteId: number | null; readonly tiles: readonly string[] | null },
): Promise<CompositeTile[]> {
  const { rows } =
    siteId === null
      ? await sql<CompositeTile>`
          select distinct p.satellite, p.tile, null::bigint as "homeId" from product p
          where p.level = 'L2A' and p.removed_at is null and p.tile = any(${tiles ?? []}) order by p.satellite, p.tile`.execute(
          db,
        )
      : await sql<CompositeTile>`
          select distinct on (t.satellite, t.tile) t.satellite, t.tile, s.id as "homeId"
          from site_reach r join site_tile t on t.site_id = r.member_id join site s on s.id = r.member_id
          where r.site_id = ${siteId} and t.enabled and (${tiles}::text[] is null or t.tile = any(${tiles}))
          order by t.satellite, t.tile, s.id <> r.site_id, s.slug`.execute(db)
  return rows
}

/** L2A products of these tiles sensed from `from` to `to`, both included, that count for their acquisitions (`counts_as_l2a`); by name. */
export async function listCompositeCandidates(
  db: Queryable,
  { tiles, from, to }: { readonly tiles: readonly string[]; readonly from: Date; readonly to: Date },
): Promise<CompositeCandidate[]> {
  const { rows } = await sql<CompositeCandidate>`
    select p.id as "productId", p.name, p.location, p.revision, p.satellite, p.tile, p.sensed_at as "sensedAt", p.stale_reason as "staleReason",
      (select (a.metadata ->> 'pixels')::float8 from acquisition a where a.id = p.acquisition_id) as pixels
    from product p
    where p.level = 'L2A' and p.tile = any(${tiles}) and p.sensed_at between ${from} and ${to} and counts_as_l2a(p)
    order by p.name collate "C"`.execute(db)
  return rows
}

/** What there is of composites, or what is about to make them. */
export interface CompositeStanding {
  readonly name: string
  readonly existing: {
    readonly version: number
    readonly parameters: unknown
    readonly staleReason: string | null
    readonly removed: string | null
    /** `<product id>:<revision>`, of those that it was made of. */
    readonly inputs: readonly string[]
    /** Of its inputs those that retention has removed. */
    readonly gone: readonly string[]
    /** The site for which it was made, while that site still has the tile enabled; else null. */
    readonly site: string | null
    readonly siteId: number | null
  } | null
  readonly open: {
    readonly step: number
    readonly parameters: unknown
    readonly inputs: readonly string[]
  } | null
  /** The last step for it that ended without a product. */
  readonly failed: {
    readonly step: number
    readonly code: string | null
    readonly parameters: unknown
    readonly inputs: readonly string[]
  } | null
}

const stepWhere = (isIn: string) => sql`(
  select json_build_object('step', s.id, 'code', s.error_code, 'parameters', s.params -> 'parameters',
    'inputs', (select coalesce(json_agg(i.product_id || ':' || i.revision), '[]') from step_input i where i.step_id = s.id))
  from asked_step s where s.product = n.name and s.state in (${sql.raw(isIn)}) order by s.id desc limit 1)`

/** What there is of the composites of these names, in the same order. */
export async function listCompositeStandings(
  db: Queryable,
  names: readonly string[],
): Promise<CompositeStanding[]> {
  const { rows } = await sql<CompositeStanding>`
    with asked_step as materialized (
      select s.id, s.state, s.error_code, s.params, s.params ->> 'product' as product
      from job j join step s on s.job_id = j.id where j.processor = 'composite' and s.params ->> 'product' = any(${names}))
    select n.name,
      (select json_build_object('version', p.processor_version, 'parameters', p.provenance -> 'parameters', 'staleReason', p.stale_reason,
          'removed', p.removed_reason, 'site', owner.slug, 'siteId', owner.id,
          'inputs', (select coalesce(json_agg(i.input_product_id || ':' || i.input_revision), '[]') from product_input i where i.product_id = p.id),
          'gone', (select coalesce(json_agg(q.name order by q.name), '[]') from product_input i join product q on q.id = i.input_product_id
            where i.product_id = p.id and q.removed_at is not null))
       from product p left join step s on s.id = p.step_id
         ${joinOwner('p')}
       where p.name = n.name and p.processor = 'composite') as existing,
      ${stepWhere(`'blocked', 'ready', 'running'`)} as open,
      ${stepWhere(`'failed', 'quarantined', 'cancelled'`)} as failed
    from unnest(${names}::text[]) with ordinality as n (name, place) order by n.place`.execute(db)
  return rows
}

/** Names of composites that are stale and in force, oldest first; of these tiles where some are named. */
export async function listStaleComposites(db: Queryable, tiles: readonly string[] | null): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select name from product where processor = 'composite' and stale_since is not null and removed_at is null
      and (${tiles}::text[] is null or tile = any(${tiles})) order by sensed_at, name`.execute(db)
  return rows.map(({ name }) => name)
}

/** First and last day of a season in force for a site; undefined where it has none of that name. */
export async function seasonDays(
  db: Queryable,
  { siteId, season }: { readonly siteId: number; readonly season: string },
): Promise<{ readonly from: string; readonly to: string } | undefined> {
  const { rows } = await sql<{ from: string; to: string }>`
    select starts_on::text as "from", ends_on::text as "to" from site_season where site_id = ${siteId} and name = ${season}`.execute(
    db,
  )
  return rows[0]
}

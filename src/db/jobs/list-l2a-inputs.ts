import { sql, type RawBuilder } from 'kysely'
import type { Queryable } from '../steps/queryable.js'
import { isAskedFor, joinHome, joinOwner } from './planning-scope.js'
import { askedFor, byPlace, type SeasonNews } from './season-news.js'
import { untriedL2a } from './untried.js'

/** Which acquisitions; all given conditions hold. Dates are days in UTC, both included. */
export interface AcquisitionFilter {
  readonly siteId?: number
  /** Name of a season in force for the site. */
  readonly season?: string
  readonly from?: string
  readonly to?: string
  readonly tiles?: readonly string[]
  readonly acquisitionIds?: readonly number[]
  /** Only those whose L2A is stale: made from them, or from a version of the scene that they superseded. */
  readonly stale?: boolean
  /** Only those that nobody has made or tried to make, or that are stale since. */
  readonly untried?: boolean
}

/** What there is of an acquisition's L2A, or what is about to make it. */
export interface L2aMade {
  /** Parameters as they were frozen. */
  readonly parameters: unknown
  /** The site for which it is or was made, while that site still has the tile enabled; else null. */
  readonly site: string | null
  readonly siteId: number | null
}

export interface L2aInput {
  readonly acquisitionId: number
  readonly satellite: 's2' | 'landsat'
  readonly tile: string
  readonly relativeOrbit: number | null
  readonly location: string
  readonly productUri: string | null
  /** Pixels of all bands, and bands; null for an acquisition that was ingested before they were kept. */
  readonly pixels: number | null
  readonly bands: number | null
  /** Whose settings count: the site asked for if it has the tile itself, else its first sub-site by slug that has; null without a site. */
  readonly homeId: number | null
  /** The newest L2A product, in force or removed, by whichever site, parameters and version. */
  readonly existing:
    | (L2aMade & {
        readonly name: string
        readonly version: number
        readonly stale: boolean
        /** Why a retention rule removed it; null while it is there. */
        readonly removed: string | null
      })
    | null
  /** The step that waits or runs for this acquisition's L2A, by whichever site and parameters. */
  readonly open: (L2aMade & { readonly step: number }) | null
}

/**
 * The query's part that says what there is of acquisitions `a` for those that `asked` for them (place, site_id, season), further conditions to follow: present
 * L1 of the enabled tiles of the site and its sub-sites, and of the season in force for the site, if there are any.
 */
const inputsOf = (asked: RawBuilder<unknown>): RawBuilder<L2aInput & { place: number }> => sql`
    select asked.place, a.id as "acquisitionId", a.satellite, a.tile, a.relative_orbit as "relativeOrbit", a.location, a.product_uri as "productUri",
      (a.metadata ->> 'pixels')::float8 as pixels, (a.metadata ->> 'bands')::float8 as bands, home.id as "homeId",
      (select json_build_object('name', p.name, 'version', p.processor_version, 'stale', p.stale_since is not null, 'removed', p.removed_reason,
          'parameters', p.provenance -> 'parameters', 'site', owner.slug, 'siteId', owner.id)
       from product p left join step s on s.id = p.step_id ${joinOwner('a')}
       where p.acquisition_id = a.id and p.processor = 'l2a' order by p.created_at desc limit 1) as existing,
      (select json_build_object('step', s.id, 'parameters', s.params -> 'parameters', 'site', owner.slug, 'siteId', owner.id)
       from task t join step s on s.job_id = t.job_id and s.task_id = t.id ${joinOwner('a')}
       where t.acquisition_id = a.id and s.processor = 'l2a' and s.state in ('blocked', 'ready', 'running')
       order by s.id limit 1) as open
    from ${asked}
    ${joinHome('a')}
    where a.state = 'present' and a.metadata ->> 'madeBy' is null
      and ${isAskedFor('a')}`

/**
 * Present L1 acquisitions of all satellites, oldest first, of the enabled tiles of the site and its sub-sites if a site is given, each once and
 * with what there is of its L2A already. Seasons are those in force for the site.
 */
export async function listL2aInputs(db: Queryable, filter: AcquisitionFilter): Promise<L2aInput[]> {
  const {
    siteId = null,
    season = null,
    from = null,
    to = null,
    tiles = null,
    acquisitionIds = null,
    stale = false,
    untried = false,
  } = filter
  const asked = sql`acquisition a cross join (select 0 as place, ${siteId}::bigint as site_id, ${season}::text as season) asked`
  const { rows } = await sql<L2aInput & { place: number }>`
    ${inputsOf(asked)}
      and (${from}::date is null or (a.sensed_at at time zone 'UTC')::date >= ${from})
      and (${to}::date is null or (a.sensed_at at time zone 'UTC')::date <= ${to})
      and (${tiles}::text[] is null or a.tile = any(${tiles}))
      and (${acquisitionIds}::bigint[] is null or a.id = any(${acquisitionIds}))
      and (not ${stale}::boolean or a.id in (
        select coalesce(v.superseded_by, v.id) from product p join acquisition v on v.id = p.acquisition_id
        where p.processor = 'l2a' and p.stale_since is not null and p.removed_at is null))
      and (not ${untried}::boolean or ${untriedL2a})
    order by a.sensed_at, a.tile, a.id`.execute(db)
  return rows
}

/** Of what is new for many seasons at once, what is untried still: for each of them as `listL2aInputs` has it. */
export async function listNewL2aInputs(db: Queryable, news: readonly SeasonNews[]): Promise<L2aInput[][]> {
  const { rows } = await sql<L2aInput & { place: number }>`
    ${inputsOf(sql`${askedFor(news)} join acquisition a on a.id = asked.id`)}
      and ${untriedL2a}
    order by a.sensed_at, a.tile, a.id`.execute(db)
  return byPlace(news, rows)
}

/** One L2A job is made at a time, so that two never both find that nobody corrects an acquisition yet. Ends with the transaction. */
export async function lockL2aPlanning(trx: Queryable): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtext('tilth l2a jobs'))`.execute(trx)
}

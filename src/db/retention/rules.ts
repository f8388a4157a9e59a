import { sql } from 'kysely'
import type { Queryable } from '../steps/queryable.js'

export interface RetentionRule {
  readonly id: number
  /** Null: global. */
  readonly siteId: number | null
  readonly site: string | null
  /** Null: every level of products. */
  readonly level: string | null
  readonly processor: string | null
  readonly action: 'delete' | 'archive'
  /** Days after sensing. */
  readonly keepDays: number | null
  /** Until so many seasons of the site have ended after sensing. */
  readonly keepSeasons: number | null
  /** Newest revisions of a product, the one in force included. */
  readonly keepRevisions: number | null
  readonly createdBy: string
}

export type NewRetentionRule = Omit<RetentionRule, 'id' | 'site'>

/** All rules, global ones first. */
export async function listRetentionRules(db: Queryable): Promise<RetentionRule[]> {
  const { rows } = await sql<RetentionRule>`
    select r.id, r.site_id as "siteId", s.slug as site, r.level, r.processor, r.action::text as action, r.keep_days as "keepDays",
      r.keep_seasons as "keepSeasons", r.keep_revisions as "keepRevisions", r.created_by as "createdBy"
    from retention_rule r left join site s on s.id = r.site_id
    order by s.slug nulls first, r.level nulls first, r.processor nulls first, r.action`.execute(db)
  return rows
}

/** Writes a rule; one of the same site, level, processor and action is replaced. Returns its id. */
export async function upsertRetentionRule(db: Queryable, rule: NewRetentionRule): Promise<number> {
  const { rows } = await sql<{ id: number }>`
    insert into retention_rule (site_id, level, processor, action, keep_days, keep_seasons, keep_revisions, created_by)
    values (${rule.siteId}, ${rule.level}, ${rule.processor}, ${rule.action}, ${rule.keepDays}, ${rule.keepSeasons}, ${rule.keepRevisions},
      ${rule.createdBy})
    on conflict on constraint retention_rule_once do update set keep_days = excluded.keep_days, keep_seasons = excluded.keep_seasons,
      keep_revisions = excluded.keep_revisions, created_by = excluded.created_by, created_at = now()
    returning id`.execute(db)
  return rows[0]?.id ?? 0
}

/** False when there is no such rule. */
export async function deleteRetentionRule(db: Queryable, id: number): Promise<boolean> {
  const { numDeletedRows } = await db.deleteFrom('retention_rule').where('id', '=', id).executeTakeFirst()
  return numDeletedRows > 0n
}

/** What rules are resolved along: the tree of sites with the days on which their seasons end, and the time of planning. */
export interface RetentionContext {
  readonly now: Date
  readonly sites: readonly {
    readonly id: number
    readonly parentId: number | null
    /** YYYY-MM-DD, in order. */
    readonly seasonEnds: readonly string[]
  }[]
}

export async function readRetentionContext(db: Queryable): Promise<RetentionContext> {
  const { rows } = await sql<{ now: Date; sites: RetentionContext['sites'] }>`
    select season_now() as now, coalesce((select json_agg(json_build_object('id', s.id, 'parentId', s.parent_id, 'seasonEnds',
      coalesce((select json_agg(n.ends_on order by n.ends_on) from season n where n.site_id = s.id), '[]'))) from site s), '[]') as sites`.execute(
    db,
  )
  return rows[0] ?? { now: new Date(0), sites: [] }
}

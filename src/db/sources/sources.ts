import { sql } from 'kysely'
import type { Queryable } from '../steps/queryable.js'

export type SourceKindName = 'folder' | 'stac' | 'odata'

export interface SourceRow {
  readonly id: number
  readonly name: string
  readonly siteId: number | null
  /** Slug; null: all sites. */
  readonly site: string | null
  readonly satellite: 's2' | 'landsat'
  readonly place: number
  readonly kind: SourceKindName
  /** As stored; parsed by its kind. */
  readonly config: unknown
  /** Role -> `env:NAME` or `file:/path`. */
  readonly credentials: Readonly<Record<string, string>>
  readonly enabled: boolean
  readonly lastRunAt: Date | null
  readonly lastOkAt: Date | null
  readonly errorCode: string | null
  readonly error: string | null
  readonly failures: number
  readonly nextRunAt: Date
  /** True where `nextRunAt` has come, by the database's clock. */
  readonly isDue: boolean
  readonly cursor: unknown
}

export interface SourceFields {
  readonly name: string
  readonly siteId: number | null
  readonly satellite: 's2' | 'landsat'
  readonly place: number
  readonly kind: SourceKindName
  readonly config: Readonly<Record<string, unknown>>
  readonly credentials: Readonly<Record<string, string>>
  readonly enabled: boolean
}

/** Sources by satellite and order; with a name that one alone. */
export async function listSources(db: Queryable, name: string | null): Promise<readonly SourceRow[]> {
  const { rows } = await sql<SourceRow>`
    select s.id, s.name, s.site_id as "siteId", site.slug as site, s.satellite, s.place, s.kind, s.config, s.credentials, s.enabled,
      s.last_run_at as "lastRunAt", s.last_ok_at as "lastOkAt", s.error_code as "errorCode", s.error, s.failures,
      s.next_run_at as "nextRunAt", s.next_run_at <= now() as "isDue", s.cursor
    from source s left join site on site.id = s.site_id
    where ${name}::text is null or s.name = ${name} order by s.satellite, s.place, s.name`.execute(db)
  return rows
}

/** False where the name is taken. */
export async function insertSource(db: Queryable, source: SourceFields): Promise<boolean> {
  const row = await db
    .insertInto('source')
    .values(columns(source))
    .onConflict((c) => c.column('name').doNothing())
    .returning('id')
    .executeTakeFirst()
  return row !== undefined
}

/** Changes a source; it is asked again at once, and for past seasons too. False where there is none with this id. */
export async function updateSource(db: Queryable, id: number, source: SourceFields): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('source')
    .set({
      ...columns(source),
      cursor: '{}',
      failures: 0,
      error_code: null,
      error: null,
      next_run_at: sql<Date>`now()`,
    })
    .where('id', '=', id)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

const columns = (s: SourceFields) => ({
  name: s.name,
  site_id: s.siteId,
  satellite: s.satellite,
  place: s.place,
  kind: s.kind,
  config: JSON.stringify(s.config),
  credentials: JSON.stringify(s.credentials),
  enabled: s.enabled,
})

/** Ids of the acquisitions that a source offers. */
export async function acquisitionsOfSource(db: Queryable, id: number): Promise<readonly number[]> {
  const rows = await db
    .selectFrom('source_offer')
    .select('acquisition_id')
    .where('source_id', '=', id)
    .where('acquisition_id', 'is not', null)
    .execute()
  return rows.flatMap(({ acquisition_id }) => acquisition_id ?? [])
}

/** Removes a source with its offers, and acquisitions that nobody else offers and that were never there. */
export async function deleteSource(tx: Queryable, id: number): Promise<void> {
  const offered = await acquisitionsOfSource(tx, id)
  await tx.deleteFrom('source').where('id', '=', id).execute()
  await sql`
    delete from acquisition a where a.id = any(${offered}::bigint[]) and starts_with(a.identity, 'offer:')
      and not exists (select from source_offer o where o.acquisition_id = a.id)`.execute(tx)
}

/** Writes how a look at a source ended. `waitSeconds`: it is not asked again before. */
export async function recordLook(
  db: Queryable,
  id: number,
  look: {
    readonly error: { readonly code: string; readonly message: string } | null
    readonly waitSeconds: number
    /** Undefined: as it was. */
    readonly cursor?: unknown
  },
): Promise<void> {
  const isGood = look.error === null
  await sql`
    update source set last_run_at = now(), last_ok_at = case when ${isGood} then now() else last_ok_at end,
      error_code = ${look.error?.code ?? null}, error = ${look.error?.message ?? null},
      failures = case when ${isGood} then 0 else failures + 1 end, next_run_at = now() + make_interval(secs => ${look.waitSeconds}),
      cursor = coalesce(${look.cursor === undefined ? null : JSON.stringify(look.cursor)}::jsonb, cursor)
    where id = ${id}`.execute(db)
}

/** Holds a source back that does not serve fetches now. */
export async function holdSource(db: Queryable, id: number, waitSeconds: number): Promise<void> {
  await sql`
    update source set next_run_at = greatest(next_run_at, now() + make_interval(secs => ${waitSeconds})) where id = ${id}`.execute(
    db,
  )
}

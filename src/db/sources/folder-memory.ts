import { sql } from 'kysely'
import type { Queryable } from '../steps/queryable.js'

/** A path of a watched folder as it was when it was last looked at. */
export interface RememberedPath {
  readonly path: string
  readonly digest: string
  /** It was handed to the ingest in this form. */
  readonly isIngested: boolean
  /** Since when it has this form, seconds ago by the database's clock. */
  readonly ageSeconds: number
}

export async function rememberedPaths(db: Queryable, sourceId: number): Promise<readonly RememberedPath[]> {
  const { rows } = await sql<RememberedPath>`
    select remote_id as path, digest, coalesce((details ->> 'ingested')::boolean, false) as "isIngested",
      extract(epoch from now() - seen_at)::float8 as "ageSeconds"
    from source_offer where source_id = ${sourceId}`.execute(db)
  return rows
}

/** Remembers paths; `seen_at` stays where the form is the same. */
export async function rememberPaths(
  db: Queryable,
  sourceId: number,
  paths: readonly {
    readonly path: string
    readonly digest: string
    readonly isIngested: boolean
    readonly bytes: number
  }[],
): Promise<void> {
  if (paths.length === 0) return
  await sql`
    insert into source_offer (source_id, remote_id, details, digest, bytes)
    select ${sourceId}::bigint, p.path, jsonb_build_object('ingested', p."isIngested"), p.digest, p.bytes
    from jsonb_to_recordset(${JSON.stringify(paths)}::jsonb) as p(path text, digest text, "isIngested" boolean, bytes bigint) order by p.path
    on conflict (source_id, remote_id) do update set details = excluded.details, bytes = excluded.bytes, digest = excluded.digest,
      seen_at = case when source_offer.digest = excluded.digest then source_offer.seen_at else now() end`.execute(
    db,
  )
}

/** Forgets paths that are gone. */
export async function forgetPaths(db: Queryable, sourceId: number, paths: readonly string[]): Promise<void> {
  if (paths.length === 0) return
  await sql`delete from source_offer where source_id = ${sourceId} and remote_id = any(${paths}::text[])`.execute(
    db,
  )
}

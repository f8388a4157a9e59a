import { sql } from 'kysely'
import type { AcquisitionState } from '../../domain/states.js'
import type { Queryable } from '../steps/queryable.js'
import type { Scene } from './settle-versions.js'

export interface AcquisitionRow {
  readonly id: number
  readonly identity: string
  readonly satellite: 's2' | 'landsat'
  readonly platform: string | null
  readonly tile: string | null
  readonly baseline: string | null
  readonly sensedAt: Date | null
  readonly location: string
  readonly state: AcquisitionState
  readonly reasonCode: string | null
  readonly reason: string | null
  readonly cloudPercent: number | null
  readonly sourcePath: string | null
}

const COLUMNS = sql`a.id, a.identity, a.satellite, a.platform, a.tile, a.baseline, a.sensed_at as "sensedAt", a.location, a.state,
  a.reason_code as "reasonCode", a.reason, a.cloud_percent as "cloudPercent", a.metadata ->> 'sourcePath' as "sourcePath"`

/** Waits until no other transaction ingests the product of this key; the end of the transaction lets go. */
export async function lockProductKey(tx: Queryable, key: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${key}, 724002))`.execute(tx)
}

/**
 * Waits until nobody else publishes L2A of these tiles or lets an acquisition of them appear; the end of the transaction lets go. Taken before any row of them is
 * changed: whoever publishes takes it first too (`hold_product_inputs`).
 */
export async function lockTiles(
  tx: Queryable,
  tiles: readonly { readonly satellite: 's2' | 'landsat'; readonly tile: string }[],
): Promise<void> {
  const keys = [...new Set(tiles.map(({ satellite, tile }) => satellite + tile))].sort()
  for (const key of keys)
    await sql`select pg_advisory_xact_lock(hashtext('tilth l2a of a tile'), hashtext(${key}))`.execute(tx)
}

export async function findAcquisition(db: Queryable, identity: string): Promise<AcquisitionRow | null> {
  const { rows } =
    await sql<AcquisitionRow>`select ${COLUMNS} from acquisition a where a.identity = ${identity}`.execute(db)
  return rows[0] ?? null
}

/** Acquisitions in order of sensing; those that could not be read come last. */
export async function listAcquisitions(
  db: Queryable,
  filter: { readonly state: AcquisitionState | null; readonly tile: string | null },
): Promise<readonly AcquisitionRow[]> {
  const { rows } = await sql<AcquisitionRow>`select ${COLUMNS} from acquisition a
    where (${filter.state}::acquisition_state is null or a.state = ${filter.state}) and (${filter.tile}::text is null or a.tile = ${filter.tile})
    order by a.sensed_at nulls last, a.tile, a.id`.execute(db)
  return rows
}

export interface PresentAcquisition {
  readonly identity: string
  readonly satellite: 's2' | 'landsat'
  readonly platform: string
  readonly tile: string
  readonly datatakeId: string | null
  readonly datatakeStart: string
  readonly relativeOrbit: number | null
  readonly sensedAt: string
  readonly baseline: string
  readonly generatedAt: string
  readonly productUri: string
  readonly location: string
  readonly bbox: readonly [number, number, number, number]
  readonly cloudPercent: number | null
  readonly metadata: Readonly<Record<string, unknown>>
}

/** Records a product that was read whole; what the row said before (broken, found) is forgotten. One row per identity. */
export async function upsertPresent(tx: Queryable, a: PresentAcquisition): Promise<number> {
  const [west, south, east, north] = a.bbox
  const described = {
    platform: a.platform,
    tile: a.tile,
    datatake_id: a.datatakeId,
    relative_orbit: a.relativeOrbit,
    sensed_at: a.sensedAt,
    baseline: a.baseline,
    generated_at: a.generatedAt,
    product_uri: a.productUri,
    location: a.location,
    bbox: `((${west},${south}),(${east},${north}))`,
    cloud_percent: a.cloudPercent,
    metadata: JSON.stringify({ ...a.metadata, datatakeStart: a.datatakeStart }),
  }
  const { id } = await tx
    .insertInto('acquisition')
    .values({ identity: a.identity, satellite: a.satellite, state: 'present', ...described })
    .onConflict((c) =>
      c.column('identity').doUpdateSet({
        ...described,
        // A superseded one stays so until the versions of its scene are settled: its products are stale since then, not since now.
        state: sql`case when acquisition.state = 'superseded' then acquisition.state else 'present' end`,
        reason_code: null,
        reason: sql`case when acquisition.state = 'superseded' then acquisition.reason end`,
        updated_at: sql<Date>`now()`,
      }),
    )
    .returning('id')
    .executeTakeFirstOrThrow()
  return id
}

/** Acquisitions read from a folder: itself, or granules of the product of several tiles that it is. */
const cameFrom = (path: string) =>
  sql`(a.metadata ->> 'sourcePath' = ${path} or starts_with(a.metadata ->> 'sourcePath', ${`${path}/GRANULE/`}))`

/** Readable products that came from a folder, with their scenes and where each was read. */
export async function presentBySource(
  db: Queryable,
  path: string,
): Promise<
  readonly (Scene & { readonly id: number; readonly location: string; readonly sourcePath: string })[]
> {
  const { rows } = await sql<Scene & { id: number; location: string; sourcePath: string }>`
    select a.id, a.location, a.metadata ->> 'sourcePath' as "sourcePath", a.satellite, a.platform, a.tile, a.metadata ->> 'datatakeStart' as "datatakeStart", to_json(a.sensed_at) #>> '{}' as "sensedAt",
      a.metadata ->> 'madeBy' as "madeBy"
    from acquisition a where ${cameFrom(path)} and a.state in ('present', 'superseded')`.execute(db)
  return rows
}

/** Marks the products that came from a folder as broken or ignored, except those that are `whole` all the same; false when there is none. */
export async function markUnreadBySource(
  tx: Queryable,
  path: string,
  { state, code, reason }: { state: 'broken' | 'ignored'; code: string; reason: string },
  whole: readonly number[],
): Promise<boolean> {
  const { rows } =
    await sql`update acquisition a set state = ${state}, superseded_by = null, reason_code = ${code}, reason = ${reason}, updated_at = now()
    where ${cameFrom(path)} and not starts_with(a.identity, 'path:') and a.id <> all (${whole}::bigint[]) returning a.id`.execute(
      tx,
    )
  return rows.length > 0
}

/** Records a folder whose product could not be identified: broken, ignored for its kind, or found while it is still being copied. */
export async function upsertUnread(
  tx: Queryable,
  a: {
    path: string
    satellite: 's2' | 'landsat'
    state: 'broken' | 'found' | 'ignored'
    code: string
    reason: string
    /** Of a member of an archive: by these the archive is known again. */
    archive: Readonly<Record<string, unknown>> | null
  },
): Promise<number> {
  const metadata = { sourcePath: a.path, ...(a.archive === null ? {} : { archive: a.archive }) }
  const said = {
    satellite: a.satellite,
    state: a.state,
    reason_code: a.code,
    reason: a.reason,
    metadata: JSON.stringify(metadata),
  }
  const { id } = await tx
    .insertInto('acquisition')
    .values({
      identity: `path:${a.path}`,
      location: `file:${a.path}`,
      ...said,
    })
    .onConflict((c) => c.column('identity').doUpdateSet({ ...said, updated_at: sql<Date>`now()` }))
    .returning('id')
    .executeTakeFirstOrThrow()
  return id
}

/** Forgets the rows of an archive and its members that could not be read before, except those of the paths that still cannot. */
export async function deleteUnreadOfArchive(
  db: Queryable,
  archive: string,
  except: readonly string[],
): Promise<void> {
  const whole = `path:${archive}`
  await sql`delete from acquisition a where (a.identity = ${whole} or starts_with(a.identity, ${`${whole}!/`}))
    and a.identity <> all (${except.map((path) => `path:${path}`)}::text[])`.execute(db)
}

/** Forgets the row of a folder that could not be read before and now could. */
export async function deleteUnread(tx: Queryable, path: string): Promise<void> {
  await tx.deleteFrom('acquisition').where('identity', '=', `path:${path}`).execute()
}

/** Records a readable acquisition that a filter leaves out. One that is present, superseded or on its way stays as it is. */
export async function upsertRefused(
  tx: Queryable,
  a: Pick<
    PresentAcquisition,
    | 'identity'
    | 'satellite'
    | 'platform'
    | 'tile'
    | 'relativeOrbit'
    | 'sensedAt'
    | 'productUri'
    | 'cloudPercent'
  > & { readonly path: string; readonly code: string; readonly reason: string },
): Promise<void> {
  const said = { reason_code: a.code, reason: a.reason }
  await tx
    .insertInto('acquisition')
    .values({
      identity: a.identity,
      satellite: a.satellite,
      platform: a.platform,
      tile: a.tile,
      relative_orbit: a.relativeOrbit,
      sensed_at: a.sensedAt,
      product_uri: a.productUri,
      cloud_percent: a.cloudPercent,
      location: `file:${a.path}`,
      state: 'ignored',
      metadata: JSON.stringify({ sourcePath: a.path }),
      ...said,
    })
    .onConflict((c) =>
      c
        .column('identity')
        .doUpdateSet({ ...said, updated_at: sql<Date>`now()` })
        .where('acquisition.state', '=', 'ignored')
        .where(sql<boolean>`starts_with(acquisition.reason_code, 'FILTER_')`),
    )
    .execute()
}

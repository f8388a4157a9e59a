import { sql, type RawBuilder } from 'kysely'
import { lockProductKey, lockTiles } from '../catalog/acquisitions.js'
import type { Queryable } from '../steps/queryable.js'
import { forgetFormerRevision } from './former-revisions.js'

/** A product in force, or an acquisition that lies in the root l1, as retention sees it. */
export interface RetentionSubject {
  readonly kind: 'product' | 'acquisition'
  readonly id: number
  readonly name: string
  readonly level: string
  /** Null for acquisitions. */
  readonly processor: string | null
  readonly sensedAt: Date
  readonly location: string
  readonly bytes: number | null
  /** Sites that have its tile enabled. */
  readonly siteIds: readonly number[]
  /** Why it must stay whatever the rules say; null: nothing needs it. */
  readonly neededBy: string | null
}

interface Page {
  readonly after: number
  readonly limit: number
  readonly sensedBefore: Date
}

const OPEN = sql`('blocked', 'ready', 'running')`

/** Steps that are open and read the product, or products in force that still refer to it. */
const needOfProduct = (id: RawBuilder<unknown>): RawBuilder<string | null> => sql`coalesce(
  (select 'step ' || s.id || ' (' || s.state || ') reads it' from step_input i join step s on s.id = i.step_id
   where i.product_id = ${id} and s.state in ${OPEN} limit 1),
  (select 'product ' || q.name || ' refers to it' from step_input i join product q on q.step_id = i.step_id
   where i.product_id = ${id} and i.stays_needed and q.removed_at is null and q.id <> ${id} limit 1))`

const needOfAcquisition = (id: RawBuilder<unknown>): RawBuilder<string | null> => sql`
  (select 'step ' || s.id || ' (' || s.state || ') reads it' from task t join step s on s.job_id = t.job_id and s.task_id = t.id
   where t.acquisition_id = ${id} and s.state in ${OPEN} limit 1)`

/** Products in force by id, from the one after `after`. */
export async function listProductSubjects(
  db: Queryable,
  { after, limit, sensedBefore }: Page,
): Promise<RetentionSubject[]> {
  const { rows } = await sql<RetentionSubject>`
    select 'product' as kind, p.id, p.name, p.level, p.processor, p.sensed_at as "sensedAt", p.location, p.bytes,
      array(select t.site_id::float8 from site_tile t where t.satellite = p.satellite and t.tile = p.tile and t.enabled) as "siteIds",
      ${needOfProduct(sql`p.id`)} as "neededBy"
    from product p where p.id > ${after} and p.removed_at is null and p.sensed_at < ${sensedBefore} order by p.id limit ${limit}`.execute(
    db,
  )
  return rows
}

/** Acquisitions that lie in the root l1, by id, from the one after `after`. */
export async function listAcquisitionSubjects(
  db: Queryable,
  { after, limit, sensedBefore }: Page,
): Promise<RetentionSubject[]> {
  const { rows } = await sql<RetentionSubject>`
    select 'acquisition' as kind, a.id, coalesce(a.product_uri, a.identity) as name,
      case a.satellite when 's2' then 'L1C' else 'L1TP' end as level, null as processor, a.sensed_at as "sensedAt", a.location, null as bytes,
      array(select t.site_id::float8 from site_tile t where t.satellite = a.satellite and t.tile = a.tile and t.enabled) as "siteIds",
      ${needOfAcquisition(sql`a.id`)} as "neededBy"
    from acquisition a where a.id > ${after} and a.state in ('present', 'superseded') and a.location like 'l1:%' and a.sensed_at < ${sensedBefore}
    order by a.id limit ${limit}`.execute(db)
  return rows
}

/**
 * Marks a product as removed unless it has changed or something needs it meanwhile; a trigger notes its folder in the same transaction.
 * Locks the row first, so that a step that begins to read it now waits and then is seen. False: it stays.
 */
export async function markProductRemoved(
  db: Queryable,
  product: { readonly id: number; readonly location: string },
  reason: string,
): Promise<boolean> {
  return db.transaction().execute(async (trx) => {
    await sql`select from product where id = ${product.id} for update`.execute(trx)
    const { rows } = await sql`
      update product set removed_at = now(), removed_reason = ${reason}
      where id = ${product.id} and location = ${product.location} and removed_at is null and ${needOfProduct(sql`product.id`)} is null
      returning id`.execute(trx)
    return rows.length > 0
  })
}

/** Points a product to a copy of its folder; a trigger notes the old one. False: it was made again or removed meanwhile. */
export async function relocateProduct(
  db: Queryable,
  product: { readonly id: number; readonly location: string },
  to: string,
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('product')
    .set({ location: to })
    .where('id', '=', product.id)
    .where('location', '=', product.location)
    .where('removed_at', 'is', null)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/**
 * Marks an acquisition as ignored by a rule unless something needs it (`kept`), and notes its files for deletion (`alone`) unless another
 * acquisition lies in the same place (`shared`): then they go with the last one.
 * @param unit `l1:` path that would be deleted: the folder, or the link on the way to it
 */
export async function markAcquisitionRemoved(
  db: Queryable,
  acquisition: { readonly id: number; readonly location: string },
  unit: string,
  reason: string,
): Promise<'kept' | 'shared' | 'alone'> {
  return db.transaction().execute(async (trx) => {
    const { rows: tiles } = await sql<{ satellite: 's2' | 'landsat'; tile: string }>`
      select satellite, tile from acquisition where id = ${acquisition.id} and tile is not null`.execute(trx)
    await lockTiles(trx, tiles)
    await sql`select from acquisition where id = ${acquisition.id} for update`.execute(trx)
    const { rows } = await sql`
      update acquisition a set state = 'ignored', superseded_by = null, reason_code = 'RETENTION', reason = ${reason}, updated_at = now()
      where a.id = ${acquisition.id} and a.location = ${acquisition.location} and a.state in ('present', 'superseded')
        and ${needOfAcquisition(sql`a.id`)} is null returning id`.execute(trx)
    if (rows.length === 0) return 'kept'
    if (await isTaken(trx, unit)) return 'shared'
    await sql`insert into former_revision (location, reason) values (${unit}, 'removed') on conflict (location) do nothing`.execute(
      trx,
    )
    return 'alone'
  })
}

/**
 * Deletes files of the root l1 unless an acquisition lies there again, and forgets them. An ingest of the same place waits meanwhile.
 * False: they are taken, and stay.
 */
export async function deleteUnlessTaken(
  db: Queryable,
  unit: string,
  remove: () => Promise<void>,
): Promise<boolean> {
  return db.transaction().execute(async (trx) => {
    await lockProductKey(trx, unit.replace(/^l1:/, ''))
    const taken = await isTaken(trx, unit)
    if (!taken) await remove()
    await forgetFormerRevision(trx, unit)
    return !taken
  })
}

/** An acquisition that counts lies at the path, below it or above it. */
async function isTaken(db: Queryable, unit: string): Promise<boolean> {
  const parts = unit.split('/')
  const above = parts.slice(1).map((_, i) => parts.slice(0, i + 1).join('/'))
  // '0' follows '/': the range holds what begins with the unit and a slash.
  const { rows } = await sql`
    select from acquisition where state in ('present', 'superseded', 'found', 'fetching')
      and (location = any(${[unit, ...above]}::text[]) or (location ~>=~ ${`${unit}/`} and location ~<~ ${`${unit}0`})) limit 1`.execute(
    db,
  )
  return rows.length > 0
}

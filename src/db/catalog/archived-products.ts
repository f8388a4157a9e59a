import { sql } from 'kysely'
import type { Queryable } from '../steps/queryable.js'

/** Where a product in force should lie. */
export interface ArchivedProduct {
  readonly id: number
  readonly name: string
  readonly location: string
  /** Null where it was published before sizes were kept. */
  readonly bytes: number | null
}

/** Products in force with an id above `after`, by id: pages for walks over all of them. */
export async function listArchivedProducts(
  db: Queryable,
  { after, limit }: { after: number; limit: number },
): Promise<ArchivedProduct[]> {
  const { rows } = await sql<ArchivedProduct>`
    select id, name, location, bytes from product where id > ${after} and removed_at is null order by id limit ${limit}`.execute(
    db,
  )
  return rows
}

/** Of the given folders, those that something stands for: a product in force, a former revision still to be deleted, an attempt that is placing it. */
export async function listKnownLocations(
  db: Queryable,
  folders: readonly {
    readonly product: string
    readonly location: string
  }[],
): Promise<Set<string>> {
  const { rows } = await sql<{ location: string }>`
    select f.location from jsonb_to_recordset(${JSON.stringify(folders)}::jsonb) as f(product text, location text)
    where exists (select from product p where p.name = f.product and p.location = f.location and p.removed_at is null)
      or exists (select from former_revision r where r.location = f.location)
      or exists (select from placement l where l.location = f.location)`.execute(db)
  return new Set(rows.map(({ location }) => location))
}

/** Acquisitions that say they are present, with an id above `after`, by id. */
export async function listPresentLocations(
  db: Queryable,
  { after, limit }: { after: number; limit: number },
): Promise<{ id: number; name: string; location: string }[]> {
  const { rows } = await sql<{ id: number; name: string; location: string }>`
    select id, coalesce(product_uri, identity) as name, location from acquisition
    where id > ${after} and state = 'present' order by id limit ${limit}`.execute(db)
  return rows
}

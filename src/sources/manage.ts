import { getSite } from '../catalog/find-site.js'
import type { Database } from '../db/connect.js'
import { readBacklog, reopenOffers, type Backlog } from '../db/sources/fetches.js'
import {
  acquisitionsOfSource,
  deleteSource,
  insertSource,
  listSources as selectSources,
  updateSource,
  type SourceFields,
  type SourceKindName,
  type SourceRow,
} from '../db/sources/sources.js'
import { settleOffered } from '../db/sources/settle-offered.js'
import { ProcessingError } from '../domain/errors.js'
import { checkCredentials, parseConfig } from './config.js'
import { getSource } from './open-source.js'

export interface SourceDraft {
  readonly name: string
  /** Slug; null: all sites. */
  readonly site: string | null
  readonly satellite: 's2' | 'landsat'
  readonly order: number
  readonly kind: SourceKindName
  readonly config: Readonly<Record<string, unknown>>
  /** Role -> `env:NAME` or `file:/path`. */
  readonly credentials: Readonly<Record<string, string>>
  readonly enabled: boolean
}

/** Adds a source. Throws SOURCE_INVALID, NOT_FOUND for the site, CONFLICT where the name is taken. Nothing is asked or read yet. */
export async function addSource(db: Database, draft: SourceDraft): Promise<void> {
  if (!(await insertSource(db, await fieldsOf(db, draft))))
    throw new ProcessingError(
      'CONFLICT',
      `There is a source '${draft.name}' already: \`tilth sources edit ${draft.name}\`.`,
    )
}

export type SourceChange = Partial<Omit<SourceDraft, 'name' | 'kind' | 'satellite'>>

/**
 * Changes a source; what is not named stays. What was given up is tried again, and past seasons are asked for anew. Throws NOT_FOUND,
 * SOURCE_INVALID.
 */
export async function editSource(db: Database, name: string, change: SourceChange): Promise<void> {
  await db.transaction().execute(async (tx) => {
    const row = await getSource(tx, name)
    const { satellite, kind, credentials, enabled } = row
    // Checked below as a whole, whatever was stored.
    const config = row.config as Readonly<Record<string, unknown>>
    const before: SourceDraft = {
      name,
      site: row.site,
      satellite,
      order: row.place,
      kind,
      config,
      credentials,
      enabled,
    }
    await updateSource(tx, row.id, await fieldsOf(tx, { ...before, ...change }))
    await reopenOffers(tx, row.id)
    await settleOffered(tx, await acquisitionsOfSource(tx, row.id))
  })
}

/** Removes a source and what only it offered; what was fetched stays. Throws NOT_FOUND. */
export async function removeSource(db: Database, name: string): Promise<void> {
  await db.transaction().execute(async (tx) => {
    const { id } = await getSource(tx, name)
    const offered = await acquisitionsOfSource(tx, id)
    await deleteSource(tx, id)
    await settleOffered(tx, offered)
  })
}

async function fieldsOf(db: Database, draft: SourceDraft): Promise<SourceFields> {
  const { name, site, satellite, order, kind, config, credentials, enabled } = draft
  if (!/^[a-z0-9][a-z0-9-]{0,62}$/.test(name))
    throw new ProcessingError(
      'BAD_ARGUMENT',
      `'${name}' is no name of a source, expected 1 to 63 of a-z, 0-9 and -, not beginning with -.`,
    )
  if (!Number.isSafeInteger(order) || Math.abs(order) > 1_000_000)
    throw new ProcessingError(
      'BAD_ARGUMENT',
      `The order of source '${name}' is ${order}, expected a whole number.`,
    )
  checkCredentials(name, parseConfig(name, kind, config), credentials)
  const siteId = site === null ? null : (await getSite(db, site)).id
  return { name, siteId, satellite, place: order, kind, config, credentials, enabled }
}

/** Sources by satellite and order. */
export const listSources = (db: Database): Promise<readonly SourceRow[]> => selectSources(db, null)

/** Throws NOT_FOUND. */
export const readSource = (db: Database, name: string): Promise<SourceRow> => getSource(db, name)

/** Makes what was given up, or waits after a failure, due now: of these sources, or of all. Throws NOT_FOUND. */
export async function reopenSources(db: Database, names: readonly string[]): Promise<void> {
  await db.transaction().execute(async (tx) => {
    const rows = await Promise.all(names.map((name) => getSource(tx, name)))
    for (const id of names.length === 0 ? [null] : rows.map((row) => row.id)) await reopenOffers(tx, id)
  })
}

/** How many acquisitions wait for a fetch, and how many of them may be fetched now. */
export const sourceBacklog = (db: Database): Promise<Backlog> => readBacklog(db)

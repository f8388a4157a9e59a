import { isDeepStrictEqual } from 'node:util'
import { nameChanger } from '../../db/catalog/setting-changes.js'
import { deleteSeason, insertSeason, updateSeason } from '../../db/catalog/seasons.js'
import { deleteSetting, upsertSetting } from '../../db/catalog/settings.js'
import { replaceOwnTiles } from '../../db/catalog/site-tiles.js'
import { insertSite, lockSites, updateSite } from '../../db/catalog/sites.js'
import type { Database } from '../../db/connect.js'
import { ProcessingError } from '../../domain/errors.js'
import { bboxOf } from '../../domain/polygon.js'
import { getSite } from '../find-site.js'
import { touchedTiles } from '../site-tiles.js'
import { mergeInto } from '../split/merge-site.js'
import { parseSiteFile } from './parse-site-file.js'
import { planSiteChange, type SiteChange } from './plan-changes.js'
import { readSiteState } from './read-site-state.js'
import { renderSiteFile } from './render-site-file.js'
import type { Problem, SiteDocument } from './site-document.js'

export type { ChangeLine, SiteChange } from './plan-changes.js'

/** What a file would change, parents before their sub-sites; sites that are as the file says have no lines. */
export interface SiteFilePlan {
  readonly changes: readonly SiteChange[]
  readonly documents: readonly SiteDocument[]
}

/**
 * Compares a file with what is. Writes nothing. Throws SITE_FILE_INVALID with all mistakes of the file at once, each with its line;
 * `name` is how the file is called in it.
 */
export async function planSiteFile(
  db: Database,
  text: string,
  { folder, name }: { readonly folder: string; readonly name: string },
): Promise<SiteFilePlan> {
  const { documents, problems } = await parseSiteFile(text, folder)
  const found = [...problems]
  const changes = problems.length > 0 ? [] : await planDocuments(db, documents, found)
  if (found.length > 0)
    throw new ProcessingError(
      'SITE_FILE_INVALID',
      `${name} has ${found.length === 1 ? 'one mistake' : `${found.length} mistakes`}; nothing was changed:\n${found
        .map(({ line, message }) => `  line ${line}: ${message}`)
        .join('\n')}`,
    )
  return { changes, documents }
}

/**
 * Makes a plan so, in one transaction. What changed since it was made is noticed: CONFLICT then, and nothing is changed. Throws what
 * the changes throw.
 */
export async function applySiteFile(db: Database, plan: SiteFilePlan, by: string): Promise<void> {
  await db.transaction().execute(async (tx) => {
    await lockSites(tx)
    const problems: Problem[] = []
    const now = await planDocuments(tx, plan.documents, problems)
    if (problems.length > 0 || !isDeepStrictEqual(now, plan.changes))
      throw new ProcessingError(
        'CONFLICT',
        'The sites changed while the difference was looked at. Nothing was changed; look at the new difference.',
      )
    await nameChanger(tx, by)
    for (const change of plan.changes) if (change.lines.length > 0) await applyChange(tx, change, by)
  })
}

/** A site with its sub-sites as a file. Throws NOT_FOUND. */
export async function exportSite(db: Database, slug: string): Promise<string> {
  const { subSites } = await getSite(db, slug)
  const rendered = async (name: string) => {
    const state = await readSiteState(db, name)
    if (state === undefined)
      throw new ProcessingError('NOT_FOUND', `Site '${name}' was removed at this moment.`)
    return { state, touched: touchedTiles(state.area, name) }
  }
  return renderSiteFile(await rendered(slug), await Promise.all(subSites.map(rendered)))
}

async function planDocuments(
  db: Database,
  documents: readonly SiteDocument[],
  problems: Problem[],
): Promise<SiteChange[]> {
  const changes: SiteChange[] = []
  const plan = async (document: SiteDocument, parent: string | undefined) => {
    const { slug, line } = document
    const state = await readSiteState(db, slug)
    const wrong = whyImpossible(document, state?.site, parent)
    if (wrong !== null) problems.push({ line, message: wrong })
    else
      try {
        changes.push(planSiteChange(document, state, parent, touchedTiles))
      } catch (error) {
        if (!(error instanceof ProcessingError) || error.code !== 'GEOMETRY_INVALID') throw error
        problems.push({ line, message: error.message })
      }
  }
  for (const document of documents) {
    await plan(document, undefined)
    for (const child of document.subSites ?? []) await plan(child, document.slug)
  }
  return changes
}

function whyImpossible(
  { slug, area, subSites = [] }: SiteDocument,
  site: { readonly parent: string | null; readonly subSites: readonly string[] } | undefined,
  parent: string | undefined,
): string | null {
  if (site === undefined) return area === undefined ? `site '${slug}' is new and needs a geometry` : null
  if (subSites.length > 0 && site.parent !== null)
    return `site '${slug}' is a sub-site of '${site.parent}' and can have none of its own`
  if (parent !== undefined && site.subSites.length > 0)
    return `site '${slug}' has sub-sites and cannot become one: merge them first`
  return null
}

async function applyChange(tx: Database, change: SiteChange, by: string): Promise<void> {
  const parentId = change.parent === null ? null : (await getSite(tx, change.parent)).id
  if (change.isNew && change.area !== null)
    await insertSite(tx, {
      slug: change.slug,
      name: change.name,
      parentId,
      geometry: change.area,
      bbox: bboxOf(change.area),
      paused: change.paused,
    })
  const site = await getSite(tx, change.slug)
  await updateSite(tx, site.id, {
    name: change.name,
    paused: change.paused,
    parentId,
    ...(change.area === null ? {} : { area: { geometry: change.area, bbox: bboxOf(change.area) } }),
  })
  if (change.tiles !== null) await replaceOwnTiles(tx, site.id, change.tiles)
  for (const name of change.seasons.remove) await deleteSeason(tx, site.id, name)
  for (const season of change.seasons.put)
    if (!(await updateSeason(tx, site.id, season.name, season))) await insertSeason(tx, site.id, season)
  for (const key of change.settings.unset) await deleteSetting(tx, key, site.id)
  for (const [key, value] of change.settings.set) await upsertSetting(tx, { key, siteId: site.id, value, by })
  if (change.merge.length > 0)
    await mergeInto(tx, site, await Promise.all(change.merge.map((slug) => getSite(tx, slug))), by)
}

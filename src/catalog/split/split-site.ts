import { listOwnTiles, replaceOwnTiles } from '../../db/catalog/site-tiles.js'
import { insertSite, lockSites } from '../../db/catalog/sites.js'
import type { Database } from '../../db/connect.js'
import { ProcessingError } from '../../domain/errors.js'
import { bboxOf } from '../../domain/polygon.js'
import { clipArea } from '../../products/areas/clip-area.js'
import { getSite, siteArea } from '../find-site.js'
import { keyOf, touchedTiles } from '../site-tiles.js'
import { checkCanBeParent, slugOf } from '../sites.js'
import { planSplit, type SplitBy, type SplitPlan } from './plan-split.js'

export type { SplitBy, SplitPlan } from './plan-split.js'

/**
 * Cuts a site into sub-sites, in one transaction; with `dryRun` only says what it would make. The children take the tiles over: they
 * are switched off in the parent's own filter, so that the union stays the same. Nothing on disk moves, steps that wait or run stay
 * the parent's. Throws NOT_FOUND, CONFLICT (a sub-site, a site with sub-sites, a slug that is taken, nothing to split), GEOMETRY_INVALID.
 */
export async function splitSite(
  db: Database,
  slug: string,
  by: SplitBy,
  { dryRun }: { readonly dryRun: boolean },
): Promise<SplitPlan> {
  return db.transaction().execute(async (tx) => {
    await lockSites(tx)
    const parent = await getSite(tx, slug)
    checkCanBeParent(parent)
    if (parent.subSites.length > 0)
      throw new ProcessingError(
        'CONFLICT',
        `Site '${slug}' has sub-sites already: ${parent.subSites.join(', ')}. Undo that first with \`tilth site merge ${slug}\`.`,
      )
    const tiles = await listOwnTiles(tx, parent.id)
    const area = await siteArea(tx, parent)
    const plan = planSplit({ slug, name: parent.name, area, tiles }, by, {
      clip: clipArea,
      touched: touchedTiles,
      slugOf,
    })
    for (const child of plan.children)
      if (await isTaken(tx, child.slug))
        throw new ProcessingError(
          'CONFLICT',
          `Sub-site '${child.slug}' cannot be made: there is a site of that name already.`,
        )
    if (dryRun) return plan
    for (const child of plan.children) {
      const id = await insertSite(tx, {
        slug: child.slug,
        name: child.name,
        parentId: parent.id,
        geometry: child.area,
        bbox: bboxOf(child.area),
      })
      if (id === null)
        throw new ProcessingError('CONFLICT', `There is a site '${child.slug}' since this moment. Try again.`)
      await replaceOwnTiles(tx, id, child.tiles)
    }
    const staying = new Set(plan.remaining.map(keyOf))
    await replaceOwnTiles(
      tx,
      parent.id,
      tiles.map((row) => ({ ...row, enabled: staying.has(keyOf(row)) })),
    )
    return plan
  })
}

async function isTaken(db: Database, slug: string): Promise<boolean> {
  return getSite(db, slug).then(
    () => true,
    (error: unknown) => {
      if (error instanceof ProcessingError && error.code === 'NOT_FOUND') return false
      throw error
    },
  )
}

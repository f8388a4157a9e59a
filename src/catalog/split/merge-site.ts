import { nameChanger } from '../../db/catalog/setting-changes.js'
import { listOwnSeasons } from '../../db/catalog/seasons.js'
import { listOwnTiles, replaceOwnTiles, type TileRow } from '../../db/catalog/site-tiles.js'
import { lockSites, type SiteRow } from '../../db/catalog/sites.js'
import {
  countOpenSteps,
  countRetentionRules,
  deleteSites,
  listOwnSettings,
  rehomeWork,
  type OpenWork,
} from '../../db/catalog/sub-sites.js'
import type { Database } from '../../db/connect.js'
import { ProcessingError } from '../../domain/errors.js'
import { getSite, siteArea } from '../find-site.js'
import { keyOf, touchedTiles } from '../site-tiles.js'

export interface MergedChild {
  readonly slug: string
  /** What the child had of its own and nobody has afterwards, in words. */
  readonly dropped: readonly string[]
  /** Steps that go on as the parent's. */
  readonly open: OpenWork
}

/**
 * Makes sub-sites part of their parent again (all of them, or those named), in one transaction; with `dryRun` only says what would be
 * dropped. The parent gets their tiles: what the parent has as a union stays the same. Their jobs and steps become the parent's,
 * running ones go on. Products and acquisitions are not touched. Throws NOT_FOUND, CONFLICT where one is no sub-site of the parent.
 */
export async function mergeSites(
  db: Database,
  parentSlug: string,
  childSlugs: readonly string[],
  { dryRun, by }: { readonly dryRun: boolean; readonly by: string },
): Promise<readonly MergedChild[]> {
  return db.transaction().execute(async (tx) => {
    await lockSites(tx)
    const parent = await getSite(tx, parentSlug)
    const slugs = childSlugs.length > 0 ? [...new Set(childSlugs)] : parent.subSites
    if (slugs.length === 0)
      throw new ProcessingError('CONFLICT', `Site '${parentSlug}' has no sub-sites to merge.`)
    const children = await Promise.all(slugs.map((slug) => getSite(tx, slug)))
    const stranger = children.find((child) => child.parentId !== parent.id)
    if (stranger !== undefined)
      throw new ProcessingError(
        'CONFLICT',
        `Site '${stranger.slug}' is no sub-site of '${parentSlug}'; those are ${parent.subSites.join(', ') || 'none'}.`,
      )
    const merged: MergedChild[] = []
    for (const child of children) merged.push(await describe(tx, child))
    if (!dryRun) await mergeInto(tx, parent, children, by)
    return merged
  })
}

/** The change itself, in the caller's transaction that holds the lock on sites. */
export async function mergeInto(
  tx: Database,
  parent: SiteRow,
  children: readonly SiteRow[],
  by: string,
): Promise<void> {
  const ids = children.map(({ id }) => id)
  const rows = [
    await listOwnTiles(tx, parent.id),
    ...(await Promise.all(ids.map((id) => listOwnTiles(tx, id)))),
  ]
  const auto = new Set(touchedTiles(await siteArea(tx, parent), parent.slug).map(keyOf))
  const union = new Map<string, TileRow>()
  for (const row of rows.flat()) {
    const key = keyOf(row)
    const isEnabled = row.enabled || union.get(key)?.enabled === true
    union.set(key, { ...row, origin: auto.has(key) ? 'auto' : 'manual', enabled: isEnabled })
  }
  // A tile that a sub-site had switched off and the parent never had was nobody's.
  const kept = [...union.values()].filter(
    (row) => row.enabled || auto.has(keyOf(row)) || rows[0]?.some((own) => keyOf(own) === keyOf(row)),
  )
  await replaceOwnTiles(tx, parent.id, kept)
  await rehomeWork(tx, ids, parent.id)
  await nameChanger(tx, by)
  await deleteSites(tx, ids)
}

async function describe(tx: Database, child: SiteRow): Promise<MergedChild> {
  const seasons = await listOwnSeasons(tx, child.id)
  const settings = await listOwnSettings(tx, [child.id])
  const rules = await countRetentionRules(tx, child.id)
  const off = (await listOwnTiles(tx, child.id)).filter((row) => !row.enabled).map(({ tile }) => tile)
  return {
    slug: child.slug,
    dropped: [
      `name '${child.name}' and its area`,
      ...(child.paused ? ['its pause'] : []),
      ...(off.length > 0 ? [`its tile filter: ${off.join(' ')} off`] : []),
      ...seasons.map(({ name, startsOn, endsOn }) => `season ${name}, ${startsOn} to ${endsOn}`),
      ...(rules > 0 ? [`${rules} retention rules`] : []),
      ...settings.map(({ key, value }) => `setting ${key} = ${JSON.stringify(value)}`),
    ],
    open: await countOpenSteps(tx, [child.id]),
  }
}

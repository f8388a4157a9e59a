import type { SettingLayers } from '../config/resolve-settings.js'
import { resolveSetting } from '../config/resolve-settings.js'
import { readArchiveUse } from '../db/catalog/storage-use.js'
import type { Database } from '../db/connect.js'
import { readFetchedUse, sitesOfTile } from '../db/sources/fetched-use.js'
import { ProcessingError } from '../domain/errors.js'
import { freeBytes } from './staging.js'

const MIB = 2 ** 20
/** What is taken for a product whose size its source does not say, MiB: a full Sentinel-2 L1C has 500 to 800. */
const USUAL_MIB = 800

export interface RoomNeed {
  readonly satellite: 's2' | 'landsat'
  readonly tile: string | null
  /** As the source says; null: it does not. */
  readonly bytes: number | null
  /** An archive lies beside what it is unpacked to. */
  readonly isArchive: boolean
}

/**
 * Throws DISK_FULL where the root has not the room for a fetch, `storage.min_free_mb` kept, and QUOTA_EXCEEDED where it would take more than
 * `sources.quota_mb`, or where the archive of a site is over `storage.quota_mb` already: nothing could be made of it. The claim counts as fetching already.
 */
export async function checkRoom(
  db: Database,
  root: string,
  layersOf: (siteId: number | null) => SettingLayers,
  need: RoomNeed,
): Promise<void> {
  const expected = need.bytes ?? USUAL_MIB * MIB
  const minFree = resolveSetting('storage.min_free_mb', layersOf(null)).value * MIB
  const free = await freeBytes(root)
  const wanted = expected * (need.isArchive ? 2 : 1)
  if (free - wanted < minFree)
    throw new ProcessingError(
      'DISK_FULL',
      `The root l1 has ${mib(free)} MiB free; the fetch needs ${mib(wanted)}, and storage.min_free_mb keeps ${mib(minFree)}. Free space there.`,
    )
  const sites =
    need.tile === null ? [] : await sitesOfTile(db, { satellite: need.satellite, tile: need.tile })
  const bounded = [null, ...sites].map((site) => ({
    slug: site?.slug ?? null,
    layers: layersOf(site?.id ?? null),
  }))
  const limit = (
    layers: SettingLayers,
    key: 'sources.quota_mb' | 'storage.quota_mb',
    slug: string | null,
  ) => {
    const { value, origin } = resolveSetting(key, layers)
    // A wider row bounds the wider place: it is looked at there.
    const isOwn = slug === null ? origin.kind !== 'default' : origin.kind === 'site'
    return isOwn && value > 0 ? value * MIB : Infinity
  }
  const fetchLimits = bounded.map((b) => ({ ...b, most: limit(b.layers, 'sources.quota_mb', b.slug) }))
  const archiveLimits = bounded.map((b) => ({ ...b, most: limit(b.layers, 'storage.quota_mb', b.slug) }))
  const named = (list: readonly { slug: string | null; most: number }[]) =>
    list.flatMap(({ slug, most }) => (slug === null || most === Infinity ? [] : [slug]))
  if (fetchLimits.some(({ most }) => most < Infinity)) {
    const use = new Map(
      (await readFetchedUse(db, named(fetchLimits))).map(({ site, bytes }) => [site, bytes]),
    )
    for (const { slug, most } of fetchLimits) {
      // What the source says of it is in the sum already; what it does not say is not.
      const sum = (use.get(slug) ?? 0) + (need.bytes === null ? expected : 0)
      if (sum > most)
        throw new ProcessingError(
          'QUOTA_EXCEEDED',
          `With this fetch ${whose(slug)} would have ${mib(sum)} MiB of acquisitions in the root l1; sources.quota_mb is ${mib(most)}.`,
        )
    }
  }
  if (archiveLimits.some(({ most }) => most < Infinity)) {
    const use = new Map(
      (await readArchiveUse(db, named(archiveLimits))).map(({ site, bytes }) => [site, bytes]),
    )
    for (const { slug, most } of archiveLimits) {
      const sum = use.get(slug) ?? 0
      if (sum >= most)
        throw new ProcessingError(
          'QUOTA_EXCEEDED',
          `The archive of ${whose(slug)} has ${mib(sum)} MiB and storage.quota_mb is ${mib(most)}: nothing could be made of a new acquisition.`,
        )
    }
  }
}

const mib = (bytes: number): string => String(Math.round(bytes / MIB))
const whose = (slug: string | null): string => (slug === null ? 'all sites' : `site ${slug}`)

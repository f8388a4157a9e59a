import {
  checkSetting,
  defaultOf,
  isSettingKey,
  SETTING_KEYS,
  type SettingKey,
  type SettingValueOf,
} from './settings.js'

/** Where a value in force comes from. */
export type SettingOrigin =
  | { readonly kind: 'cli' }
  /** An argument of the schedule that made the job. */
  | { readonly kind: 'schedule'; readonly schedule: string }
  /** Frozen into the job when it was made; `from` is where it came from then. */
  | { readonly kind: 'job'; readonly from?: SettingOrigin }
  | { readonly kind: 'site'; readonly site: string }
  | { readonly kind: 'parent'; readonly site: string }
  | { readonly kind: 'global' }
  | { readonly kind: 'default' }

export interface ResolvedSetting<K extends SettingKey = SettingKey> {
  readonly key: K
  readonly value: SettingValueOf<K>
  readonly origin: SettingOrigin
}

/** Checked values of some keys. */
export type SettingValues = { readonly [K in SettingKey]?: SettingValueOf<K> }

/** Rows and flags that may give a value. `sites` runs from the site itself to its topmost ancestor. Values are checked already. */
export interface SettingLayers {
  readonly cli?: SettingValues
  readonly job?: SettingValues
  readonly sites?: readonly { readonly slug: string; readonly values: SettingValues }[]
  readonly global?: SettingValues
}

/** The value in force and its origin: CLI > job > site > parent site > global > default. Pure. */
export function resolveSetting<K extends SettingKey>(key: K, layers: SettingLayers): ResolvedSetting<K> {
  const of = (value: SettingValueOf<K>, origin: SettingOrigin): ResolvedSetting<K> => ({ key, value, origin })
  const cli = layers.cli?.[key]
  if (cli !== undefined) return of(cli, { kind: 'cli' })
  const job = layers.job?.[key]
  if (job !== undefined) return of(job, { kind: 'job' })
  for (const [depth, site] of (layers.sites ?? []).entries()) {
    const value = site.values[key]
    if (value !== undefined) return of(value, { kind: depth === 0 ? 'site' : 'parent', site: site.slug })
  }
  const global = layers.global?.[key]
  if (global !== undefined) return of(global, { kind: 'global' })
  return of(defaultOf(key), { kind: 'default' })
}

/** Rows of settings and the tree of sites along which they are inherited, as they are stored. */
export interface StoredSettings {
  /** `siteId` null: the global row. */
  readonly settings: readonly {
    readonly key: string
    readonly siteId: number | null
    readonly value: unknown
  }[]
  readonly sites: readonly { readonly id: number; readonly slug: string; readonly parentId: number | null }[]
}

/**
 * Makes the layers of a site (null: of the whole system) from stored rows, parsed once. Rows that another version of the program
 * wrote, with a key or range unknown here, are passed over: then the next wider layer holds. Pure.
 */
export function layersOf(stored: StoredSettings): (siteId: number | null) => SettingLayers {
  const bySite = new Map<number | null, SettingValues>()
  for (const { key, siteId, value } of stored.settings) {
    if (!isSettingKey(key)) continue
    try {
      bySite.set(siteId, { ...bySite.get(siteId), [key]: checkSetting(key, value) })
    } catch {
      continue
    }
  }
  const tree = new Map(stored.sites.map((site) => [site.id, site]))
  return (siteId) => {
    const sites: { slug: string; values: SettingValues }[] = []
    const seen = new Set<number>()
    // A loop of parents must not hang the program.
    for (let id = siteId; id !== null && !seen.has(id);) {
      seen.add(id)
      const site = tree.get(id)
      if (site === undefined) break
      sites.push({ slug: site.slug, values: bySite.get(id) ?? {} })
      id = site.parentId
    }
    return { sites, global: bySite.get(null) ?? {} }
  }
}

/** All settings in force, in the order of the table. */
export function resolveSettings(layers: SettingLayers): readonly ResolvedSetting[] {
  return SETTING_KEYS.map((key) => resolveSetting(key, layers))
}

/** An origin as people read it: `site my-site`, `parent site region`, `global`, ... */
export function describeOrigin(origin: SettingOrigin): string {
  if (origin.kind === 'schedule') return `schedule ${origin.schedule}`
  if (origin.kind === 'site') return `site ${origin.site}`
  if (origin.kind === 'parent') return `parent site ${origin.site}`
  if (origin.kind === 'job' && origin.from !== undefined) return `job (${describeOrigin(origin.from)})`
  return origin.kind
}

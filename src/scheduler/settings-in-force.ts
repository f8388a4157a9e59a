import { checkSetting, SETTING_KEYS, type SettingKey } from '../config/settings.js'
import { resolveSetting, type ResolvedSetting, type SettingLayers } from '../config/resolve-settings.js'
import type { SettingRows } from '../db/jobs/read-setting-rows.js'
import type { Caps, Capacity } from './admission.js'
import type { RetrySettings } from './retry-policy.js'

type Values = Partial<Record<SettingKey, number>>

/** Settings as one round of the scheduler sees them; pure over the rows. Rows that no longer fit their key are passed over. */
export class SettingsInForce {
  private readonly bySite = new Map<number | null, Values>()
  private readonly sites: ReadonlyMap<number, SettingRows['sites'][number]>

  constructor(rows: SettingRows) {
    this.sites = new Map(rows.sites.map((site) => [site.id, site]))
    for (const { key, siteId, value } of rows.settings) {
      const known = SETTING_KEYS.find((k) => k === key)
      if (known === undefined) continue
      try {
        this.bySite.set(siteId, { ...this.bySite.get(siteId), [known]: checkSetting(known, value) })
      } catch {
        // Written by another version with another range: the next layer holds.
      }
    }
  }

  resolve(key: SettingKey, siteId: number | null = null, cli: Values = {}): ResolvedSetting {
    return resolveSetting(key, { ...this.layers(siteId), cli })
  }

  /** A setting of a processor, or `fallback` for a processor without such a key. */
  ofProcessor(processor: string, name: string, siteId: number | null, fallback: number): number {
    const key = SETTING_KEYS.find((k) => k === `processor.${processor}.${name}`)
    return key === undefined ? fallback : this.resolve(key, siteId).value
  }

  capacity(): Capacity {
    const slots = this.resolve('executor.cpu_slots').value * this.resolve('executor.oversubscription').value
    return { slots: Math.max(1, Math.floor(slots)), memoryMb: this.resolve('executor.memory_mb').value }
  }

  caps(): Caps {
    return {
      globalParallelism: (processor) => this.ofProcessor(processor, 'max_parallelism', null, 0),
      siteParallelism: (processor, siteId) => this.siteRow(processor, siteId),
      threadsHint: (processor, siteId) => this.ofProcessor(processor, 'tile_threads_hint', siteId, 4),
    }
  }

  retry(siteId: number | null): RetrySettings {
    return {
      maxFailures: this.resolve('retry.max_failures', siteId).value,
      backoffS: this.resolve('retry.backoff_s', siteId).value,
      backoffMaxS: this.resolve('retry.backoff_max_s', siteId).value,
    }
  }

  /** What is written on a step's row at its claim: the live settings that decided about it, with their origin. */
  shownOnStep(processor: string, siteId: number | null): Record<string, unknown> {
    const keys = SETTING_KEYS.filter(
      (key) =>
        key.startsWith('executor.') || key.startsWith('retry.') || key.startsWith(`processor.${processor}.`),
    )
    return Object.fromEntries(
      keys.map((key) => {
        const { value, origin } = this.resolve(key, siteId)
        return [key, { value, origin }]
      }),
    )
  }

  /** The site's own or inherited cap, without the global row: that one bounds the sum. */
  private siteRow(processor: string, siteId: number | null): number {
    const key = SETTING_KEYS.find((k) => k === `processor.${processor}.max_parallelism`)
    if (key === undefined) return 0
    const { value, origin } = this.resolve(key, siteId)
    return origin.kind === 'site' || origin.kind === 'parent' ? value : 0
  }

  private layers(siteId: number | null): SettingLayers {
    const sites: { slug: string; values: Values }[] = []
    const seen = new Set<number>()
    for (let id = siteId; id !== null && !seen.has(id);) {
      seen.add(id)
      const site = this.sites.get(id)
      if (site === undefined) break
      sites.push({ slug: site.slug, values: this.bySite.get(id) ?? {} })
      id = site.parentId
    }
    return { sites, global: this.bySite.get(null) ?? {} }
  }
}

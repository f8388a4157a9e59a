import { readSettingLayers } from '../catalog/settings.js'
import { definitionOf, isSettingKey, SETTING_KEYS, type SettingKey } from '../config/settings.js'
import { resolveSetting, type ResolvedSetting, type SettingLayers } from '../config/resolve-settings.js'
import type { Queryable } from '../db/steps/queryable.js'
import type { LearnHow } from '../db/steps/read-learned-use.js'
import type { CapBound, Caps, Capacity } from './admission.js'
import type { StepLimits } from './executor.js'
import type { PressureLimits } from './pressure.js'
import type { GrantSettings } from './grant-resources.js'
import type { RetrySettings } from './retry-policy.js'

/** The settings in force now, read at once. */
export async function readSettings(db: Queryable): Promise<SettingsInForce> {
  return new SettingsInForce(await readSettingLayers(db))
}

/** Groups of settings that decide about steps of any processor on any executor. */
const DECIDING = ['executor.', 'fair.', 'limits.', 'resources.', 'retry.', 'storage.'] as const

/** Settings as one round of the scheduler sees them; pure over the layers. */
export class SettingsInForce {
  private readonly shown = new Map<string, Record<string, unknown>>()

  private readonly layers = new Map<number | null, SettingLayers>()

  private readonly resolved = new Map<string, ResolvedSetting>()

  constructor(private readonly readLayers: (siteId: number | null) => SettingLayers) {}

  /** Once for each key and site: a round asks for the same ones again and again, and some defaults read what the machine allows. */
  resolve<K extends SettingKey>(key: K, siteId: number | null = null): ResolvedSetting<K> {
    const place = `${key} ${siteId ?? ''}`
    const known = this.resolved.get(place) ?? resolveSetting(key, this.layersOf(siteId))
    this.resolved.set(place, known)
    return known as ResolvedSetting<K>
  }

  /** A number set for a processor, or `fallback` for a processor without such a key. */
  ofProcessor(processor: string, name: string, siteId: number | null, fallback: number): number {
    const key = `processor.${processor}.${name}`
    const value = isSettingKey(key) ? this.resolve(key, siteId).value : fallback
    return typeof value === 'number' ? value : fallback
  }

  /** A text set for a processor; empty where none is, and for a processor without such a key. */
  textOfProcessor(processor: string, name: string, siteId: number | null): string {
    const key = `processor.${processor}.${name}`
    const value = isSettingKey(key) ? this.resolve(key, siteId).value : ''
    return typeof value === 'string' ? value : ''
  }

  capacity(): Capacity {
    const slots = this.resolve('executor.cpu_slots').value * this.resolve('executor.oversubscription').value
    return {
      slots: Math.max(1, Math.floor(slots)),
      memoryMb: this.resolve('executor.memory_mb').value,
      ioWeight: this.resolve('executor.io_weight').value,
    }
  }

  /** `fair.weight` of a site among its siblings, and of the site that it belongs to; both 1 for steps of no site. */
  fairWeights(siteId: number | null): { readonly ofRoot: number; readonly ofSite: number } {
    const { sites = [], ...wider } = this.layersOf(siteId)
    if (sites.length === 0) return { ofRoot: 1, ofSite: 1 }
    const ofRoot = resolveSetting('fair.weight', { ...wider, sites: sites.slice(-1) }).value
    return { ofRoot, ofSite: sites.length === 1 ? 1 : this.resolve('fair.weight', siteId).value }
  }

  /** When the host hands out fewer slots. */
  pressureLimits(): PressureLimits {
    return {
      memoryPercent: this.resolve('pressure.memory_percent').value,
      ioPercent: this.resolve('pressure.io_percent').value,
      intervalS: this.resolve('pressure.interval_s').value,
    }
  }

  /** How use is read from recent steps. */
  learnHow(): LearnHow {
    return {
      quantile: this.resolve('resources.quantile').value,
      ioMbPerS: this.resolve('resources.io_mb_s').value,
    }
  }

  /** How what was learned counts for a processor's steps of a site. */
  grants(processor: string, siteId: number | null): Omit<GrantSettings, 'executorMb'> {
    return {
      memoryMb: this.ofProcessor(processor, 'memory_mb', siteId, 0),
      learns: this.resolve('resources.learn').value,
      minSamples: this.resolve('resources.min_samples').value,
      quantile: this.resolve('resources.quantile').value,
      margin: this.resolve('resources.margin').value,
      floorMb: this.resolve('resources.memory_floor_mb').value,
      ceilingMb: this.resolve('resources.memory_ceiling_mb').value,
    }
  }

  /** What a running step must not exceed, by the memory that it was admitted with and the disk that it declares. */
  limits(siteId: number | null, of: { readonly memoryMb: number; readonly diskMb: number }): StepLimits {
    const orNever = (value: number) => (value > 0 ? value : Infinity)
    const memory = this.resolve('limits.memory_factor', siteId).value * of.memoryMb
    return {
      timeS: orNever(this.resolve('limits.time_s', siteId).value),
      memoryMb: Math.max(orNever(memory), this.resolve('limits.memory_min_mb', siteId).value),
      diskMb: orNever(this.resolve('limits.disk_factor', siteId).value * of.diskMb),
      logMb: this.resolve('limits.log_mb', siteId).value,
      logFloodMb: this.resolve('limits.log_flood_mb', siteId).value,
      graceS: this.resolve('executor.grace_s').value,
    }
  }

  caps(): Caps {
    return {
      bounds: (processor, siteId) => this.capBounds(processor, siteId),
      lineage: (siteId) => (this.layersOf(siteId).sites ?? []).map(({ slug }) => slug),
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

  /**
   * What is written on a step's row at its claim: the live settings that decide when and how it runs, with their origin; the same object for the same
   * processor, site and executor. Job settings are left out: the claim adds them as they were frozen into the job.
   */
  shownOnStep(processor: string, siteId: number | null, executor: string): Record<string, unknown> {
    const place = `${executor} ${processor} ${siteId ?? ''}`
    const shown = this.shown.get(place) ?? this.resolveForStep(processor, siteId, executor)
    this.shown.set(place, shown)
    return shown
  }

  private resolveForStep(
    processor: string,
    siteId: number | null,
    executor: string,
  ): Record<string, unknown> {
    // A cluster's pressure is not looked at, and nothing is asked of Slurm for a local step.
    const ofPlace = executor === 'slurm' ? 'slurm.' : 'pressure.'
    const groups = [...DECIDING, ofPlace, `processor.${processor}.`]
    const keys = SETTING_KEYS.filter(
      (key) => definitionOf(key).effect === 'live' && groups.some((group) => key.startsWith(group)),
    )
    return Object.fromEntries(
      keys.map((key) => {
        const { value, origin } = this.resolve(key, siteId)
        return [key, { value, origin }]
      }),
    )
  }

  /** Once for each site: a round asks for the same ones again and again. */
  private layersOf(siteId: number | null): SettingLayers {
    const known = this.layers.get(siteId) ?? this.readLayers(siteId)
    this.layers.set(siteId, known)
    return known
  }

  /** Every row of `storage.quota_mb` that bounds what steps of a site publish, MiB. */
  quotaBounds(siteId: number | null): readonly CapBound[] {
    return this.boundsOf('storage.quota_mb', siteId)
  }

  private capBounds(processor: string, siteId: number | null): CapBound[] {
    const key = `processor.${processor}.max_parallelism`
    return isSettingKey(key) ? this.boundsOf(key, siteId) : []
  }

  /** The global row or default bounds the sum, the row of each site along the lineage that site with all below it; 0 bounds nothing. */
  private boundsOf(key: SettingKey, siteId: number | null): CapBound[] {
    const rows = [
      { cap: this.resolve(key).value, site: null },
      ...(this.layersOf(siteId).sites ?? []).map(({ slug, values }) => ({ cap: values[key], site: slug })),
    ]
    return rows.flatMap(({ cap, site }) => (typeof cap === 'number' && cap > 0 ? [{ cap, site }] : []))
  }
}

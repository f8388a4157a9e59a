import { describeOrigin, type SettingOrigin } from '../config/resolve-settings.js'
import { definitionOf, SETTING_KEYS, type SettingKey, type SettingValue } from '../config/settings.js'
import type { SettingsInForce } from './settings-in-force.js'

/** `job.settings`: job settings as they were in force when the job was made. */
export type FrozenSettings = Readonly<
  Record<string, { readonly value: unknown; readonly origin: SettingOrigin }>
>

export interface JobParameters {
  /** Parameters by their name in the processor's definition. */
  readonly values: Readonly<Record<string, unknown>>
  /** The same names: `cli`, `schedule z`, `site x`, `parent site y`, `global`, `default`. */
  readonly origins: Readonly<Record<string, string>>
  readonly frozen: FrozenSettings
}

/**
 * The job settings of a processor as they are in force now for a site, each overridden by what was given, by hand unless `from` says otherwise. Live
 * settings are never among them. `given` may name parameters that are no settings. How products are written (`products.`) is frozen beside them and
 * is no parameter: parameters are compared, and a product whose pixels would be the same is not made again. Pure.
 */
export function freezeSettings(
  settings: SettingsInForce,
  processor: string,
  siteId: number | null,
  given: Readonly<Record<string, unknown>>,
  from: SettingOrigin = { kind: 'cli' },
): JobParameters {
  const prefix = `processor.${processor}.`
  const values: Record<string, unknown> = {}
  const origins: Record<string, string> = {}
  const frozen: Record<string, { value: unknown; origin: SettingOrigin }> = {}
  const freeze = (key: SettingKey, value: SettingValue | null, origin: SettingOrigin) => {
    frozen[key] = { value, origin: { kind: 'job', from: origin } }
  }
  for (const key of jobKeysOf(processor)) {
    const name = key.slice(prefix.length)
    const { value, origin } = settings.resolve(key, siteId)
    if (Object.hasOwn(given, name)) continue
    values[name] = value
    origins[name] = describeOrigin(origin)
    freeze(key, value, origin)
  }
  for (const [name, value] of Object.entries(given)) {
    values[name] = value
    origins[name] = describeOrigin(from)
    const key = jobKeysOf(processor).find((k) => k === prefix + name)
    if (key !== undefined) freeze(key, value as SettingValue | null, from)
  }
  for (const key of WRITING_KEYS) {
    const { value, origin } = settings.resolve(key, siteId)
    freeze(key, value, origin)
  }
  return { values, origins, frozen }
}

const WRITING_KEYS = SETTING_KEYS.filter((key) => key.startsWith('products.'))

const jobKeysOf = (processor: string): readonly SettingKey[] =>
  SETTING_KEYS.filter(
    (key) => definitionOf(key).effect === 'job' && key.startsWith(`processor.${processor}.`),
  )

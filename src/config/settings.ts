import { ProcessingError } from '../domain/errors.js'
import type { SettingDefinition, SettingValue } from './settings/define.js'
import { EXECUTOR_SETTINGS } from './settings/executor.js'
import { FAIR_SETTINGS } from './settings/fair.js'
import { INGEST_SETTINGS } from './settings/ingest.js'
import { NODE_SETTINGS } from './settings/nodes.js'
import { PROCESSOR_SETTINGS } from './settings/processors.js'
import { PRODUCT_SETTINGS } from './settings/products.js'
import { RESOURCE_SETTINGS } from './settings/resources.js'
import { RETRY_SETTINGS } from './settings/retry.js'
import { PRESSURE_SETTINGS } from './settings/pressure.js'
import { SCHEDULE_SETTINGS } from './settings/schedules.js'
import { SOURCE_SETTINGS } from './settings/sources.js'
import { SLURM_SETTINGS } from './settings/slurm.js'
import { STORAGE_SETTINGS } from './settings/storage.js'

export type { SettingDefinition, SettingEffect, SettingScope, SettingValue } from './settings/define.js'

/** Every setting that may be a row of the table `setting`. The keys are stable; a test checks that each default is in its own range. */
export const SETTINGS = {
  ...EXECUTOR_SETTINGS,
  ...NODE_SETTINGS,
  ...PROCESSOR_SETTINGS,
  ...PRODUCT_SETTINGS,
  ...RETRY_SETTINGS,
  ...RESOURCE_SETTINGS,
  ...FAIR_SETTINGS,
  ...PRESSURE_SETTINGS,
  ...SCHEDULE_SETTINGS,
  ...SLURM_SETTINGS,
  ...STORAGE_SETTINGS,
  ...INGEST_SETTINGS,
  ...SOURCE_SETTINGS,
} as const

export type SettingKey = keyof typeof SETTINGS
/** The type of a key's value: number, boolean, string, or one of the values of a choice. */
export type SettingValueOf<K extends SettingKey> = ReturnType<(typeof SETTINGS)[K]['default']>
export const SETTING_KEYS = Object.keys(SETTINGS) as readonly SettingKey[]

export function definitionOf(key: SettingKey): SettingDefinition {
  return SETTINGS[key]
}

/** The value of a key where no row gives one. */
export function defaultOf<K extends SettingKey>(key: K): SettingValueOf<K> {
  return SETTINGS[key].default() as SettingValueOf<K>
}

export function isSettingKey(name: string): name is SettingKey {
  return Object.hasOwn(SETTINGS, name)
}

/** Narrows a name to a key. Throws SETTING_UNKNOWN, with the nearest keys in the message. */
export function settingKey(name: string): SettingKey {
  if (isSettingKey(name)) return name
  const near = nearestKeys(name)
  const hint = near.length > 0 ? ` Did you mean ${near.join(', ')}?` : ''
  throw new ProcessingError(
    'SETTING_UNKNOWN',
    `There is no setting '${name}'.${hint} See \`tilth config list\`.`,
  )
}

/** Keys that a mistyped name may stand for, nearest first: a few letters differ, or its last part is one of theirs. At most three. */
function nearestKeys(name: string): SettingKey[] {
  const last = name.split('.').at(-1) ?? name
  return SETTING_KEYS.map((key) => ({
    key,
    distance: Math.min(editDistance(name, key), 1 + editDistance(last, key.split('.').at(-1) ?? key)),
  }))
    .filter(({ distance }) => distance <= Math.max(2, Math.floor(last.length / 3)))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, 3)
    .map(({ key }) => key)
}

/** Letters to insert, delete or replace to make one text of another (Levenshtein 1966). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++)
      next[j] = Math.min(
        (row[j] ?? 0) + 1,
        (next[j - 1] ?? 0) + 1,
        (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1),
      )
    row = next
  }
  return row[b.length] ?? 0
}

/** Checks a value for a key. Throws SETTING_INVALID with type, unit and range in the message. */
export function checkSetting<K extends SettingKey>(key: K, value: unknown): SettingValueOf<K> {
  const definition = definitionOf(key)
  const parsed = definition.schema.safeParse(value)
  // The schema stands beside the default that gives the type: the same entry of the table makes both.
  if (parsed.success) return parsed.data as SettingValueOf<K>
  throw new ProcessingError(
    'SETTING_INVALID',
    `Setting '${key}' is ${JSON.stringify(value)}, expected ${describeExpected(definition)}.`,
  )
}

/** Throws SETTING_INVALID for a key that cannot be set for a site. */
export function checkScope(key: SettingKey, site: string | null): void {
  if (site === null || definitionOf(key).scopes.includes('site')) return
  throw new ProcessingError(
    'SETTING_INVALID',
    `Setting '${key}' belongs to the whole system, not to a site: it cannot be set for '${site}'. Set it globally.`,
  )
}

const FLAGS: Readonly<Record<string, boolean>> = {
  ...{ true: true, on: true, yes: true },
  ...{ false: false, off: false, no: false },
}

/** Reads a setting from a command line: the text of its value. Throws SETTING_INVALID. */
export function parseSetting<K extends SettingKey>(key: K, given: string): SettingValueOf<K> {
  const trimmed = given.trim()
  switch (definitionOf(key).type) {
    case 'integer':
    case 'number': {
      // Number('') is 0 and Number('0x10') is 16: neither is what a user meant.
      const isPlain = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(trimmed)
      return checkSetting(key, isPlain ? Number(trimmed) : trimmed)
    }
    case 'flag': {
      const name = trimmed.toLowerCase()
      return checkSetting(key, Object.hasOwn(FLAGS, name) ? FLAGS[name] : given)
    }
    case 'text':
    case 'choice':
      return checkSetting(key, trimmed)
  }
}

/** Type, unit and range, in words. */
export function describeExpected({ type, unit, range }: SettingDefinition): string {
  switch (type) {
    case 'integer':
    case 'number':
      return `${type === 'integer' ? 'an integer' : 'a number'} [${unit}] from ${range}`
    case 'flag':
      return `a flag, ${range}`
    case 'text':
      return `text: ${range}`
    case 'choice':
      return `one of ${range}`
  }
}

/** The default as people read it. */
export function describeDefault({ default: byDefault, defaultText }: SettingDefinition): string {
  return defaultText ?? formatSetting(byDefault())
}

/** A value as people read it: an empty text would look like a missing one. */
export const formatSetting = (value: SettingValue): string => (value === '' ? "''" : String(value))

import { z } from 'zod'
import { ProcessingError } from '../domain/errors.js'
import { machineLimits } from './cgroup-limits.js'

/** `live`: acts at once, on running work too. `job`: frozen into a job when it is made. */
export type SettingEffect = 'live' | 'job'
export type SettingScope = 'global' | 'site'

/** Every value of the first version is a number; a flag or text key would widen this type. */
export type SettingValue = number

export interface SettingDefinition {
  readonly type: 'integer' | 'number'
  /** '1' for pure numbers, '' where a unit makes no sense. */
  readonly unit: string
  /** In words, as help and errors show it. */
  readonly range: string
  readonly schema: z.ZodType<SettingValue>
  readonly default: () => SettingValue
  /** Shown instead of the number where the default depends on the machine. */
  readonly defaultText?: string
  readonly doc: string
  readonly scopes: readonly SettingScope[]
  readonly effect: SettingEffect
}

interface NumberOptions {
  readonly unit: string
  readonly min: number
  readonly max: number
  readonly default: number | (() => number)
  readonly defaultText?: string
  readonly doc: string
  readonly scopes?: readonly SettingScope[]
  readonly effect?: SettingEffect
}

const BOTH: readonly SettingScope[] = ['global', 'site']
const GLOBAL: readonly SettingScope[] = ['global']

function numeric(type: 'integer' | 'number', o: NumberOptions): SettingDefinition {
  const bounded = z.number().min(o.min).max(o.max)
  const byDefault = o.default
  return {
    type,
    unit: o.unit,
    range: `${o.min} to ${o.max}`,
    schema: type === 'integer' ? bounded.int() : bounded,
    default: typeof byDefault === 'function' ? byDefault : () => byDefault,
    ...(o.defaultText === undefined ? {} : { defaultText: o.defaultText }),
    doc: o.doc,
    scopes: o.scopes ?? BOTH,
    effect: o.effect ?? 'live',
  }
}
const integer = (o: NumberOptions) => numeric('integer', o)
const number = (o: NumberOptions) => numeric('number', o)

/** Every setting that may be a row of the table `setting`. The keys are stable; a test checks that each default is in its own range. */
export const SETTINGS = {
  'executor.cpu_slots': integer({
    unit: 'slots',
    min: 1,
    max: 4096,
    default: () => machineLimits().cpus,
    defaultText: 'CPUs of the cgroup',
    scopes: GLOBAL,
    doc: 'CPU slots that the local executor hands out to running steps.',
  }),
  'executor.memory_mb': integer({
    unit: 'MiB',
    min: 256,
    max: 16_777_216,
    default: () => Math.max(256, Math.floor(machineLimits().memoryMb * 0.85)),
    defaultText: "85 % of the cgroup's memory",
    scopes: GLOBAL,
    doc: 'Memory that the local executor hands out to running steps.',
  }),
  'executor.oversubscription': number({
    unit: '1',
    min: 0.25,
    max: 4,
    default: 1,
    scopes: GLOBAL,
    doc: 'Factor on executor.cpu_slots: above 1 where steps wait for I/O, below 1 to leave CPUs for others.',
  }),
  'executor.lease_s': integer({
    unit: 's',
    min: 5,
    max: 3600,
    default: 30,
    scopes: GLOBAL,
    doc: 'How long a running step may stay silent before another scheduler may take it.',
  }),
  'executor.grace_s': integer({
    unit: 's',
    min: 0,
    max: 3600,
    default: 10,
    scopes: GLOBAL,
    doc: 'How long a step may take to end after a cancel before it is killed.',
  }),
  'processor.l2a.max_parallelism': integer({
    unit: 'steps',
    min: 0,
    max: 4096,
    default: 0,
    doc: 'L2A steps that run at once; 0 = as many as slots and memory allow. The global row limits all sites together, a site row its share.',
  }),
  'processor.l2a.tile_threads_hint': integer({
    unit: 'threads',
    min: 1,
    max: 256,
    default: 4,
    doc: 'Threads that one L2A step would like; it gets fewer when slots are scarce and more when they are free.',
  }),
  'processor.l2a.memory_mb': integer({
    unit: 'MiB',
    min: 256,
    max: 1_048_576,
    default: 2048,
    doc: 'Memory that one L2A step is admitted with.',
  }),
  'processor.l2a.aot': number({
    unit: '1 at 550 nm',
    min: 0,
    max: 2,
    default: 0.1,
    effect: 'job',
    doc: 'Aerosol optical thickness where none is retrieved.',
  }),
  'processor.l2a.wv': number({
    unit: 'g/cm2',
    min: 0,
    max: 8,
    default: 2,
    effect: 'job',
    doc: 'Water vapour column where none is retrieved.',
  }),
  'processor.l2a.ozone': number({
    unit: 'DU',
    min: 100,
    max: 600,
    default: 300,
    effect: 'job',
    doc: 'Ozone column.',
  }),
  'retry.max_failures': integer({
    unit: 'attempts',
    min: 1,
    max: 100,
    default: 3,
    doc: 'Failed attempts after which a step is quarantined.',
  }),
  'retry.backoff_s': number({
    unit: 's',
    min: 0,
    max: 86_400,
    default: 10,
    doc: 'Wait before the first retry; doubled for each further one, with jitter.',
  }),
  'retry.backoff_max_s': number({
    unit: 's',
    min: 0,
    max: 604_800,
    default: 3600,
    doc: 'Longest wait between two attempts.',
  }),
  'storage.min_free_mb': integer({
    unit: 'MiB',
    min: 0,
    max: 1_073_741_824,
    default: 1024,
    scopes: GLOBAL,
    doc: 'Free space below which no step is started that writes to the archive or scratch root.',
  }),
  'storage.sweep_grace_s': integer({
    unit: 's',
    min: 60,
    max: 31_536_000,
    default: 86_400,
    scopes: GLOBAL,
    doc: 'Age at which a folder that no product row names is removed.',
  }),
  'ingest.copy_quiet_s': integer({
    unit: 's',
    min: 0,
    max: 86_400,
    default: 60,
    scopes: GLOBAL,
    doc: 'An incomplete product that changed less than this long ago is taken for one still being copied.',
  }),
  'ingest.archive_max_mb': integer({
    unit: 'MiB',
    min: 1,
    max: 1_048_576,
    default: 32_768,
    scopes: GLOBAL,
    doc: 'What all members of one zip or tar may have together.',
  }),
  'ingest.archive_max_file_mb': integer({
    unit: 'MiB',
    min: 1,
    max: 1_048_576,
    default: 4096,
    scopes: GLOBAL,
    doc: 'What one member of a zip or tar may have.',
  }),
  'ingest.archive_max_entries': integer({
    unit: 'members',
    min: 1,
    max: 1_000_000,
    default: 20_000,
    scopes: GLOBAL,
    doc: 'Files and folders that a zip or tar may list; a product of 15 tiles has some 2,000.',
  }),
  'ingest.archive_max_ratio': number({
    unit: '1',
    min: 1,
    max: 1_000_000,
    default: 100,
    scopes: GLOBAL,
    doc: 'Bytes of all members over bytes of the archive; real products stay below 20.',
  }),
  'ingest.archive_max_depth': integer({
    unit: 'levels',
    min: 1,
    max: 255,
    default: 16,
    scopes: GLOBAL,
    doc: 'How deep a member of a zip or tar may lie.',
  }),
  'ingest.archive_max_path_bytes': integer({
    unit: 'bytes',
    min: 16,
    max: 4096,
    default: 1024,
    scopes: GLOBAL,
    doc: 'Length of the path of a member of a zip or tar, UTF-8.',
  }),
  'node.heartbeat_s': integer({
    unit: 's',
    min: 1,
    max: 600,
    default: 5,
    scopes: GLOBAL,
    doc: 'How often a scheduler tells that its node is alive; silent for three of these, the node counts as gone.',
  }),
  'node.allow_other_versions': integer({
    unit: '1',
    min: 0,
    max: 1,
    default: 0,
    scopes: GLOBAL,
    doc: '1: nodes whose program or schema is not the one that the database was migrated for get work all the same.',
  }),
} as const satisfies Record<string, SettingDefinition>

export type SettingKey = keyof typeof SETTINGS
export const SETTING_KEYS = Object.keys(SETTINGS) as readonly SettingKey[]

export function definitionOf(key: SettingKey): SettingDefinition {
  return SETTINGS[key]
}

/** Narrows a name to a key. Throws SETTING_UNKNOWN, with the nearest keys in the message. */
export function settingKey(name: string): SettingKey {
  const key = SETTING_KEYS.find((k) => k === name)
  if (key !== undefined) return key
  const last = name.split('.').at(-1) ?? name
  const near = SETTING_KEYS.filter((k) => k.includes(last) || k.startsWith(`${name.split('.')[0] ?? name}.`))
  const hint = near.length > 0 ? ` Did you mean ${near.slice(0, 5).join(', ')}?` : ''
  throw new ProcessingError(
    'SETTING_UNKNOWN',
    `There is no setting '${name}'.${hint} See \`tilth config list\`.`,
  )
}

/** Checks a value for a key. Throws SETTING_INVALID with type, unit and range in the message. */
export function checkSetting(key: SettingKey, value: unknown): SettingValue {
  const definition = definitionOf(key)
  const parsed = definition.schema.safeParse(value)
  if (parsed.success) return parsed.data
  const unit = definition.unit === '' ? '' : ` [${definition.unit}]`
  throw new ProcessingError(
    'SETTING_INVALID',
    `Setting '${key}' is ${JSON.stringify(value)}, expected ${article(definition.type)}${unit} from ${definition.range}.`,
  )
}

/** Reads a setting from a command line: the text of a number. Throws SETTING_INVALID. */
export function parseSetting(key: SettingKey, text: string): SettingValue {
  const trimmed = text.trim()
  // Number('') is 0 and Number('0x10') is 16: neither is what a user meant.
  const plain = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(trimmed)
  return checkSetting(key, plain ? Number(trimmed) : text)
}

function article(type: SettingDefinition['type']): string {
  return type === 'integer' ? 'an integer' : `a ${type}`
}

import { parse, stringify, TomlError } from 'smol-toml'
import { ProcessingError } from '../domain/errors.js'
import {
  checkScope,
  checkSetting,
  definitionOf,
  describeDefault,
  SETTING_KEYS,
  settingKey,
  type SettingKey,
  type SettingValue,
} from './settings.js'

/** One row of a settings file; `site` null: the table [global]. */
export interface FileSetting {
  readonly key: SettingKey
  readonly site: string | null
  readonly value: SettingValue
}

/** A stored row, not yet checked: another version of the program may have written it. */
export interface StoredRow {
  readonly key: string
  /** Slug; null: global. */
  readonly site: string | null
  readonly value: unknown
}

export interface SettingDifference {
  readonly key: string
  readonly site: string | null
  /** Undefined: there is no row. */
  readonly from: unknown
  /** Undefined: the row is removed. */
  readonly to: SettingValue | undefined
}

const HEAD = `# Settings of Tilth. \`tilth config import FILE\` shows what differs and applies it, all or nothing; --dry-run only shows.
# Precedence: command line > job > site > parent site > global > default. A line that is commented out states the default.
`

/**
 * All stored settings as TOML: every key of the system with type, unit, range, default and meaning, those without a row commented out;
 * for each site its own rows. Rows that this version does not know stay as comments. Read again, it gives the same rows. Pure.
 */
export function renderSettingsFile(rows: readonly StoredRow[]): string {
  const global = rows.filter(({ site }) => site === null)
  const sites = [...new Set(rows.flatMap(({ site }) => (site === null ? [] : [site])))].sort()
  const known = SETTING_KEYS.map((key) => [
    ...describe(key),
    line(key, global.find((row) => row.key === key)?.value),
  ])
  const ofSite = (slug: string) => [
    `[site.${slug}]`,
    ...rows
      .filter(({ site }) => site === slug)
      .map((row) => {
        const key = SETTING_KEYS.find((k) => k === row.key)
        return key === undefined ? unknownLine(row) : [...describe(key), line(key, row.value)].join('\n')
      }),
    '',
  ]
  return [
    HEAD,
    '[global]',
    ...known.flatMap((block) => [...block, '']),
    ...global.filter((row) => !SETTING_KEYS.some((key) => key === row.key)).map(unknownLine),
    ...sites.flatMap(ofSite),
  ].join('\n')
}

function describe(key: SettingKey): string[] {
  const definition = definitionOf(key)
  const { type, unit, range, doc, effect } = definition
  return [
    `# ${doc}`,
    `# ${type}${unit === '-' ? '' : ` [${unit}]`}, ${range}; default ${describeDefault(definition)}; ${effect === 'live' ? 'acts at once' : 'frozen into a job when it is made'}`,
  ]
}

function line(key: SettingKey, value: unknown): string {
  if (value === undefined) return `# ${key} = ${toToml(definitionOf(key).default())}`
  try {
    return `${key} = ${toToml(checkSetting(key, value))}`
  } catch {
    return `# passed over, not in the range of this version: ${key} = ${JSON.stringify(value)}`
  }
}

const unknownLine = ({ key, value }: StoredRow) =>
  `# not known to this version: ${key} = ${JSON.stringify(value)}`

/** `a = VALUE` without its `a = `. */
const toToml = (value: SettingValue): string => stringify({ a: value }).trim().slice('a = '.length)

/**
 * Reads a settings file: the table [global], and [site.SLUG] for each site. Throws BAD_ARGUMENT for text that is no TOML, with line and
 * column; SETTING_INVALID with everything that is wrong at once: unknown tables, sites and keys, wrong types, values out of range. Pure.
 */
export function parseSettingsFile(text: string, sites: ReadonlySet<string>): readonly FileSetting[] {
  const problems: string[] = []
  const found: FileSetting[] = []
  const take = (table: unknown, site: string | null, name: string) => {
    if (!isTable(table)) {
      problems.push(`'${name}' is ${describeValue(table)}, expected a table.`)
      return
    }
    for (const [path, value] of leavesOf(table)) {
      try {
        const key = settingKey(path)
        checkScope(key, site)
        found.push({ key, site, value: checkSetting(key, value) })
      } catch (error) {
        if (!(error instanceof ProcessingError)) throw error
        problems.push(`[${name}] ${error.message}`)
      }
    }
  }
  for (const [name, table] of Object.entries(parseToml(text)))
    if (name === 'global') take(table, null, 'global')
    else if (name === 'site' && isTable(table))
      for (const [slug, rows] of Object.entries(table)) {
        if (sites.has(slug)) take(rows, slug, `site.${slug}`)
        else problems.push(`[site.${slug}] There is no site '${slug}'. See \`tilth site list\`.`)
      }
    else problems.push(`'${name}' is neither [global] nor [site.SLUG].`)
  if (problems.length > 0)
    throw new ProcessingError(
      'SETTING_INVALID',
      `${problems.length === 1 ? 'One thing is' : `${problems.length} things are`} wrong; nothing was changed:\n${problems.map((problem) => `  ${problem}`).join('\n')}`,
    )
  return found
}

function parseToml(text: string): Record<string, unknown> {
  try {
    return parse(text)
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw cause
    throw new ProcessingError(
      'BAD_ARGUMENT',
      `The settings are no TOML, line ${cause.line}, column ${cause.column}: ${cause.message.split('\n')[0] ?? ''}.`,
      { cause },
    )
  }
}

const isTable = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)

/** `executor.cpu_slots = 2` and `[executor] cpu_slots = 2` are the same in TOML: a table within a table. */
function leavesOf(table: Record<string, unknown>, prefix = ''): [string, unknown][] {
  return Object.entries(table).flatMap(([name, value]): [string, unknown][] =>
    isTable(value) ? leavesOf(value, `${prefix}${name}.`) : [[`${prefix}${name}`, value]],
  )
}

const describeValue = (value: unknown): string => JSON.stringify(value)

/**
 * What an import changes, in the order of the file; with `prune` also rows that the file does not have, except such as this version
 * does not know. Empty when the file says what is stored. Pure.
 */
export function settingDifferences(
  stored: readonly StoredRow[],
  wanted: readonly FileSetting[],
  { prune }: { prune: boolean },
): readonly SettingDifference[] {
  const same = (a: { key: string; site: string | null }, b: { key: string; site: string | null }) =>
    a.key === b.key && a.site === b.site
  const changed = wanted.flatMap((row): SettingDifference[] => {
    const before = stored.find((other) => same(row, other))
    return before !== undefined && before.value === row.value
      ? []
      : [{ key: row.key, site: row.site, from: before?.value, to: row.value }]
  })
  const removed = stored
    .filter((row) => prune && SETTING_KEYS.some((key) => key === row.key))
    .filter((row) => !wanted.some((other) => same(row, other)))
    .map(({ key, site, value }): SettingDifference => ({ key, site, from: value, to: undefined }))
  return [...changed, ...removed]
}

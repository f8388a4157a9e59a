import { secondText } from '../domain/calendar-day.js'
import type { Command } from 'commander'
import type { ResolvedSetting } from '../config/resolve-settings.js'
import { positiveInteger } from './numbers.js'
import { formatTable, printJson, withApp } from './queue-options.js'
import { userName } from './user-name.js'

interface Options {
  readonly site?: string
  readonly by?: string
  readonly json?: boolean
}

const BY = [
  '--by <who>',
  'who changes it, for the history (default: TILTH_USER, else your user name)',
] as const

export function register(program: Command): void {
  const config = program
    .command('config')
    .description(
      'settings of the system and of sites; precedence: CLI > job > site > parent site > global > default',
    )
  config
    .command('list')
    .description('all settings in force with unit, range and origin')
    .option('--site <slug>', 'as they are in force for this site')
    .option('--json', 'print JSON')
    .action(async (options: Options) => {
      await show(null, options)
    })
  config
    .command('get')
    .description('one setting in force and its origin')
    .argument('<key>', 'e.g. processor.l2a.max_parallelism')
    .option('--site <slug>', 'as it is in force for this site')
    .option('--json', 'print JSON')
    .action(async (key: string, options: Options) => {
      await show(key, options)
    })
  config
    .command('set')
    .description('write a setting; live ones act at once on running work')
    .argument('<key>', 'see `tilth config list`')
    .argument('<value>', 'number in the unit of the setting, true or false, text, or one of its choices')
    .option('--site <slug>', 'for this site and its sub-sites only')
    .option(...BY)
    .option('--json', 'print JSON')
    .action(async (key: string, value: string, options: Options) => {
      await withApp(async ({ db }) => {
        const { setSetting } = await import('../catalog/settings.js')
        await setSetting(db, key, value, { site: options.site ?? null, by: userName(options.by) })
      })
      await show(key, options)
    })
  config
    .command('unset')
    .description('remove a setting, so that the next wider one is in force')
    .argument('<key>', 'see `tilth config list`')
    .option('--site <slug>', "the site's own value")
    .option(...BY)
    .option('--json', 'print JSON')
    .action(async (key: string, options: Options) => {
      await withApp(async ({ db }) => {
        const { unsetSetting } = await import('../catalog/settings.js')
        const place = { site: options.site ?? null, by: userName(options.by) }
        if (!(await unsetSetting(db, key, place))) process.stderr.write(`${key} was not set\n`)
      })
      await show(key, options)
    })
  config
    .command('history')
    .description('changes of settings, newest first: when, who, what it was and became')
    .argument('[key]', 'only of this setting')
    .option('--site <slug>', 'only of this site')
    .option('--limit <n>', 'changes at most', positiveInteger, 50)
    .option('--json', 'print JSON')
    .action(async (key: string | undefined, options: Options & { limit: number }) => {
      await history(key, options)
    })
  config
    .command('export')
    .description('print all settings as TOML, each with unit, range, default and meaning, global and by site')
    .action(async () =>
      withApp(async ({ db }) => {
        const { exportSettings } = await import('../catalog/settings.js')
        process.stdout.write(await exportSettings(db))
      }),
    )
  config
    .command('import')
    .description('make the settings those of a TOML file: shows what differs and applies it, all or nothing')
    .argument('<file>', "as `tilth config export` prints it; '-' reads standard input")
    .option('--dry-run', 'only show what would change', false)
    .option('--prune', 'also remove settings that the file does not have', false)
    .option(...BY)
    .option('--json', 'print JSON')
    .action(async (file: string, options: Options & { dryRun: boolean; prune: boolean }) => {
      await importFile(file, options)
    })
}

async function show(key: string | null, options: Options): Promise<void> {
  const { definitionOf, formatSetting, settingKey } = await import('../config/settings.js')
  const { describeOrigin } = await import('../config/resolve-settings.js')
  const wanted = key === null ? null : settingKey(key)
  const all = await withApp(async ({ db }) => {
    const { settingsInForce } = await import('../catalog/settings.js')
    return settingsInForce(db, options.site ?? null)
  })
  const rows = all.filter((row) => wanted === null || row.key === wanted)
  const described = (row: ResolvedSetting) => {
    const { type, unit, range, doc, scopes, effect } = definitionOf(row.key)
    return {
      key: row.key,
      value: row.value,
      origin: row.origin,
      type,
      unit,
      range,
      default: definitionOf(row.key).default(),
      scopes,
      effect,
      doc,
    }
  }
  if (options.json) {
    const [only] = rows
    printJson(wanted === null || only === undefined ? rows.map(described) : described(only))
  } else if (wanted === null)
    process.stdout.write(
      formatTable(
        ['SETTING', 'VALUE', 'UNIT', 'ORIGIN', 'EFFECT', 'RANGE'],
        rows.map((row) => [
          row.key,
          formatSetting(row.value),
          definitionOf(row.key).unit,
          describeOrigin(row.origin),
          definitionOf(row.key).effect,
          definitionOf(row.key).range,
        ]),
      ),
    )
  else
    for (const row of rows) {
      const { unit } = definitionOf(row.key)
      process.stdout.write(
        `${formatSetting(row.value)}${unit === '-' ? '' : ` ${unit}`} (${describeOrigin(row.origin)})\n`,
      )
    }
}

const shown = (value: unknown): string =>
  value === null || value === undefined ? '-' : JSON.stringify(value)
const shownSite = (site: string | null): string => (site === null ? 'global' : `site ${site}`)

async function history(key: string | undefined, options: Options & { limit: number }): Promise<void> {
  await withApp(async ({ db }) => {
    const { settingHistory } = await import('../catalog/settings.js')
    const changes = await settingHistory(db, {
      limit: options.limit,
      ...(key === undefined ? {} : { key }),
      ...(options.site === undefined ? {} : { site: options.site }),
    })
    if (options.json) printJson(changes)
    else
      process.stdout.write(
        formatTable(
          ['WHEN (UTC)', 'WHO', 'SETTING', 'WHERE', 'WAS', 'BECAME'],
          changes.map(({ at, changedBy, key: name, site, oldValue, newValue }) => [
            secondText(at),
            changedBy,
            name,
            shownSite(site),
            shown(oldValue),
            shown(newValue),
          ]),
        ),
      )
  })
}

async function importFile(
  file: string,
  options: Options & { dryRun: boolean; prune: boolean },
): Promise<void> {
  const { readFile } = await import('node:fs/promises')
  const { ProcessingError } = await import('../domain/errors.js')
  const text = await readFile(file === '-' ? '/dev/stdin' : file, 'utf8').catch((cause: unknown) => {
    throw new ProcessingError(
      'NOT_FOUND',
      `The settings file '${file}' cannot be read: ${cause instanceof Error ? cause.message : String(cause)}.`,
      { cause },
    )
  })
  await withApp(async ({ db }) => {
    const { importSettings } = await import('../catalog/settings.js')
    const { prune, dryRun } = options
    const differences = await importSettings(db, text, { by: userName(options.by), prune, dryRun })
    if (options.json) printJson({ dryRun, changes: differences })
    else {
      for (const { key, site, from, to } of differences)
        process.stdout.write(`${shownSite(site)}: ${key} ${shown(from)} -> ${shown(to)}\n`)
      process.stderr.write(
        differences.length === 0
          ? 'nothing differs\n'
          : `${differences.length} ${dryRun ? 'would change' : 'changed'}\n`,
      )
    }
  })
}

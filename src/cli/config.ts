import type { Command } from 'commander'
import type { ResolvedSetting } from '../config/resolve-settings.js'
import { formatTable, printJson, withApp } from './queue-options.js'

interface Options {
  readonly site?: string
  readonly json?: boolean
}

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
    .argument('<value>', 'number in the unit of the setting')
    .option('--site <slug>', 'for this site and its children only')
    .option('--json', 'print JSON')
    .action(async (key: string, value: string, options: Options) => {
      const { userInfo } = await import('node:os')
      await withApp(async ({ db }) => {
        const { setSetting } = await import('../catalog/settings.js')
        await setSetting(db, key, value, { site: options.site ?? null, by: userInfo().username })
      })
      await show(key, options)
    })
  config
    .command('unset')
    .description('remove a setting, so that the next wider one is in force')
    .argument('<key>', 'see `tilth config list`')
    .option('--site <slug>', "the site's own value")
    .option('--json', 'print JSON')
    .action(async (key: string, options: Options) => {
      await withApp(async ({ db }) => {
        const { unsetSetting } = await import('../catalog/settings.js')
        if (!(await unsetSetting(db, key, options.site ?? null))) process.stderr.write(`${key} was not set\n`)
      })
      await show(key, options)
    })
}

async function show(key: string | null, options: Options): Promise<void> {
  const { definitionOf, settingKey } = await import('../config/settings.js')
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
          String(row.value),
          definitionOf(row.key).unit,
          describeOrigin(row.origin),
          definitionOf(row.key).effect,
          definitionOf(row.key).range,
        ]),
      ),
    )
  else
    for (const row of rows)
      process.stdout.write(
        `${String(row.value)} ${definitionOf(row.key).unit} (${describeOrigin(row.origin)})\n`,
      )
}

import { InvalidArgumentError, Option, type Command } from 'commander'
import type { SourceRow } from '../sources/source.js'
import { formatTable, printJson, withApp } from './queue-options.js'
import { wholeNumber } from './numbers.js'
import { register as registerRun } from './sources/run.js'
import { register as registerTest } from './sources/test.js'

interface EditOptions {
  readonly site?: string
  readonly allSites?: boolean
  readonly order?: number
  readonly config?: string
  readonly set: Readonly<Record<string, unknown>>
  readonly unset: readonly string[]
  readonly credential: readonly string[]
  readonly enable?: boolean
  readonly disable?: boolean
}

export function register(program: Command): void {
  const sources = program.command('sources').description('where acquisitions are looked for and fetched from')
  sources
    .command('list')
    .description('all sources in the order in which they are tried, with their last look')
    .option('--json', 'print JSON')
    .action(async ({ json }: { json?: boolean }) =>
      withApp(async ({ db }) => {
        const { listSources } = await import('../sources/manage.js')
        const rows = await listSources(db)
        if (json) printJson(rows)
        else process.stdout.write(formatTable(HEADER, rows.map(cells)))
      }),
    )
  editOptions(
    sources
      .command('add <name>')
      .description('add a source; nothing is asked yet, `tilth sources test` does')
      .addOption(
        new Option('--satellite <name>', 'of which it has acquisitions')
          .choices(['s2', 'landsat'])
          .makeOptionMandatory(),
      )
      .addOption(
        new Option('--kind <kind>', 'watched folder, STAC API, or OData catalogue as Copernicus has it')
          .choices(['folder', 'stac', 'odata'])
          .makeOptionMandatory(),
      ),
  ).action(
    async (
      name: string,
      o: EditOptions & { satellite: 's2' | 'landsat'; kind: 'folder' | 'stac' | 'odata' },
    ) => {
      const config = await configOf({}, o)
      await withApp(async ({ db }) => {
        const { addSource } = await import('../sources/manage.js')
        await addSource(db, {
          ...{
            name,
            satellite: o.satellite,
            kind: o.kind,
            config,
            credentials: await credentialsOf(o.credential),
          },
          site: o.site ?? null,
          order: o.order ?? 100,
          enabled: o.disable !== true,
        })
      })
    },
  )
  editOptions(
    sources
      .command('edit <name>')
      .description('change a source; what is not named stays, what was given up is tried again')
      .option('--all-sites', 'serve all sites again')
      .option('--unset <key>', 'remove a key of the configuration, e.g. filters.cloud_max', collected, [])
      .option('--enable', 'ask it again'),
  ).action(async (name: string, o: EditOptions) =>
    withApp(async ({ db }) => {
      const { editSource, readSource } = await import('../sources/manage.js')
      const row = await readSource(db, name)
      const config = await configOf(row.config as Readonly<Record<string, unknown>>, o)
      await editSource(db, name, {
        config,
        ...(o.allSites === true ? { site: null } : o.site === undefined ? {} : { site: o.site }),
        ...(o.order === undefined ? {} : { order: o.order }),
        ...(o.credential.length === 0 ? {} : { credentials: await credentialsOf(o.credential) }),
        ...(o.enable === true ? { enabled: true } : o.disable === true ? { enabled: false } : {}),
      })
    }),
  )
  sources
    .command('remove <name>')
    .description('remove a source and what only it offered; what was fetched stays')
    .action(async (name: string) =>
      withApp(async ({ db }) => {
        const { removeSource } = await import('../sources/manage.js')
        await removeSource(db, name)
      }),
    )
  registerTest(sources)
  registerRun(sources)
}

function editOptions(command: Command): Command {
  return command
    .option('--site <slug>', 'serve this site and its sub-sites only (default: all sites)')
    .option(
      '--order <n>',
      'sources of a satellite are tried in this order, lower first (default: 100)',
      wholeNumber,
    )
    .option('--config <file>', 'JSON file with the whole configuration; - reads stdin')
    .option(
      '--set <key=value>',
      'set a key of the configuration, value as JSON or text, e.g. filters.cloud_max=80; may be repeated',
      assigned,
      {},
    )
    .option(
      '--credential <role=where>',
      'where a credential is: ROLE=env:NAME or ROLE=file:/path (mode 0600); may be repeated; all of them at once',
      collected,
      [],
    )
    .option('--disable', 'do not ask it')
    .addHelpText('after', '\nKeys of each kind, with units and defaults, and examples: docs/sources.md.')
}

const collected = (value: string, before: readonly string[]): readonly string[] => [...before, value]

/** The whole configuration that a command asks for. */
async function configOf(
  before: Readonly<Record<string, unknown>>,
  { config, set, unset = [] }: Partial<EditOptions>,
): Promise<Readonly<Record<string, unknown>>> {
  const { changeKey, readJsonObject } = await import('../sources/edit-config.js')
  let result = config === undefined ? before : await readJsonObject(config)
  for (const key of unset) result = changeKey(result, key, undefined)
  for (const [key, value] of Object.entries(set ?? {})) result = changeKey(result, key, value)
  return result
}

/** `key=value`, the value as JSON, or as text where it is no JSON. */
function assigned(
  text: string,
  before: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const [, key, value] = /^([A-Za-z0-9_.:-]+)=(.*)$/s.exec(text) ?? []
  if (key === undefined || value === undefined)
    throw new InvalidArgumentError(`expected key=value, found '${text}'`)
  try {
    return { ...before, [key]: JSON.parse(value) as unknown }
  } catch {
    return { ...before, [key]: value }
  }
}

/** What was given may be a password: it is not said again, as commander would. Throws BAD_ARGUMENT. */
async function credentialsOf(given: readonly string[]): Promise<Readonly<Record<string, string>>> {
  const { ProcessingError } = await import('../domain/errors.js')
  return Object.fromEntries(
    given.map((text) => {
      const [, role, where] = /^([a-z0-9_]+)=((?:env|file):.+)$/.exec(text) ?? []
      if (role !== undefined && where !== undefined) return [role, where]
      throw new ProcessingError(
        'BAD_ARGUMENT',
        'Option --credential takes ROLE=env:NAME or ROLE=file:/path: secrets are named, never given.',
      )
    }),
  )
}

const HEADER = ['SATELLITE', 'ORDER', 'SOURCE', 'KIND', 'SITE', 'LAST GOOD LOOK', 'STATE']

function cells(row: SourceRow): string[] {
  return [
    row.satellite,
    String(row.place),
    row.name,
    row.kind,
    row.site ?? '(all)',
    row.lastOkAt?.toISOString().slice(0, 16).replace('T', ' ') ?? '-',
    stateOf(row),
  ]
}

function stateOf(row: SourceRow): string {
  if (!row.enabled) return 'disabled'
  if (row.errorCode !== null) {
    const until = row.isDue ? '' : `, asked again at ${row.nextRunAt.toISOString().slice(0, 19)}Z`
    return `${row.errorCode}: ${row.error ?? ''}${until}`
  }
  return row.lastRunAt === null ? 'not asked yet' : 'ok'
}

import { Command, CommanderError, InvalidArgumentError } from 'commander'
import { createRequire } from 'node:module'
import { asUnavailable } from '../domain/database-away.js'
import { ERROR_CODES, EXIT, asProcessingError } from '../domain/errors.js'

type CommandModule = { readonly register: (program: Command) => void }

/** Each command's module, loaded only when it is called: start-up must not pay for GDAL, Postgres and zod. */
const COMMANDS: Readonly<Record<string, () => Promise<CommandModule>>> = {
  demo: () => import('./demo.js'),
  l2a: () => import('./l2a.js'),
  ndvi: () => import('./ndvi.js'),
  composite: () => import('./composite.js'),
  simulate: () => import('./simulate.js'),
  site: () => import('./site.js'),
  season: () => import('./season.js'),
  schedule: () => import('./schedule.js'),
  tiles: () => import('./tiles.js'),
  ingest: () => import('./ingest.js'),
  'import-l2a': () => import('./import-l2a.js'),
  export: () => import('./export.js'),
  sources: () => import('./sources.js'),
  import: () => import('./import.js'),
  acquisitions: () => import('./acquisitions.js'),
  chains: () => import('./chains.js'),
  plan: () => import('./plan.js'),
  process: () => import('./process.js'),
  up: () => import('./up.js'),
  status: () => import('./status.js'),
  jobs: () => import('./jobs.js'),
  steps: () => import('./steps.js'),
  products: () => import('./products.js'),
  show: () => import('./show.js'),
  why: () => import('./why.js'),
  report: () => import('./report.js'),
  logs: () => import('./logs.js'),
  cancel: () => import('./cancel.js'),
  retry: () => import('./retry.js'),
  pause: () => import('./pause.js'),
  resume: () => import('./resume.js'),
  nodes: () => import('./nodes.js'),
  slurm: () => import('./slurm.js'),
  retention: () => import('./retention.js'),
  storage: () => import('./storage.js'),
  rt: () => import('./rt.js'),
  config: () => import('./config.js'),
  db: () => import('./db.js'),
  bench: () => import('./bench.js'),
  'run-step': () => import('./run-step.js'),
}

const { version } = createRequire(import.meta.url)('#package.json') as { version: string }

async function main(argv: readonly string[]): Promise<number> {
  const program = new Command('tilth')
    .description('Satellite seasons, from acquisitions to maps.')
    .version(version, '-V, --version', 'print the version and exit')
    .configureHelp({ showGlobalOptions: true })
    // An option belongs to the command that it follows, also where that command has subcommands with options of the same name.
    .enablePositionalOptions()
    .exitOverride()
  const wanted = argv[0] !== undefined && Object.hasOwn(COMMANDS, argv[0]) ? COMMANDS[argv[0]] : undefined
  for (const load of wanted === undefined ? Object.values(COMMANDS) : [wanted])
    (await load()).register(program)
  if (wanted === undefined)
    program.command('test [files...]').description('run all tests; the last line counts them')
  try {
    await program.parseAsync(argv, { from: 'user' })
    return typeof process.exitCode === 'number' ? process.exitCode : EXIT.ok
  } catch (error) {
    // Thrown by an action, not by commander's own parsing, which has said it already.
    if (error instanceof InvalidArgumentError) process.stderr.write(`error: ${error.message}\n`)
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
    const failure = asProcessingError(asUnavailable(error))
    process.stderr.write(`error ${failure.code}: ${failure.message}\n`)
    if (failure.code === 'INTERNAL' && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`)
    return ERROR_CODES[failure.code].exit
  }
}

/**
 * `tilth steps | head` ends as other tools do, by the status of SIGPIPE. Messages that nobody reads (a terminal that was closed) stop nothing,
 * and a step process whose parent was killed still gives its step back.
 */
function outliveReaders(command: string | undefined): void {
  process.stderr.on('error', () => undefined)
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (command === 'run-step') return
    if (error.code !== 'EPIPE') throw error
    process.exit(EXIT.brokenPipe)
  })
}

outliveReaders(process.argv[2])
process.exitCode = await main(process.argv.slice(2))

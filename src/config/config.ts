import { existsSync, readFileSync } from 'node:fs'
import { homedir, hostname } from 'node:os'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { createRequire } from 'node:module'
import { ProcessingError } from '../domain/errors.js'

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** What one process takes from its environment; read once. Everything that can change while it runs is a setting (`settings.ts`). */
export interface Config {
  /** Data folder, absolute: embedded Postgres and the default storage roots. */
  readonly home: string
  /** A Postgres URL, or null for the embedded server below `home`. */
  readonly databaseUrl: string | null
  /** Where this host keeps the storage roots unless the database says otherwise; absolute. */
  readonly roots: Readonly<Record<RootName, string>>
  /** Which programs of others this machine has, absolute; need not exist. */
  readonly toolsFile: string
  readonly logLevel: LogLevel
  /** Name under which this host's folders are kept in `storage_root`. */
  readonly host: string
  /** Name under which steps run here: the host's unless several nodes share one host. */
  readonly node: string
  /** The installed program: holds package.json, sql/ and config/. */
  readonly programRoot: string
  /** Of the program, e.g. 0.1.0. */
  readonly version: string
}

export const ROOT_NAMES = ['archive', 'l1', 'scratch'] as const
export type RootName = (typeof ROOT_NAMES)[number]
/** Roots that a host has only where somebody registered them: `cold` is where retention rules archive to. */
export const OPTIONAL_ROOT_NAMES = ['cold'] as const
export type AnyRootName = RootName | (typeof OPTIONAL_ROOT_NAMES)[number]

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Reads the environment: TILTH_HOME, DATABASE_URL, TILTH_LOG, TILTH_HOST, TILTH_NODE, TILTH_EXTERNAL, and XDG_DATA_HOME for the default folder.
 * The default of TILTH_HOME is /var/lib/tilth for root, else $XDG_DATA_HOME/tilth, else ~/.local/share/tilth.
 * Throws BAD_ARGUMENT for a malformed value. Touches no file except package.json.
 */
export function loadConfig(env: Environment): Config {
  const home = resolve(nonEmpty(env['TILTH_HOME']) ?? defaultHome(env))
  const host = nonEmpty(env['TILTH_HOST']) ?? hostname()
  const programRoot = findProgramRoot()
  return Object.freeze({
    home,
    databaseUrl: databaseUrlOf(env),
    roots: Object.freeze({
      archive: join(home, 'archive'),
      l1: join(home, 'l1'),
      scratch: join(home, 'scratch'),
    }),
    toolsFile: resolve(nonEmpty(env['TILTH_EXTERNAL']) ?? join(home, 'external.json')),
    logLevel: logLevelOf(env),
    host,
    node: nonEmpty(env['TILTH_NODE']) ?? host,
    programRoot,
    version: versionOf(programRoot),
  })
}

function nonEmpty(value: string | undefined): string | undefined {
  return value === undefined || value === '' ? undefined : value
}

function defaultHome(env: Environment): string {
  if (process.getuid?.() === 0) return '/var/lib/tilth'
  const data = nonEmpty(env['XDG_DATA_HOME'])
  // The XDG rule: a relative path is invalid and must be ignored.
  return data !== undefined && isAbsolute(data)
    ? join(data, 'tilth')
    : join(homedir(), '.local', 'share', 'tilth')
}

function databaseUrlOf(env: Environment): string | null {
  const url = nonEmpty(env['DATABASE_URL'])
  if (url === undefined) return null
  if (!/^(postgres|postgresql):\/\//.test(url))
    throw new ProcessingError(
      'BAD_ARGUMENT',
      'DATABASE_URL must look like postgres://user@host:5432/name. Unset it to use the embedded server.',
    )
  return url
}

function logLevelOf(env: Environment): LogLevel {
  const text = nonEmpty(env['TILTH_LOG']) ?? 'info'
  const level = LOG_LEVELS.find((l) => l === text)
  if (level === undefined)
    throw new ProcessingError(
      'BAD_ARGUMENT',
      `TILTH_LOG is '${text}', expected one of ${LOG_LEVELS.join(', ')}.`,
    )
  return level
}

/** The folder of package.json: of the checkout, whether this runs from src/ (tests) or dist/src/. */
function findProgramRoot(): string {
  const path = createRequire(import.meta.url).resolve('#package.json')
  const root = dirname(path)
  if (!existsSync(join(root, 'sql', 'migrations')))
    throw new ProcessingError(
      'INTERNAL',
      `The program at ${root} lacks its folder sql/migrations. Install it whole again.`,
    )
  return root
}

function versionOf(programRoot: string): string {
  const path = join(programRoot, 'package.json')
  const document: unknown = JSON.parse(readFileSync(path, 'utf8'))
  if (
    typeof document === 'object' &&
    document !== null &&
    'version' in document &&
    typeof document.version === 'string'
  )
    return document.version
  throw new ProcessingError('INTERNAL', `${path} has no version. Install the program whole again.`)
}

import { resolveSetting, type SettingLayers } from '../config/resolve-settings.js'
import type { Config } from '../config/config.js'
import type { Database } from '../db/connect.js'
import { listSources, type SourceRow } from '../db/sources/sources.js'
import { ProcessingError } from '../domain/errors.js'
import { parseConfig, type ServiceConfig } from './config.js'
import { readCredentials } from './credentials.js'
import { HttpClient } from './http/client.js'
import { Pace } from './http/pace.js'
import type { Source } from './source.js'

/** What looking and fetching work with. */
export interface SourcesContext {
  readonly db: Database
  readonly config: Config
  /** Where `env:` credentials are. */
  readonly env: Readonly<Record<string, string | undefined>>
}

/** Throws SOURCE_INVALID where the stored configuration is of another version of the program. */
export function openSource(row: SourceRow): Source {
  const { name, satellite, kind } = row
  return { row, name, satellite, kind, parsed: parseConfig(name, kind, row.config) }
}

/** Throws NOT_FOUND. */
export async function getSource(db: Database, name: string): Promise<SourceRow> {
  const [row] = await listSources(db, name)
  if (row === undefined)
    throw new ProcessingError('NOT_FOUND', `There is no source '${name}'. See \`tilth sources list\`.`)
  return row
}

/** A process looks and fetches by clients of their own, which know tokens and settings; to the service they are one. */
const paces = new WeakMap<Database, Map<number, Pace>>()

function paceOf(db: Database, sourceId: number): Pace {
  const known = paces.get(db) ?? new Map<number, Pace>()
  paces.set(db, known)
  const pace = known.get(sourceId) ?? new Pace()
  known.set(sourceId, pace)
  return pace
}

/** The client of a service, with the settings in force; clients of one source share its rate. */
export function clientOf(
  source: Source,
  config: ServiceConfig,
  { db, config: program, env }: SourcesContext,
  layers: SettingLayers,
): HttpClient {
  const own = [config.url, ...('download_url' in config ? [config.download_url] : [])]
  return new HttpClient({
    source: source.name,
    rules: { own, hosts: config.hosts, trusted: config.trusted_hosts },
    auth: config.auth,
    readCredentials: () => readCredentials(source.name, source.row.credentials, env),
    ratePerS: config.rate_per_s,
    pace: paceOf(db, source.row.id),
    tries: resolveSetting('sources.request_tries', layers).value,
    backOffS: resolveSetting('sources.backoff_s', layers).value,
    stallS: resolveSetting('sources.stall_s', layers).value,
    userAgent: `tilth/${program.version}`,
  })
}

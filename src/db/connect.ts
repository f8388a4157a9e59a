import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { ProcessingError } from '../domain/errors.js'
import { PreparingClient } from './prepared.js'
import type { DB } from './types.js'

export type Database = Kysely<DB>

/** An open database: queries, a pool for LISTEN and whatever kysely cannot say, and the URL for child processes. */
export interface Connection {
  readonly db: Database
  readonly pool: pg.Pool
  /** For DATABASE_URL of child processes and for psql. */
  readonly url: string
  /** True for the embedded server, which no other machine can reach. */
  readonly isEmbedded: boolean
  close(): Promise<void>
}

export interface ConnectOptions {
  readonly databaseUrl: string | null
  readonly home: string
  /** Connections of this process at most. */
  readonly poolSize?: number
  readonly serverSettings?: Readonly<Record<string, string>>
}

const OID = { int8: pg.types.builtins.INT8, date: pg.types.builtins.DATE } as const

/**
 * int8 is read as a JavaScript number: ids and counts stay far below 2^53, and a string id breaks comparison and JSON output;
 * a larger value is refused, not rounded. date stays text 'YYYY-MM-DD': pg's default, a Date at local midnight, is another day
 * elsewhere. The parsers belong to our pools, not to the process.
 */
const types = new pg.TypeOverrides()
types.setTypeParser(OID.int8, safeInteger)
types.setTypeParser(OID.date, (text) => text)

function safeInteger(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value))
    throw new ProcessingError(
      'INTERNAL',
      `The database returned ${text}, which a number cannot hold exactly.`,
    )
  return value
}

/** Opens DATABASE_URL, or the embedded server. Throws DATABASE_UNAVAILABLE where no connection can be made. */
export async function connect(options: ConnectOptions): Promise<Connection> {
  const embedded = options.databaseUrl === null ? await joinEmbedded(options) : null
  const url = embedded === null ? (options.databaseUrl ?? '') : embedded.url
  const pool = new pg.Pool({
    ...(embedded === null ? { connectionString: url } : embedded.address),
    max: options.poolSize ?? 10,
    Client: PreparingClient,
    types,
    application_name: `tilth ${String(process.pid)}`,
    connectionTimeoutMillis: 15_000,
    // An idle connection keeps no process alive that has nothing else to do.
    allowExitOnIdle: true,
  })
  // An idle connection that the server closes is replaced on the next query; without a listener it would end the process.
  pool.on('error', () => undefined)
  // The pool listens to idle clients only: one lent to a transaction that is cut between two queries would end the process too.
  pool.on('connect', (client) => {
    client.on('error', () => undefined)
  })
  const db = new Kysely<DB>({ dialect: new PostgresDialect({ pool }) })
  let closing: Promise<void> | undefined
  const close = () =>
    (closing ??= (async () => {
      await db.destroy()
      await embedded?.release()
    })())
  try {
    await pool.query('select 1')
  } catch (cause) {
    await close()
    throw new ProcessingError(
      'DATABASE_UNAVAILABLE',
      `No connection to ${withoutPassword(url)}: ${cause instanceof Error ? describe(cause) : String(cause)}. Check DATABASE_URL.`,
      { cause },
    )
  }
  return { db, pool, url, isEmbedded: embedded !== null, close }
}

/** Loaded where it is needed only: step processes are given an address, and starting is what a new one spends its time on. */
async function joinEmbedded({ home, serverSettings }: ConnectOptions) {
  const { addressUrl, joinEmbeddedServer } = await import('./embedded-server.js')
  const server = await joinEmbeddedServer({
    home,
    ...(serverSettings === undefined ? {} : { settings: serverSettings }),
  })
  return { ...server, url: addressUrl(server.address) }
}

/** An AggregateError (localhost as ::1 and 127.0.0.1) has an empty message of its own. */
function describe(error: Error): string {
  if (error.message !== '') return error.message
  return error instanceof AggregateError ? error.errors.map(String).join('; ') : error.name
}

function withoutPassword(url: string): string {
  return url.replace(/^(\w+:\/\/[^:@/]*):[^@/]*@/, '$1:***@')
}

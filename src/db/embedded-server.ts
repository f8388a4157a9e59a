import { createHash, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { chmod, chown, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { execa } from 'execa'
import pg from 'pg'
import { ProcessingError } from '../domain/errors.js'
import { withProcessLock } from './process-lock.js'
import { noteServerInUse } from './servers-in-use.js'
import { findServerBinaries, firstClosedFolder, type ServerBinaries } from './server-binaries.js'

/** How to reach a server: what `pg` and libpq understand. */
export interface ServerAddress {
  /** Folder of the Unix socket; never a TCP address: the embedded server listens to this machine's user only. */
  readonly host: string
  readonly port: number
  readonly user: string
  readonly database: string
}

export interface EmbeddedServer {
  readonly address: ServerAddress
  /** Lets go of the server; whoever lets go last also stops it. */
  release(): Promise<void>
}

export interface EmbeddedServerOptions {
  /** TILTH_HOME; the server lives in `<home>/postgres`. */
  readonly home: string
  /** Server settings beyond our own, e.g. { fsync: 'off' } in tests; used when the server is started. */
  readonly settings?: Readonly<Record<string, string>>
}

/** Database and role of the embedded server. */
const NAME = 'tilth'
const PORT = 5432
/** sun_path of unix(7) holds 108 bytes with the final zero. */
const LONGEST_SOCKET_PATH = 107

interface Place {
  readonly folder: string
  readonly data: string
  readonly log: string
  readonly socketFolder: string
  readonly owner: { readonly uid: number; readonly gid: number } | null
  readonly lockName: string
}

/**
 * Joins the embedded Postgres of a data folder, making and starting it first where needed. The server is a daemon that all
 * processes of the data folder share: each holds one connection as sign of presence, and the last one to release it stops the
 * server. A server left behind by kill -9 is found and used again. As root it runs as user `postgres` (made if absent).
 * If the server dies while it is in use, it is started again in the background.
 * Throws DATABASE_UNAVAILABLE, with the end of the server's log.
 */
export async function joinEmbeddedServer(options: EmbeddedServerOptions): Promise<EmbeddedServer> {
  const place = await preparePlace(options.home)
  const address: ServerAddress = { host: place.socketFolder, port: PORT, user: NAME, database: NAME }
  const state = { released: false }
  const isReleased = () => state.released
  const forget = noteServerInUse(place.data)
  let presence = await withProcessLock(place.lockName, () => ensureRunning(place, options)).catch(
    (error: unknown) => {
      forget()
      throw error
    },
  )
  const guard = (client: pg.Client): void => {
    // Without a listener the loss of an idle connection would end the process.
    client.on('error', () => undefined)
    client.once('end', () => {
      if (!state.released) void rejoin()
    })
  }
  const rejoin = async (): Promise<void> => {
    for (let waitMs = 50; !state.released; waitMs = Math.min(waitMs * 2, 5000)) {
      try {
        const client = await withProcessLock(place.lockName, () => ensureRunning(place, options))
        presence = client
        guard(client)
        if (isReleased()) await client.end()
        return
      } catch {
        await new Promise((resolve) => setTimeout(resolve, waitMs).unref())
      }
    }
  }
  guard(presence)
  return {
    address,
    release: async () => {
      if (state.released) return
      state.released = true
      forget()
      await withProcessLock(place.lockName, () => leave(place, presence))
    },
  }
}

/** A URL that pg, libpq and kysely-codegen understand: the socket folder goes into the query. */
export function addressUrl(a: ServerAddress): string {
  return `postgres://${a.user}@/${a.database}?host=${encodeURIComponent(a.host)}&port=${String(a.port)}`
}

async function preparePlace(home: string): Promise<Place> {
  const folder = join(home, 'postgres')
  await mkdir(home, { recursive: true })
  const owner = process.getuid?.() === 0 ? await serverUser() : null
  if (owner !== null) {
    // Root's own data folder may be private (mktemp -d makes it so); the server's user has to pass through, not to list it.
    const homeMode = (await stat(home)).mode & 0o777
    if ((homeMode & 0o001) === 0) await chmod(home, homeMode | 0o011)
    const closed = await firstClosedFolder(home)
    if (closed !== null)
      throw new ProcessingError(
        'DATABASE_UNAVAILABLE',
        `Postgres does not run as root, and user 'postgres' cannot enter ${closed} on the way to the data folder ${home}. ` +
          `Run chmod o+x '${closed}', choose another TILTH_HOME, or set DATABASE_URL.`,
      )
  }
  await mkdir(folder, { recursive: true, mode: 0o755 })
  if (owner !== null) await chown(folder, owner.uid, owner.gid)
  const hash = createHash('sha256').update(folder).digest('hex').slice(0, 16)
  const socketFolder = await prepareSocketFolder(folder, hash, owner)
  return {
    folder,
    data: join(folder, 'data'),
    log: join(folder, 'server.log'),
    socketFolder,
    owner,
    lockName: `postgres-${hash}`,
  }
}

/** `<folder>/run`, or one below /tmp where that path would be too long for a socket. 0700: entering it is the authentication. */
async function prepareSocketFolder(folder: string, hash: string, owner: Place['owner']): Promise<string> {
  const near = join(folder, 'run')
  const fits = Buffer.byteLength(join(near, `.s.PGSQL.${String(PORT)}`)) <= LONGEST_SOCKET_PATH
  const path = fits ? near : join('/tmp', `tilth-${hash}`)
  await mkdir(path, { recursive: true, mode: 0o700 })
  const uid = owner?.uid ?? process.getuid?.() ?? 0
  const found = (await stat(path)).uid
  if (found !== uid && found !== process.getuid?.())
    throw new ProcessingError(
      'DATABASE_UNAVAILABLE',
      `The socket folder ${path} belongs to user id ${found}, expected ${uid}. Remove it and try again.`,
    )
  if (owner !== null) await chown(path, owner.uid, owner.gid)
  await chmod(path, 0o700)
  return path
}

async function serverUser(): Promise<{ uid: number; gid: number }> {
  const find = async () => {
    const [uid, gid] = await Promise.all([
      execa('id', ['-u', 'postgres'], { reject: false }),
      execa('id', ['-g', 'postgres'], { reject: false }),
    ])
    return uid.exitCode === 0 && gid.exitCode === 0
      ? { uid: Number(uid.stdout), gid: Number(gid.stdout) }
      : null
  }
  const known = await find()
  if (known !== null) return known
  const made = await execa(
    'useradd',
    [
      '--system',
      '--user-group',
      '--no-create-home',
      '--home-dir',
      '/nonexistent',
      '--shell',
      '/usr/sbin/nologin',
      'postgres',
    ],
    { reject: false },
  )
  const user = await find()
  if (user !== null) return user
  throw new ProcessingError(
    'DATABASE_UNAVAILABLE',
    `Postgres does not run as root, and its user 'postgres' could not be made: ${made.stderr}. Make it, or set DATABASE_URL.`,
  )
}

/** Called under the lock. Returns the presence connection. */
async function ensureRunning(place: Place, options: EmbeddedServerOptions): Promise<pg.Client> {
  const running = await tryConnect(place, NAME)
  if (running instanceof pg.Client) return running
  const binaries = await findServerBinaries(place.folder, place.owner !== null)
  await initialise(place, binaries)
  const alive = await serverProcess(place)
  if (alive === null) {
    await startAnew(place, binaries, options)
  }
  // A server that is alive but not answering is starting, stopping or recovering from a crash.
  const deadline = Date.now() + 60_000
  let last: unknown = running
  while (Date.now() < deadline) {
    const client = await tryConnect(place, NAME)
    if (client instanceof pg.Client) return client
    last = client
    if (sqlState(client) === '3D000') await createDatabase(place)
    else if ((await serverProcess(place)) === null) await startAnew(place, binaries, options)
    else await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw await unavailable(place, 'did not accept a connection within 60 s', last)
}

async function leave(place: Place, presence: pg.Client): Promise<void> {
  let others: number
  try {
    const { rows } = await presence.query<{ n: string }>(
      `select count(*) as n from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()
         and application_name <> $1`,
      // Our own pool is closed by now, but its server processes may take a moment to end.
      [`tilth ${String(process.pid)}`],
    )
    others = Number(rows[0]?.n ?? 0)
  } catch {
    // The connection is gone; then others, if any, will notice and start the server again.
    return
  } finally {
    await presence.end().catch(() => undefined)
  }
  if (others > 0) return
  const binaries = await findServerBinaries(place.folder, place.owner !== null)
  // Not being able to stop it is no failure of what the user asked for: the next process finds it running.
  await execa(binaries.pgCtl, ['stop', '-D', place.data, '-m', 'fast', '-w', '-t', '60'], {
    ...asOwner(place),
    reject: false,
  })
}

async function tryConnect(place: Place, database: string): Promise<pg.Client | Error> {
  const client = new pg.Client({
    host: place.socketFolder,
    port: PORT,
    user: NAME,
    database,
    application_name: `tilth presence ${String(process.pid)}`,
    connectionTimeoutMillis: 10_000,
  })
  client.on('error', () => undefined)
  try {
    await client.connect()
    return client
  } catch (error) {
    await client.end().catch(() => undefined)
    return error instanceof Error ? error : new Error(String(error))
  }
}

function sqlState(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}

/** The folder appears whole or not at all: an initdb that was killed leaves only a folder with another name. */
async function initialise(place: Place, binaries: ServerBinaries): Promise<void> {
  const version = await readFile(join(place.data, 'PG_VERSION'), 'utf8').catch(() => null)
  if (version !== null) {
    if (version.trim() === binaries.major) return
    throw new ProcessingError(
      'DATABASE_UNAVAILABLE',
      `${place.data} was made by Postgres ${version.trim()}, this program brings Postgres ${binaries.major}. Dump it with the old program and load it with the new one.`,
    )
  }
  const fresh = join(place.folder, `data.new-${randomBytes(4).toString('hex')}`)
  const result = await execa(
    binaries.initdb,
    [
      '--pgdata',
      fresh,
      '--username',
      NAME,
      '--auth',
      'trust',
      '--encoding',
      'UTF8',
      '--locale',
      'C.UTF-8',
      '--no-sync',
    ],
    { ...asOwner(place), cwd: place.folder, reject: false },
  )
  if (result.exitCode !== 0) {
    await rm(fresh, { recursive: true, force: true })
    throw new ProcessingError(
      'DATABASE_UNAVAILABLE',
      `initdb for ${place.data} ended with ${String(result.exitCode ?? result.signal)}: ${lastLines(result.stderr)}`,
    )
  }
  const conf = join(fresh, 'postgresql.conf')
  await writeFile(conf, `${await readFile(conf, 'utf8')}\ninclude_if_exists 'tilth.conf'\n`)
  await rename(fresh, place.data)
}

/** Lock files of a dead server whose number is a zombie's or another program's now would stop Postgres from starting. */
async function startAnew(
  place: Place,
  binaries: ServerBinaries,
  options: EmbeddedServerOptions,
): Promise<void> {
  const socket = join(place.socketFolder, `.s.PGSQL.${String(PORT)}`)
  for (let triesLeft = 20; ; triesLeft--) {
    for (const path of [join(place.data, 'postmaster.pid'), socket, `${socket}.lock`])
      await rm(path, { force: true })
    try {
      await start(place, binaries, options)
      return
    } catch (error) {
      // After a kill -9 of the server its children hold the shared memory for a moment.
      const log = await readFile(place.log, 'utf8').catch(() => '')
      if (triesLeft === 0 || !lastLines(log).includes('shared memory block')) throw error
      await new Promise((resolve) => setTimeout(resolve, 250))
    }
  }
}

async function start(place: Place, binaries: ServerBinaries, options: EmbeddedServerOptions): Promise<void> {
  const settings: Record<string, string> = {
    listen_addresses: '',
    port: String(PORT),
    // A list: quoted, so that a comma or space in the path is no separator.
    unix_socket_directories: `"${place.socketFolder.replaceAll('"', '""')}"`,
    unix_socket_permissions: '0700',
    max_connections: '200',
    ...options.settings,
  }
  const lines = Object.entries(settings).map(([key, value]) => `${key} = '${value.replaceAll("'", "''")}'`)
  const conf = join(place.data, 'tilth.conf')
  await writeFile(
    conf,
    `# Written at each start by Tilth; put your own settings into postgresql.conf below the include line.\n${lines.join('\n')}\n`,
  )
  if (place.owner !== null) await chown(conf, place.owner.uid, place.owner.gid)
  const result = await execa(binaries.pgCtl, ['start', '-D', place.data, '-l', place.log, '-w', '-t', '60'], {
    ...asOwner(place),
    reject: false,
    // The server inherits these; a pipe would never close.
    stdio: 'ignore',
  })
  if (result.exitCode !== 0)
    throw await unavailable(
      place,
      `could not be started (pg_ctl ended with ${String(result.exitCode ?? result.signal)})`,
      result,
    )
}

async function createDatabase(place: Place): Promise<void> {
  const client = await tryConnect(place, 'postgres')
  if (!(client instanceof pg.Client)) return
  try {
    await client.query(`create database ${NAME}`)
  } finally {
    await client.end()
  }
}

/** The pid of the living server of this data folder, or null. A zombie or another program with its old number is no server. */
async function serverProcess(place: Place): Promise<number | null> {
  const text = await readFile(join(place.data, 'postmaster.pid'), 'utf8').catch(() => '')
  const pid = Number(text.split('\n')[0])
  if (!(pid > 0)) return null
  try {
    const status = readFileSync(`/proc/${String(pid)}/status`, 'utf8')
    return /^Name:\s+postgres$/m.test(status) && !/^State:\s+Z/m.test(status) ? pid : null
  } catch {
    return null
  }
}

function asOwner(place: Place): {
  uid?: number
  gid?: number
  cwd: string
  env: Record<string, string>
  extendEnv: false
} {
  // A clean environment: PGDATA, PGOPTIONS or LD_LIBRARY_PATH of the user must not reach the server.
  const env = { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C.UTF-8', TZ: 'UTC' }
  return { ...(place.owner ?? {}), cwd: dirname(place.data), env, extendEnv: false }
}

async function unavailable(place: Place, what: string, cause: unknown): Promise<ProcessingError> {
  const log = await readFile(place.log, 'utf8').catch(() => '')
  const tail = log === '' ? '' : ` Last lines of ${place.log}:\n${lastLines(log)}`
  return new ProcessingError(
    'DATABASE_UNAVAILABLE',
    `The embedded Postgres in ${place.data} ${what}.${tail}`,
    { cause },
  )
}

function lastLines(text: string): string {
  return text.trimEnd().split('\n').slice(-8).join('\n')
}

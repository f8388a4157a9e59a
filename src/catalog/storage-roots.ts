import { randomUUID } from 'node:crypto'
import { readFile, realpath, stat, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import {
  OPTIONAL_ROOT_NAMES,
  ROOT_NAMES,
  type AnyRootName,
  type Config,
  type RootName,
} from '../config/config.js'
import { insertStorageRoot, readStorageRoots, type StorageRootRow } from '../db/catalog/storage-root.js'
import type { Database } from '../db/connect.js'
import { asProcessingError, ProcessingError } from '../domain/errors.js'
import { makeFolder } from '../products/publish.js'

export type { StorageRootRow } from '../db/catalog/storage-root.js'
const MARKER = '.tilth-root'
/** How long an empty marker is taken for one that another process is writing. */
const MARKER_WAIT_MS = 2000
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** What finding the roots of this host needs of its configuration. */
type HostRoots = Pick<Config, 'roots' | 'host'>
const ALL_NAMES: readonly AnyRootName[] = [...ROOT_NAMES, ...OPTIONAL_ROOT_NAMES]

/**
 * The folders of all storage roots on this host, each proved by its marker file. The first use makes the default folders and
 * registers them. Throws ROOT_UNAVAILABLE where a marker is missing or another one: the disk is not mounted, or the folder was swapped;
 * WRITE_FAILED or DISK_FULL where a default folder cannot be made. Only the markers of `only` are looked at.
 */
export async function provenRoots(
  db: Database,
  config: HostRoots,
  only: readonly AnyRootName[] = ALL_NAMES,
): Promise<Readonly<Record<RootName, string> & { cold?: string }>> {
  return complete(config, await provenFolders(await ownRows(db, config), only))
}

/** The rows of this host; default roots are made and registered where there are none. */
async function ownRows(db: Database, config: HostRoots): Promise<readonly StorageRootRow[]> {
  const known = await rowsOf(db, config)
  const missing = ROOT_NAMES.filter((name) => !known.some((row) => row.name === name))
  for (const name of missing)
    await registerRoot(db, config, name, config.roots[name], { replace: false, create: true })
  return missing.length === 0 ? known : rowsOf(db, config)
}

function complete(
  config: HostRoots,
  { archive, l1, scratch, cold }: Readonly<Partial<Record<AnyRootName, string>>>,
): Readonly<Record<RootName, string> & { cold?: string }> {
  if (archive === undefined || l1 === undefined || scratch === undefined)
    throw new ProcessingError('INTERNAL', `A root of host '${config.host}' vanished while it was looked up.`)
  return { archive, l1, scratch, ...(cold === undefined ? {} : { cold }) }
}

/** How long rows of `storage_root` are remembered by `rootsProver`, ms. */
const ROWS_FRESH_MS = 1000

/**
 * `provenRoots` for whoever proves again and again: rows are read once a second, markers each time. A root that was registered anew is
 * seen within that second; one that seems wrong is looked up at once.
 */
export function rootsProver(
  db: Database,
  config: HostRoots,
): (only?: readonly AnyRootName[]) => ReturnType<typeof provenRoots> {
  let read = { at: -Infinity, rows: [] as readonly StorageRootRow[] }
  return async (only = ALL_NAMES) => {
    if (performance.now() - read.at < ROWS_FRESH_MS) {
      try {
        return complete(config, await provenFolders(read.rows, only))
      } catch (error) {
        if (!(error instanceof ProcessingError) || error.code !== 'ROOT_UNAVAILABLE') throw error
      }
    }
    const rows = await ownRows(db, config)
    read = { at: performance.now(), rows }
    return complete(config, await provenFolders(rows, only))
  }
}

/** The same, but makes nothing: of a host that has registered none, there are none. */
export async function registeredRoots(
  db: Database,
  config: HostRoots,
  only: readonly AnyRootName[] = ALL_NAMES,
): Promise<Readonly<Partial<Record<AnyRootName, string>>>> {
  return provenFolders(await rowsOf(db, config), only)
}

async function provenFolders(
  rows: readonly StorageRootRow[],
  only: readonly AnyRootName[],
): Promise<Readonly<Partial<Record<AnyRootName, string>>>> {
  const found = rows.flatMap((row) => {
    const name = ALL_NAMES.find((known) => known === row.name)
    return name === undefined
      ? []
      : [only.includes(name) ? proven(row) : row.path].map(async (path) => [name, await path] as const)
  })
  return Object.fromEntries(await Promise.all(found))
}

async function proven({ name, path, marker }: StorageRootRow): Promise<string> {
  const found = await readMarker(path)
  if (found !== marker)
    throw new ProcessingError(
      'ROOT_UNAVAILABLE',
      `Root '${name}' should be ${path}, but ${found === null ? `there is no file ${MARKER} in it` : `its ${MARKER} is that of another root`}. ` +
        `Mount the right disk, or register the folder with \`tilth db root ${name} PATH\`.`,
    )
  return path
}

/**
 * Makes a folder a storage root of this host. `replace` points an existing root to it; `create` makes the folder: without, a name that
 * was mistyped would become an empty root. Throws BAD_ARGUMENT for an unknown name, NOT_FOUND where the folder is not there and not to be
 * made, WRITE_FAILED or DISK_FULL where it or its marker cannot be made.
 */
export async function registerRoot(
  db: Database,
  config: HostRoots,
  name: string,
  folder: string,
  { replace, create }: { readonly replace: boolean; readonly create: boolean },
): Promise<StorageRootRow> {
  if (!ALL_NAMES.some((known) => known === name))
    throw new ProcessingError(
      'BAD_ARGUMENT',
      `'${name}' is no storage root, expected ${ALL_NAMES.join(', ')}.`,
    )
  const { path, marker } = await markFolder(name, folder, create)
  const row = { name, host: config.host, path, marker }
  await insertStorageRoot(db, row, { replace })
  return row
}

export async function listRoots(db: Database): Promise<readonly StorageRootRow[]> {
  return readStorageRoots(db)
}

async function rowsOf(db: Database, { host }: HostRoots): Promise<readonly StorageRootRow[]> {
  return (await readStorageRoots(db)).filter((row) => row.host === host)
}

async function markFolder(
  name: string,
  folder: string,
  create: boolean,
): Promise<{ path: string; marker: string }> {
  const isThere = await stat(folder).then(
    () => true,
    (error: unknown) => !isMissing(error),
  )
  if (!isThere && !create)
    throw new ProcessingError(
      'NOT_FOUND',
      `Root '${name}' was to be ${resolve(folder)}, but there is no such folder. Mount its disk or correct the path; a new folder is made with \`tilth db root ${name} PATH --create\`. Nothing was changed.`,
    )
  try {
    await makeFolder(folder)
    const path = await realpath(folder)
    const before = await readMarker(path)
    if (before !== null) return { path, marker: before }
    await writeFile(join(path, MARKER), `${randomUUID()}\n`, { flag: 'wx' }).catch((error: unknown) => {
      // Another process registers the same folder at this moment.
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    })
    // Whoever came first may have made the file and not filled it yet.
    for (let waitedMs = 0; waitedMs < MARKER_WAIT_MS; waitedMs += 20) {
      const marker = await readMarker(path)
      if (marker !== null) return { path, marker }
      await wait(20)
    }
    throw new ProcessingError('CONFLICT', `${join(path, MARKER)} holds no id. Remove the file and try again.`)
  } catch (cause) {
    const error = asProcessingError(cause)
    if (error.code !== 'INTERNAL') throw error
    throw new ProcessingError(
      'WRITE_FAILED',
      `Root '${name}' cannot be made at ${folder}: ${error.message}. Give this user the right to write there, or another folder with \`tilth db root ${name} PATH\`.`,
      { cause },
    )
  }
}

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT'

async function readMarker(folder: string): Promise<string | null> {
  const text = (await readFile(join(folder, MARKER), 'utf8').catch(() => '')).trim()
  return UUID.test(text) ? text : null
}

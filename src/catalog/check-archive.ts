import { lstat, readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { Config } from '../config/config.js'
import {
  listArchivedProducts,
  listKnownLocations,
  listPresentLocations,
  type ArchivedProduct,
} from '../db/catalog/archived-products.js'
import type { Database } from '../db/connect.js'
import { ProcessingError } from '../domain/errors.js'
import { readFileFacts } from '../products/stac/build-item.js'
import { walkRevisions, type RevisionFolder } from './revision-folders.js'
import { registeredRoots } from './storage-roots.js'

/**
 * What does not fit together. `missing`: a row without its folder; `size`, `checksum`: files that are not those that were published;
 * `unlisted`: a folder that no row names; `l1-missing`: an acquisition whose folder or link leads nowhere.
 */
export interface ArchiveProblem {
  readonly kind: 'missing' | 'size' | 'checksum' | 'unlisted' | 'l1-missing'
  readonly location: string
  /** What was expected and found, in words. */
  readonly detail: string
}

export interface ArchiveCheck {
  readonly products: number
  readonly acquisitions: number
  readonly folders: number
  /** Files whose checksum was computed; 0 unless deep. */
  readonly filesRead: number
  readonly problems: readonly ArchiveProblem[]
}

const PAGE = 1000
/** A problem for each of a million rows would tell nobody more than these. */
const MOST_PROBLEMS = 10_000

/**
 * Compares the database with the storage roots of this host, changing nothing. Every product in force must have its folder with the bytes
 * that were published, every revision folder a row, every present acquisition its folder. `deep` also reads each file that an item
 * describes and compares its SHA-256. Throws NOT_FOUND where this host has no archive, CONFLICT for a root that is not mounted.
 */
export async function checkArchive(
  db: Database,
  config: Pick<Config, 'roots' | 'host'>,
  { deep }: { readonly deep: boolean },
): Promise<ArchiveCheck> {
  const roots = await registeredRoots(db, config)
  if (roots.archive === undefined)
    throw new ProcessingError(
      'NOT_FOUND',
      `Host '${config.host}' has no archive root. Register it with \`tilth db root archive PATH\`.`,
    )
  const problems: ArchiveProblem[] = []
  const report = (found: readonly ArchiveProblem[]): void => {
    problems.push(...found.slice(0, MOST_PROBLEMS - problems.length))
  }
  const count = { products: 0, acquisitions: 0, folders: 0, filesRead: 0 }
  for await (const product of pages((after) => listArchivedProducts(db, { after, limit: PAGE }))) {
    count.products += 1
    const path = absolute(roots, product.location)
    const found =
      path === null ? elsewhere(product.location, config.host) : await checkProduct(product, path, deep)
    count.filesRead += found.filesRead
    report(found.problems)
  }
  for await (const { location, name } of pages((after) => listPresentLocations(db, { after, limit: PAGE }))) {
    count.acquisitions += 1
    const path = absolute(roots, location)
    // A link counts as what it leads to.
    if (path === null || (await stat(path).catch(() => undefined)) === undefined)
      report([
        { kind: 'l1-missing', location, detail: `acquisition ${name} is present, but nothing is there` },
      ])
  }
  for (const name of ['archive', 'cold'] as const) {
    const rootPath = roots[name]
    if (rootPath === undefined) continue
    for await (const batch of batches(walkRevisions(name, rootPath))) {
      count.folders += batch.length
      const known = await listKnownLocations(db, batch)
      const unknown = batch.filter(({ location }) => !known.has(location))
      report(
        unknown.map(({ location }) => ({
          kind: 'unlisted',
          location,
          detail: 'no product names this folder',
        })),
      )
    }
  }
  return { ...count, problems }
}

function absolute(roots: Readonly<Partial<Record<string, string>>>, location: string): string | null {
  const colon = location.indexOf(':')
  const root = roots[location.slice(0, colon)]
  return root === undefined ? null : join(root, location.slice(colon + 1))
}

const elsewhere = (location: string, host: string): { problems: ArchiveProblem[]; filesRead: number } => ({
  problems: [{ kind: 'missing', location, detail: `host ${host} has no such root` }],
  filesRead: 0,
})

async function checkProduct(
  { location, name, bytes }: ArchivedProduct,
  path: string,
  deep: boolean,
): Promise<{ problems: ArchiveProblem[]; filesRead: number }> {
  const found = await folderBytes(path)
  if (found === null)
    return {
      problems: [{ kind: 'missing', location, detail: `the folder of product ${name} is not there` }],
      filesRead: 0,
    }
  if (bytes !== null && found !== bytes)
    return {
      problems: [
        { kind: 'size', location, detail: `its files have ${found} bytes, ${bytes} were published` },
      ],
      filesRead: 0,
    }
  return deep ? checkFiles(location, path) : { problems: [], filesRead: 0 }
}

/** Bytes of all files below a folder; null where it is none. */
export async function folderBytes(path: string): Promise<number | null> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => null)
  if (entries === null) return null
  let sum = 0
  for (const entry of entries) {
    const inside = join(path, entry.name)
    sum += entry.isDirectory() ? ((await folderBytes(inside)) ?? 0) : (await lstat(inside)).size
  }
  return sum
}

/** Of a STAC item, what the file extension says of its assets. A multihash of SHA-256 begins with 12 20. */
const describedFiles = z.object({
  assets: z.record(
    z.string(),
    z.object({
      href: z.string().regex(/^\.\/[^/]+$/),
      'file:checksum': z.string().regex(/^1220[0-9a-f]{64}$/),
    }),
  ),
})

async function checkFiles(
  location: string,
  path: string,
): Promise<{ problems: ArchiveProblem[]; filesRead: number }> {
  const problem = (detail: string): ArchiveProblem => ({ kind: 'checksum', location, detail })
  let item: z.infer<typeof describedFiles>
  try {
    item = describedFiles.parse(JSON.parse(await readFile(join(path, 'item.json'), 'utf8')))
  } catch {
    return { problems: [problem('item.json is missing, or does not describe its files')], filesRead: 0 }
  }
  const problems: ArchiveProblem[] = []
  let filesRead = 0
  for (const { href, 'file:checksum': expected } of Object.values(item.assets)) {
    const file = href.slice(2)
    const facts = await readFileFacts(join(path, file)).catch(() => null)
    filesRead += 1
    if (facts === null) problems.push(problem(`${file} cannot be read`))
    else if (`1220${facts.sha256}` !== expected)
      problems.push(
        problem(`${file} has sha256 ${facts.sha256.slice(0, 12)}, its item says ${expected.slice(4, 16)}`),
      )
  }
  return { problems, filesRead }
}

async function* pages<T extends { readonly id: number }>(
  read: (after: number) => Promise<readonly T[]>,
): AsyncGenerator<T> {
  for (let after = 0; ;) {
    const rows = await read(after)
    yield* rows
    const last = rows.at(-1)
    if (last === undefined || rows.length < PAGE) return
    after = last.id
  }
}

async function* batches(source: AsyncIterable<RevisionFolder>): AsyncGenerator<RevisionFolder[]> {
  let batch: RevisionFolder[] = []
  for await (const folder of source) {
    batch.push(folder)
    if (batch.length < PAGE) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}

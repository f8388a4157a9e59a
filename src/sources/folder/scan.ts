import { createHash } from 'node:crypto'
import { lstat, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { resolveSetting } from '../../config/resolve-settings.js'
import { ingestPaths } from '../../catalog/ingest.js'
import { forgetPaths, rememberedPaths, rememberPaths } from '../../db/sources/folder-memory.js'
import { ProcessingError } from '../../domain/errors.js'
import { findProducts, type FoundProduct } from '../../products/find-products.js'
import type { FolderConfig } from '../config.js'
import { refusalOf } from '../filters.js'
import { noCounts, type LookCounts, type LookOptions } from '../look-service.js'
import type { SourcesContext } from '../open-source.js'
import type { Source } from '../source.js'

/** How a product looks from outside: any write to it, and any file that comes or goes, changes it. */
export interface Form {
  readonly digest: string
  readonly bytes: number
  /** Of the newest change of content or entry, ms since 1970. */
  readonly changedMs: number
}

export interface ScanResult {
  readonly counts: LookCounts
  readonly identities: readonly string[]
  /** Seconds after which a product that still changes may have settled; null: none does. */
  readonly againInS: number | null
}

/**
 * Hands the products of a watched folder to the ingest that are new or changed since the last scan, once nothing of them has changed for
 * `ingest.copy_quiet_s`: by the clock of the files, or where that is ahead by ours. Throws NOT_FOUND where the folder is gone: its disk may not be mounted.
 */
export async function scanFolder(
  context: SourcesContext,
  source: Source,
  config: FolderConfig,
  { layers, dryRun, signal }: LookOptions,
): Promise<ScanResult> {
  const settleS = resolveSetting('ingest.copy_quiet_s', layers).value
  const counts = noCounts()
  const found = await productsIn(config.path)
  const before = new Map((await rememberedPaths(context.db, source.row.id)).map((one) => [one.path, one]))
  const filterKey = JSON.stringify([config.filters, config.copy])
  const ready: { path: string; form: Form }[] = []
  const waiting: { path: string; digest: string; isIngested: boolean; bytes: number }[] = []
  let againInS: number | null = null
  for (const product of found) {
    signal.throwIfAborted()
    counts.results++
    const form = await formOf(product.path, filterKey)
    const known = before.get(product.path)
    if (form === null || (known?.isIngested === true && known.digest === form.digest)) continue
    const ageS = (Date.now() - form.changedMs) / 1000
    const sameForS = known?.digest === form.digest ? known.ageSeconds : 0
    const quietS = Math.max(ageS, sameForS)
    if (quietS >= settleS) ready.push({ path: product.path, form })
    else {
      againInS = Math.min(againInS ?? Infinity, settleS - Math.max(0, quietS))
      waiting.push({ path: product.path, digest: form.digest, isIngested: false, bytes: form.bytes })
    }
  }
  counts.wanted = ready.length
  if (waiting.length > 0) counts.notes.push(`${waiting.length} still change`)
  const identities: string[] = []
  if (!dryRun) {
    await rememberPaths(context.db, source.row.id, waiting)
    const here = new Set(found.map(({ path }) => path))
    await forgetPaths(
      context.db,
      source.row.id,
      [...before.keys()].filter((path) => !here.has(path)),
    )
    for (const { path, form } of ready) {
      signal.throwIfAborted()
      identities.push(...(await ingestOne(context, config, path, counts)))
      // What changed while it was read is looked at again.
      const after = await formOf(path, filterKey)
      const isIngested = after?.digest === form.digest
      await rememberPaths(context.db, source.row.id, [
        { path, digest: form.digest, isIngested, bytes: form.bytes },
      ])
    }
  }
  return { counts, identities, againInS }
}

async function productsIn(path: string): Promise<readonly FoundProduct[]> {
  try {
    return await findProducts(path)
  } catch (error) {
    // An empty folder is what a watched folder is most of the time.
    if (error instanceof ProcessingError && error.code === 'PRODUCT_UNSUPPORTED') return []
    throw error
  }
}

/** Identities of the acquisitions of one product that are present. */
async function ingestOne(
  context: SourcesContext,
  config: FolderConfig,
  path: string,
  counts: LookCounts,
): Promise<readonly string[]> {
  counts.asked++
  const outcomes = await ingestPaths(context, [path], {
    copy: config.copy,
    refuse: (described) =>
      refusalOf({ ...described, product: described.productUri.replace(/\.SAFE$/, '') }, config.filters),
  }).catch((error: unknown) => {
    // It went away, or is none: the next scan says so again if it stays.
    if (error instanceof ProcessingError && ['NOT_FOUND', 'PRODUCT_UNSUPPORTED'].includes(error.code))
      return []
    throw error
  })
  const identities: string[] = []
  for (const outcome of outcomes)
    if (outcome.kind === 'present') {
      identities.push(outcome.identity)
      if (outcome.isNew) counts.fresh++
    } else if (outcome.kind === 'ignored') counts.refused++
    else {
      counts.skipped++
      counts.notes.push(`${outcome.path}: ${outcome.code}`)
    }
  return identities
}

/** The form of a product folder or archive; null where it is gone. Names, sizes and times of all in it, sorted. */
export async function formOf(path: string, key: string): Promise<Form | null> {
  const hash = createHash('sha256').update(key)
  let bytes = 0
  let changedMs = 0
  const add = async (at: string): Promise<void> => {
    const info = await lstat(at)
    if (info.isFile()) bytes += info.size
    // Unlike the time of modification it cannot be set by a copy that keeps times.
    changedMs = Math.max(changedMs, info.ctimeMs)
    hash.update(`${at}\0${info.isDirectory() ? 'd' : info.size}\0${info.mtimeMs}\0${info.ctimeMs}\n`)
  }
  try {
    await add(path)
    if ((await stat(path)).isDirectory())
      for (const entry of (await readdir(path, { recursive: true })).sort()) await add(join(path, entry))
  } catch {
    return null
  }
  return { digest: hash.digest('hex').slice(0, 32), bytes, changedMs }
}

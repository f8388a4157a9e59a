import { existsSync } from 'node:fs'
import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { deleteUnreadOfArchive } from '../../db/catalog/acquisitions.js'
import { findByArchive, withArchiveLock } from '../../db/catalog/acquisitions-of-archive.js'
import { asProcessingError, ProcessingError } from '../../domain/errors.js'
import { findProductFolders, noProductAt } from '../../products/find-products.js'
import { PRODUCT_KINDS, satelliteByName } from '../../products/product-kinds.js'
import { inTermsOfArchive, memberPath } from '../../products/archive/member-path.js'
import { unpackArchive, type ArchiveLimits } from '../../products/archive/unpack-archive.js'
import { asUnreadable } from '../../products/unreadable.js'
import { isAboutTheProduct, readFolder, type IngestContext } from './ingest-folder.js'
import { stageUnpacked, stagingPath } from './place-product.js'
import { recordPresent, recordUnread, type IngestOutcome, type ReadAcquisition } from './record.js'

/**
 * Unpacks an archive below the root `l1`, out of sight, and ingests the products in it; those go to their places by a rename. The same
 * file again (path, size and time) is known without being unpacked, unless a member of it was broken: a newer program may read it. Another file with the same product is unpacked and finds it there.
 * An archive that cannot be unpacked, or holds no product, is recorded as broken; one that is cut and changed within
 * `settleSeconds` as still being copied.
 */
export async function ingestArchive(
  context: IngestContext,
  archive: string,
  limits: ArchiveLimits,
): Promise<readonly IngestOutcome[]> {
  // Of two processes with the same archive one unpacks it; the other waits and then knows it.
  return withArchiveLock(context.db, archive, async () => {
    const unread = (error: ProcessingError) =>
      recordUnread(context.db, archive, error, { root: null, satellite: satelliteByName(archive) })
    const info = await stat(archive).catch((cause: unknown) =>
      asProcessingError(asUnreadable(archive, cause)),
    )
    if (info instanceof ProcessingError) {
      if (!isAboutTheProduct(info)) throw info
      return [await unread(info)]
    }
    const facts = { path: archive, bytes: info.size, mtimeMs: Math.round(info.mtimeMs) }
    const known = await findByArchive(context.db, facts)
    if (
      known.length > 0 &&
      known.length === known[0]?.members &&
      known.every(({ location }) => existsSync(join(context.root, location.replace(/^l1:/, ''))))
    )
      return known.map((row) => ({ ...row, kind: 'present', path: row.sourcePath, isNew: false, notes: [] }))
    const unpacked = await stagingPath(context.root)
    try {
      await unpackArchive({ archive, into: unpacked, limits })
      return await ingestUnpacked(context, facts, unpacked)
    } catch (cause) {
      const error = asProcessingError(cause)
      if (!isAboutTheProduct(error)) throw error
      const ageSeconds = (Date.now() - info.mtimeMs) / 1000
      return [await unread(copyingInstead(archive, error, ageSeconds, context))]
    } finally {
      await rm(unpacked, { recursive: true, force: true })
    }
  })
}

function copyingInstead(
  archive: string,
  error: ProcessingError,
  ageSeconds: number,
  { settleSeconds }: IngestContext,
): ProcessingError {
  if (error.code !== 'ARCHIVE_BROKEN' || ageSeconds >= settleSeconds) return error
  return new ProcessingError(
    'PRODUCT_COPYING',
    `'${archive}' changed ${Math.max(0, Math.round(ageSeconds))} s ago and is not whole yet (${error.message}) ` +
      `It is tried again once nothing changes for ${settleSeconds} s.`,
    { cause: error },
  )
}

async function ingestUnpacked(
  context: IngestContext,
  facts: { path: string; bytes: number; mtimeMs: number },
  unpacked: string,
): Promise<readonly IngestOutcome[]> {
  const found = await findProductFolders(unpacked)
  if (found.length === 0) throw noProductAt(facts.path)
  const place = { archive: facts.path, folder: unpacked }
  const sourceOf = (path: string) => memberPath(place, path)
  const outcomes: IngestOutcome[] = []
  const unread: string[] = []
  const folders: { path: string; read: readonly ReadAcquisition[] }[] = []
  for (const product of found) {
    // What lies in staging was written this moment, and whole: nothing in it is still being copied.
    const { read, failed } = await readFolder(product.path, product.kind, {
      settleSeconds: 0,
      sourceOf,
    })
    folders.push({ path: product.path, read })
    for (const { path, error } of failed) {
      const { satellite } = PRODUCT_KINDS[product.kind]
      const told = inTermsOfArchive(error, place)
      outcomes.push(await recordUnread(context.db, path, told, { root: null, satellite }))
      unread.push(path)
    }
  }
  // What an earlier look said of the archive and of members that are readable or gone by now.
  await deleteUnreadOfArchive(context.db, facts.path, unread)
  const members = folders.reduce((sum, { read }) => sum + read.length, unread.length)
  for (const { path, read } of folders)
    outcomes.push(
      ...(await recordPresent(context.db, read, {
        root: context.root,
        stage: () => stageUnpacked(context.root, path),
        archive: { ...facts, members },
      })),
    )
  return outcomes
}

import { existsSync } from 'node:fs'
import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { deleteUnreadOfArchive } from '../../db/catalog/acquisitions.js'
import {
  findByArchive,
  withArchiveLock,
  type ArchivedAcquisition,
} from '../../db/catalog/acquisitions-of-archive.js'
import { asProcessingError, ProcessingError } from '../../domain/errors.js'
import { findProductFolders, noProductAt } from '../../products/find-products.js'
import { PRODUCT_KINDS, satelliteByName } from '../../products/product-kinds.js'
import { inTermsOfArchive, memberPath } from '../../products/archive/member-path.js'
import { unpackArchive, type ArchiveLimits } from '../../products/archive/unpack-archive.js'
import { asUnreadable } from '../../products/unreadable.js'
import { isAboutTheProduct, readFolder, type IngestContext } from './ingest-folder.js'
import { stageUnpacked, stagingPath } from './place-product.js'
import { recordRefused } from './record-refused.js'
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
      known.every(
        ({ state, location }) =>
          state === 'ignored' || existsSync(join(context.root, location.replace(/^l1:/, ''))),
      )
    )
      return known.map(knownOutcome)
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

function knownOutcome(row: ArchivedAcquisition): IngestOutcome {
  const { sourcePath: path, reason, identity, tile, sensedAt, state } = row
  return tile === null || sensedAt === null
    ? { kind: 'ignored', path, code: 'LEVEL_NOT_CORRECTED', reason: reason ?? '' }
    : { kind: 'present', path, identity, tile, sensedAt, state, isNew: false, notes: [] }
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
  const unread: { path: string; error: ProcessingError; satellite: 's2' | 'landsat' }[] = []
  const folders: { path: string; read: readonly ReadAcquisition[] }[] = []
  for (const product of found) {
    // What lies in staging was written this moment, and whole: nothing in it is still being copied.
    const { read, failed } = await readFolder(product.path, product.kind, {
      settleSeconds: 0,
      sourceOf,
    })
    folders.push({ path: product.path, read })
    const { satellite } = PRODUCT_KINDS[product.kind]
    unread.push(
      ...failed.map(({ path, error }) => ({ path, error: inTermsOfArchive(error, place), satellite })),
    )
  }
  const members = folders.reduce((sum, { read }) => sum + read.length, unread.length)
  const archive = { ...facts, members }
  const outcomes: IngestOutcome[] = []
  for (const { path, error, satellite } of unread)
    outcomes.push(await recordUnread(context.db, path, error, { root: null, satellite, archive }))
  // What an earlier look said of the archive and of members that are readable or gone by now.
  await deleteUnreadOfArchive(
    context.db,
    facts.path,
    unread.map(({ path }) => path),
  )
  for (const { path, read } of folders)
    outcomes.push(
      ...(await recordPresent(context.db, await recordRefused(context, read, outcomes), {
        root: context.root,
        stage: () => stageUnpacked(context.root, path),
        archive,
      })),
    )
  return outcomes
}

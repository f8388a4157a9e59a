import { rm, stat } from 'node:fs/promises'
import { ProcessingError } from '../../domain/errors.js'
import { makeFolder, publishError } from '../publish.js'
import { asUnreadable } from '../unreadable.js'
import { Allowance, type ArchiveLimits } from './allowance.js'
import { archiveKind, type ArchiveKind } from './archive-kind.js'
import { unpackTar } from './unpack-tar.js'
import { unpackZip } from './unpack-zip.js'

export type { ArchiveLimits } from './allowance.js'

export interface UnpackOptions {
  /** A file: zip, tar or gzipped tar, told by its content. */
  readonly archive: string
  /** Folder that must not exist yet; made here, removed again after any error. Nobody else may look into it before this returns. */
  readonly into: string
  readonly limits: ArchiveLimits
  readonly signal?: AbortSignal
  /** Share of the archive's bytes read so far, 0..1. */
  readonly onProgress?: (fraction: number) => void
}

export interface UnpackedArchive {
  readonly kind: ArchiveKind
  readonly files: number
  /** Of all files together. */
  readonly bytes: number
}

/** What the readers of the formats share: where to write, what to admit, how to say how far it is. */
export interface UnpackTask {
  readonly archive: string
  readonly archiveBytes: number
  readonly into: string
  readonly allowance: Allowance
  readonly signal: AbortSignal
  readonly onProgress: (fraction: number) => void
}

/**
 * Unpacks an archive into a new folder: plain files and folders only, none of them outside, within limits and free space.
 * The caller flushes (`fsyncTree`) and renames the folder, so that an archive is there whole or not at all. Images are never read out of
 * the archive in place: decoding jumps about in a JPEG 2000 file, and a compressed member can only be read from its start.
 * Rejects, with nothing left behind, with ARCHIVE_UNSAFE (names, links, devices, duplicates), ARCHIVE_LIMIT, ARCHIVE_BROKEN (cut, sizes or
 * checksums that are not true), ARCHIVE_UNSUPPORTED (encrypted, unknown compression, no archive), NOT_FOUND, PRODUCT_UNREADABLE, DISK_FULL, WRITE_FAILED, CONFLICT
 * where `into` exists, and with the signal's reason.
 */
export async function unpackArchive(options: UnpackOptions): Promise<UnpackedArchive> {
  const { archive, into, limits } = options
  const info = await stat(archive).catch((cause: unknown) => {
    throw new ProcessingError('NOT_FOUND', `Archive '${archive}' does not exist or cannot be entered.`, {
      cause,
    })
  })
  const kind = info.isFile() ? await archiveKind(archive) : null
  if (kind === null)
    throw new ProcessingError(
      'ARCHIVE_UNSUPPORTED',
      `'${archive}' is no archive: expected a zip, tar or tar.gz file, told by its first bytes.`,
    )
  if ((await stat(into).catch(() => undefined)) !== undefined)
    throw new ProcessingError('CONFLICT', `'${into}' exists; an archive is unpacked into a new folder.`)
  try {
    await makeFolder(into)
    const allowance = await Allowance.open(archive, info.size, limits, into)
    const task: UnpackTask = {
      archive,
      archiveBytes: info.size,
      into,
      allowance,
      signal: options.signal ?? new AbortController().signal,
      onProgress: options.onProgress ?? (() => undefined),
    }
    const files = kind === 'zip' ? await unpackZip(task) : await unpackTar(task, kind === 'tar.gz')
    return { kind, files, bytes: allowance.bytes }
  } catch (error) {
    await rm(into, { recursive: true, force: true })
    options.signal?.throwIfAborted()
    throw asArchiveError(archive, error)
  }
}

/** Errors of the file system stay such; what the readers of zip, tar and gzip complain of is the archive's fault. */
function asArchiveError(archive: string, error: unknown): ProcessingError {
  if (error instanceof ProcessingError) return error
  // It may vanish between two looks at it.
  const reading = error instanceof Error && 'path' in error && error.path === archive
  const unreadable = reading ? asUnreadable(archive, error) : error
  if (unreadable instanceof ProcessingError) return unreadable
  if (error instanceof Error && 'syscall' in error) return publishError(`Unpacking '${archive}'`, error)
  return new ProcessingError(
    'ARCHIVE_BROKEN',
    `Archive '${archive}' is damaged or cut: ${error instanceof Error ? error.message : String(error)}. Copy or download it again.`,
    { cause: error },
  )
}

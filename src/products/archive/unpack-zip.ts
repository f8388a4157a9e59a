import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { getFileNameLowLevel, openPromise, type Entry } from 'yauzl'
import { ProcessingError } from '../../domain/errors.js'
import type { UnpackTask } from './unpack-archive.js'
import { writeMember } from './write-member.js'

/** File type within the Unix mode, upper half of the external attributes. Source: stat(2), APPNOTE.TXT 4.4.15. */
const TYPE_MASK = 0o170000
const TYPE_FILE = 0o100000
const TYPE_FOLDER = 0o040000
/** Stored and deflate. Source: APPNOTE.TXT 4.4.5. */
const METHODS: ReadonlySet<number> = new Set([0, 8])

/** Unpacks a zip; every member is admitted before the first byte is written. Returns the number of files. */
export async function unpackZip(task: UnpackTask): Promise<number> {
  const { archive, allowance, into, signal } = task
  const zip = await openPromise(archive, {
    autoClose: false,
    lazyEntries: true,
    // Names are decoded below, with backslashes left as they are: what is wrong with them is told by its own code.
    decodeStrings: false,
    validateEntrySizes: true,
  })
  try {
    allowance.announce(zip.entryCount)
    const files: { path: string; entry: Entry }[] = []
    const folders: string[] = []
    for await (const entry of zip.eachEntry()) {
      signal.throwIfAborted()
      const name = getFileNameLowLevel(
        entry.generalPurposeBitFlag,
        entry.fileNameRaw,
        entry.extraFields,
        true,
      )
      const isFolder = kindOf(task, name, entry) === 'folder'
      if (entry.isEncrypted())
        throw unsupported(archive, name, 'is encrypted', 'Unpack it yourself and ingest the folder.')
      if (!METHODS.has(entry.compressionMethod))
        throw unsupported(
          archive,
          name,
          `is compressed by method ${entry.compressionMethod}; stored and deflate are read`,
          'Pack it anew, for example with `zip -r`.',
        )
      const path = allowance.admit(name, isFolder ? 'folder' : 'file', entry.uncompressedSize)
      if (isFolder) folders.push(path)
      else files.push({ path, entry })
    }
    for (const folder of folders) await mkdir(join(into, folder), { recursive: true })
    let read = 0
    for (const { path, entry } of files) {
      // Ends with an error as soon as the data is longer than stated, or shorter.
      const open = () => zip.openReadStreamPromise(entry)
      const { crc32 } = await writeMember(open, join(into, path), { signal, wantCrc: true })
      if (crc32 !== entry.crc32)
        throw new Error(
          `member '${path}' has checksum ${crc32.toString(16)}, the archive states ${entry.crc32.toString(16)}`,
        )
      read += entry.compressedSize
      task.onProgress(Math.min(1, read / task.archiveBytes))
    }
    return files.length
  } finally {
    zip.close()
  }
}

function kindOf({ allowance }: UnpackTask, name: string, entry: Entry): 'file' | 'folder' {
  const type = (entry.externalFileAttributes >>> 16) & TYPE_MASK
  if (type !== 0 && type !== TYPE_FILE && type !== TYPE_FOLDER)
    throw allowance.unsafe(name, 'is a link or a device')
  const isFolder = name.endsWith('/')
  if (isFolder !== (type === TYPE_FOLDER) && type !== 0)
    throw allowance.unsafe(name, 'is named as a file but marked as a folder, or the reverse')
  if (isFolder && entry.uncompressedSize > 0) throw allowance.unsafe(name, 'is a folder with content')
  return isFolder ? 'folder' : 'file'
}

function unsupported(archive: string, name: string, found: string, todo: string): ProcessingError {
  return new ProcessingError(
    'ARCHIVE_UNSUPPORTED',
    `Member '${name}' of archive '${archive}' ${found}. ${todo}`,
  )
}

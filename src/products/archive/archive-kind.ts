import { open } from 'node:fs/promises'
import { asUnreadable } from '../unreadable.js'

export type ArchiveKind = 'zip' | 'tar' | 'tar.gz'

/** Names that archives of products have: what a search through folders looks into. */
export const ARCHIVE_NAME = /\.(?:zip|tar|tgz|tar\.gz)$/i

/**
 * What a file is by its first bytes; its name is not looked at. A gzip file counts as a compressed tar: what it really holds is seen
 * when it is read. Null for anything else, also for an empty file. Rejects with PRODUCT_UNREADABLE.
 */
export async function archiveKind(path: string): Promise<ArchiveKind | null> {
  const file = await open(path, 'r').catch((cause: unknown) => {
    throw asUnreadable(path, cause)
  })
  try {
    const head = Buffer.alloc(512)
    const { bytesRead } = await file.read(head, 0, head.length, 0)
    // Local header, or the end record of a zip without members.
    if (bytesRead >= 4 && ['504b0304', '504b0506'].includes(head.toString('hex', 0, 4))) return 'zip'
    if (bytesRead >= 3 && head.toString('hex', 0, 3) === '1f8b08') return 'tar.gz'
    return bytesRead === 512 && isTarHeader(head) ? 'tar' : null
  } finally {
    await file.close()
  }
}

/** By the header's own checksum, which also the oldest tars have. Source: POSIX.1-1988 ustar, IEEE Std 1003.1 pax, chksum. */
function isTarHeader(block: Buffer): boolean {
  const stated = parseInt(block.toString('latin1', 148, 156), 8)
  let sum = 8 * 32
  for (const [i, byte] of block.entries()) if (i < 148 || i >= 156) sum += byte
  return sum > 8 * 32 && stated === sum
}

import { createWriteStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { pipeline } from 'node:stream/promises'

/**
 * Writes one member to a path that does not exist yet (links are never followed: the file is made anew) and returns what came: bytes
 * and, if asked for, their CRC-32. Rejects with the errors of the source or of the file system; the signal's reason when aborted.
 */
export async function writeMember(
  open: () => Promise<AsyncIterable<unknown>>,
  path: string,
  { signal, wantCrc }: { readonly signal: AbortSignal; readonly wantCrc: boolean },
): Promise<{ bytes: number; crc32: number }> {
  await mkdir(dirname(path), { recursive: true })
  let bytes = 0
  let crc = 0xffffffff
  // Opened only when nothing is awaited any more: a stream that fails before somebody listens ends the whole process.
  await pipeline(
    await open(),
    async function* (chunks: AsyncIterable<unknown>) {
      for await (const chunk of chunks) {
        const part = chunk as Buffer
        bytes += part.length
        if (wantCrc) crc = updateCrc(crc, part)
        yield part
      }
    },
    createWriteStream(path, { flags: 'wx' }),
    { signal },
  )
  return { bytes, crc32: (crc ^ 0xffffffff) >>> 0 }
}

/** Table of CRC-32 (ISO 3309, polynomial 0xEDB88320 reflected): yauzl does not check it, and Node has it only from 20.15 on. */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1
  return value >>> 0
})

function updateCrc(crc: number, part: Buffer): number {
  let value = crc
  for (let i = 0; i < part.length; i++) value = (value >>> 8) ^ (TABLE[(value ^ (part[i] ?? 0)) & 0xff] ?? 0)
  return value
}

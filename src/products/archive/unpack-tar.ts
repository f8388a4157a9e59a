import { createReadStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { extract } from 'tar-stream'
import type { UnpackTask } from './unpack-archive.js'
import { writeMember } from './write-member.js'

const BLOCK = 512
/** The old format has no magic word; its headers are proved by their checksums. (The option is missing from the package's types.) */
const ANY_TAR: Parameters<typeof extract>[0] & { allowUnknownFormat: boolean } = { allowUnknownFormat: true }

/**
 * Unpacks a tar, member after member as they come: a tar has no list at its front, so each member is admitted before its own bytes are
 * written. Returns the number of files.
 */
export async function unpackTar(task: UnpackTask, isGzipped: boolean): Promise<number> {
  const { archive, archiveBytes, allowance, into } = task
  const source = createReadStream(archive, { highWaterMark: 1 << 18 })
  const end = new EndOfTar()
  const members = extract(ANY_TAR)
  // Ends a feeding that nobody reads any more; the caller's signal does the same.
  const stop = new AbortController()
  const signal = AbortSignal.any([task.signal, stop.signal])
  const feeding = pipeline(isGzipped ? [source, createGunzip(), end, members] : [source, end, members], {
    signal,
  })
  let failure: unknown
  feeding.catch((error: unknown) => (failure ??= error))
  let files = 0
  try {
    for await (const member of members) {
      const { name, type, size } = member.header
      if (type === 'directory') {
        const path = allowance.admit(name, 'folder', 0)
        await mkdir(join(into, path), { recursive: true })
        member.resume()
        continue
      }
      if (type !== 'file' && type !== 'contiguous-file')
        throw allowance.unsafe(name, `is no plain file or folder but of type '${type as string | null}'`)
      const path = allowance.admit(name, 'file', size)
      await writeMember(() => Promise.resolve(member), join(into, path), { signal, wantCrc: false })
      files++
      task.onProgress(source.bytesRead / archiveBytes)
    }
    await feeding
  } catch (error) {
    // A stream that is cut also ends its reader, with a poorer message: the first cause counts.
    const cause = failure ?? error
    stop.abort()
    await feeding.catch(() => undefined)
    throw cause
  }
  if (!end.isWhole) throw new Error('it ends without the empty block that closes a tar')
  return files
}

/** Passes a tar through and remembers whether its last block is empty: a tar that was cut between two members looks whole otherwise. */
class EndOfTar extends Transform {
  private tail = Buffer.alloc(0)

  get isWhole(): boolean {
    return this.tail.length === BLOCK && this.tail.every((byte) => byte === 0)
  }

  override _transform(chunk: Buffer, _encoding: string, done: (error: null, chunk: Buffer) => void): void {
    this.tail = Buffer.from(Buffer.concat([this.tail, chunk.subarray(-BLOCK)]).subarray(-BLOCK))
    done(null, chunk)
  }
}

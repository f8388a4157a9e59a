import { open, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { ProcessingError } from '../../domain/errors.js'
import { flush, makeFolder, publishError } from '../../products/publish.js'
import { dirname } from 'node:path'
import { ServiceError } from '../http/back-off.js'
import type { Answer, HttpClient } from '../http/client.js'
import type { Asset } from '../source.js'
import { digestOf } from './checksum.js'

export interface DownloadOptions {
  readonly client: HttpClient
  readonly signal: AbortSignal
  /** What this file may have, bytes. */
  readonly maxBytes: number
  /** Called with the bytes that came since the last call. */
  readonly onBytes?: (bytes: number) => void
}

/** What a part on disk was made from: without it nothing tells that the rest still fits. */
interface PartNote {
  readonly href: string
  /** Strong ETag or Last-Modified; null: the service gave none. */
  readonly validator: string | null
}

/**
 * Downloads a file to `path`, which appears whole by a rename: size and checksum are as stated, and it is flushed. What an earlier call left
 * in `path.part` is gone on with where the service can tell that it is still the same file, or a checksum will. Rejects with
 * DOWNLOAD_TRUNCATED (the part stays), CHECKSUM_MISMATCH (it does not), DOWNLOAD_LIMIT, DISK_FULL, WRITE_FAILED and those of the client.
 */
export async function downloadAsset(asset: Asset, path: string, options: DownloadOptions): Promise<number> {
  const { client, signal } = options
  if (asset.bytes !== null && asset.bytes > options.maxBytes) throw tooLarge(asset, asset.bytes, options)
  try {
    await makeFolder(dirname(path))
  } catch (cause) {
    throw publishError(`Making the folder of ${path}`, cause)
  }
  return client.retrying(signal, async () => {
    const bytes = await receive(asset, `${path}.part`, options)
    await verify(asset, `${path}.part`, bytes, signal)
    try {
      await flush(`${path}.part`)
      await rename(`${path}.part`, path)
      await rm(`${path}.part.json`, { force: true })
    } catch (cause) {
      throw publishError(`Writing ${path}`, cause)
    }
    return bytes
  })
}

/** Gets what is missing of the part; returns its size. */
async function receive(asset: Asset, part: string, options: DownloadOptions): Promise<number> {
  const { client, signal, maxBytes } = options
  const had = await usablePart(asset, part)
  const validator = had?.note.validator ?? null
  const answer = await client.once(asset.href, {
    signal,
    allow: [416],
    headers: {
      // A range counts bytes as they are stored.
      'accept-encoding': 'identity',
      ...(had === null
        ? {}
        : { range: `bytes=${had.bytes}-`, ...(validator === null ? {} : { 'if-range': validator }) }),
    },
  })
  if (answer.status === 416) {
    await answer.cancel()
    const total = /^bytes \*\/(\d+)$/.exec(answer.headers.get('content-range') ?? '')?.[1]
    if (had !== null && total !== undefined && Number(total) === had.bytes) return had.bytes
    await dropPart(part)
    throw new ServiceError(
      'DOWNLOAD_TRUNCATED',
      `${plain(asset)} has other bytes than before; it is fetched anew.`,
    )
  }
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(answer.headers.get('content-range') ?? '')
  const goesOn = answer.status === 206 && had !== null && Number(range?.[1]) === had.bytes
  if (answer.status === 206 && !goesOn) {
    await answer.cancel()
    await dropPart(part)
    throw new ServiceError(
      'DOWNLOAD_TRUNCATED',
      `${plain(asset)} came as another part than was asked for; it is fetched anew.`,
    )
  }
  const start = goesOn ? had.bytes : 0
  const length = lengthOf(answer)
  const total = length === null ? null : start + length
  if (total !== null && total > maxBytes) {
    await answer.cancel()
    throw tooLarge(asset, total, options)
  }
  await writeNote(part, { href: asset.href, validator: validatorOf(answer) })
  const end = await write(answer, part, start, asset, options)
  if (total !== null && end < total)
    throw new ServiceError('DOWNLOAD_TRUNCATED', `${plain(asset)} ended after ${end} of ${total} bytes.`)
  return end
}

async function write(
  answer: Answer,
  part: string,
  start: number,
  asset: Asset,
  options: DownloadOptions,
): Promise<number> {
  let at = start
  try {
    const handle = await open(part, start === 0 ? 'w' : 'r+')
    try {
      for await (const chunk of answer.chunks()) {
        if (at + chunk.length > options.maxBytes) throw tooLarge(asset, at + chunk.length, options)
        for (let done = 0; done < chunk.length;) {
          const { bytesWritten } = await handle.write(chunk, done, chunk.length - done, at + done)
          done += bytesWritten
        }
        at += chunk.length
        options.onBytes?.(chunk.length)
      }
    } finally {
      await handle.close()
    }
  } catch (cause) {
    await answer.cancel()
    options.signal.throwIfAborted()
    throw publishError(`Writing ${part}`, cause)
  }
  return at
}

/** Sizes and checksums as the source states them. A part that is too long or wrong is removed: going on with it would never end well. */
async function verify(asset: Asset, part: string, bytes: number, signal: AbortSignal): Promise<void> {
  if (asset.bytes !== null && bytes < asset.bytes)
    throw new ServiceError(
      'DOWNLOAD_TRUNCATED',
      `${plain(asset)} ended after ${bytes} of ${asset.bytes} bytes.`,
    )
  const wrong = async (expected: string, found: string) => {
    await dropPart(part)
    // Not at once: a service that states a wrong checksum would send the same gigabyte again and again.
    return new ServiceError('CHECKSUM_MISMATCH', `${plain(asset)}: expected ${expected}, found ${found}.`, {
      isRetried: false,
    })
  }
  if (asset.bytes !== null && bytes > asset.bytes) throw await wrong(`${asset.bytes} bytes`, `${bytes} bytes`)
  if (asset.checksum === null) return
  const { algorithm, hex } = asset.checksum
  const found = await digestOf(part, algorithm, signal)
  if (found !== hex) throw await wrong(`${algorithm} ${hex}`, found)
}

/** The part on disk if it may be gone on with. */
async function usablePart(asset: Asset, part: string): Promise<{ bytes: number; note: PartNote } | null> {
  const bytes = (await stat(part).catch(() => null))?.size ?? 0
  if (bytes === 0) return null
  const note = await readNote(part)
  const isSame = note?.href === asset.href && (note.validator !== null || asset.checksum !== null)
  if (!isSame) return null
  if (asset.bytes !== null && bytes > asset.bytes) await truncate(part, 0)
  return asset.bytes !== null && bytes > asset.bytes ? null : { bytes, note }
}

async function readNote(part: string): Promise<PartNote | null> {
  try {
    const json: unknown = JSON.parse(await readFile(`${part}.json`, 'utf8'))
    if (typeof json !== 'object' || json === null || !('href' in json) || !('validator' in json)) return null
    const { href, validator } = json
    return typeof href === 'string' && (validator === null || typeof validator === 'string')
      ? { href, validator }
      : null
  } catch {
    return null
  }
}

async function writeNote(part: string, note: PartNote): Promise<void> {
  try {
    await writeFile(`${part}.json`, JSON.stringify(note))
  } catch (cause) {
    throw publishError(`Writing ${part}.json`, cause)
  }
}

async function dropPart(part: string): Promise<void> {
  await rm(part, { force: true })
  await rm(`${part}.json`, { force: true })
}

/** A weak ETag does not promise the same bytes (RFC 9110, section 8.8.1). */
function validatorOf({ headers }: Answer): string | null {
  const tag = headers.get('etag')
  return tag !== null && tag.startsWith('"') ? tag : headers.get('last-modified')
}

function lengthOf({ headers }: Answer): number | null {
  const text = headers.get('content-length')
  const isPlain = (headers.get('content-encoding') ?? 'identity') === 'identity'
  return isPlain && text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null
}

/** Without the query: it may hold a signature. */
const plain = ({ href }: Asset): string => href.replace(/[?#].*$/s, '')

const tooLarge = (asset: Asset, bytes: number, { maxBytes }: DownloadOptions): ProcessingError =>
  new ProcessingError(
    'DOWNLOAD_LIMIT',
    `${plain(asset)} has ${bytes} bytes or more; ${maxBytes} are left of sources.max_product_mb for this acquisition.`,
  )

/** Bytes of a file that is there and as its source states it; null else, and then it is gone. */
export async function verifyFile(asset: Asset, path: string, signal: AbortSignal): Promise<number | null> {
  const bytes = (await stat(path).catch(() => null))?.size
  if (bytes === undefined) return null
  const isRight =
    (asset.bytes === null || asset.bytes === bytes) &&
    (asset.checksum === null ||
      (await digestOf(path, asset.checksum.algorithm, signal)) === asset.checksum.hex)
  if (isRight) return bytes
  await rm(path, { force: true })
  return null
}

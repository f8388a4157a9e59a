import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import type { Checksum } from '../source.js'

/** Codes of https://github.com/multiformats/multicodec with the length of the digest, bytes. */
const MULTIHASH: readonly { code: number; bytes: number; algorithm: Checksum['algorithm'] }[] = [
  { code: 0xd5, bytes: 16, algorithm: 'md5' },
  { code: 0x11, bytes: 20, algorithm: 'sha1' },
  { code: 0x12, bytes: 32, algorithm: 'sha256' },
  { code: 0x20, bytes: 48, algorithm: 'sha384' },
  { code: 0x13, bytes: 64, algorithm: 'sha512' },
]

/** A `file:checksum` of STAC's file extension: multihash in hex, code and length as variable-length integers. Null for other functions. Pure. */
export function parseMultihash(text: string): Checksum | null {
  if (!/^([0-9a-f]{2})+$/i.test(text)) return null
  const bytes = Buffer.from(text, 'hex')
  const [code, afterCode] = varint(bytes, 0)
  const [length, start] = varint(bytes, afterCode)
  const known = MULTIHASH.find((one) => one.code === code && one.bytes === length)
  if (known === undefined || bytes.length - start !== known.bytes) return null
  return { algorithm: known.algorithm, hex: bytes.subarray(start).toString('hex') }
}

/** Little-endian groups of seven bits; the value and where the next one begins. */
function varint(bytes: Uint8Array, at: number): readonly [number, number] {
  let value = 0
  for (let i = 0; i < 4; i++) {
    const byte = bytes[at + i] ?? 0
    value += (byte & 0x7f) * 2 ** (7 * i)
    if (byte < 0x80) return [value, at + i + 1]
  }
  return [NaN, at + 4]
}

/** A checksum by the name of its function and its hex value; null where it is not known or not of its length. Pure. */
export function namedChecksum(name: string, hex: string): Checksum | null {
  const algorithm = name.toLowerCase().replaceAll('-', '')
  const known = MULTIHASH.find((one) => one.algorithm === algorithm)
  return known === undefined || !/^[0-9a-f]+$/i.test(hex) || hex.length !== known.bytes * 2
    ? null
    : { algorithm: known.algorithm, hex: hex.toLowerCase() }
}

/** Digest of a file, lower-case hex. */
export async function digestOf(
  path: string,
  algorithm: Checksum['algorithm'],
  signal: AbortSignal,
): Promise<string> {
  const hash = createHash(algorithm)
  for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20, signal }))
    hash.update(chunk as Buffer)
  return hash.digest('hex')
}

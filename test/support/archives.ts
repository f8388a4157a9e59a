import { readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { pack } from 'tar-stream'
import { ZipFile } from 'yazl'

/** Files below a folder with their content, by their paths in it; `prefix` is put before each path. */
export function filesBelow(folder: string, prefix = ''): Record<string, Buffer> {
  const files: Record<string, Buffer> = {}
  for (const path of readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort())
    if (statSync(join(folder, path)).isFile()) files[`${prefix}${path}`] = readFileSync(join(folder, path))
  return files
}

export async function zipOf(
  files: Readonly<Record<string, Buffer>>,
  more?: (zip: ZipFile) => void,
): Promise<Buffer> {
  const zip = new ZipFile()
  for (const [name, bytes] of Object.entries(files))
    zip.addBuffer(bytes, name, { mtime: new Date(2020, 1, 1) })
  more?.(zip)
  zip.end()
  return bytesOf(zip.outputStream as AsyncIterable<Buffer>)
}

export interface TarEntry {
  readonly name: string
  readonly type?: string
  readonly linkname?: string
  readonly bytes?: Buffer
}

export async function tarOf(entries: readonly TarEntry[]): Promise<Buffer> {
  const tar = pack()
  for (const { name, type = 'file', linkname, bytes } of entries)
    tar.entry({ name, type: type as 'file', ...(linkname === undefined ? {} : { linkname }) }, bytes ?? '')
  tar.finalize()
  return bytesOf(tar as AsyncIterable<Buffer>)
}

export const tgzOf = async (files: Readonly<Record<string, Buffer>>): Promise<Buffer> =>
  gzipSync(await tarOf(Object.entries(files).map(([name, bytes]) => ({ name, bytes }))))

async function bytesOf(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks)
}

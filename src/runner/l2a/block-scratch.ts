import { mkdtemp, open, rm, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { ProcessingError } from '../../domain/errors.js'
import { makeFolder, publishError } from '../../products/publish.js'
import type { BlockBuffers } from '../block-buffers.js'

interface BandFile {
  readonly path: string
  readonly file: Promise<FileHandle>
  size: number
  /** Place of each block, by its number. */
  readonly blocks: Map<number, { readonly at: number; readonly size: number }>
}

/**
 * Packed blocks between the two passes of a correction: one file a band in a folder of its own below the scratch root. Blocks are written once, in any order, and
 * may be read in any other. What lies here is of no use to anybody else: `close` removes it.
 */
export class BlockScratch {
  private readonly bands = new Map<string, BandFile>()

  private constructor(private readonly folder: string) {}

  /** Makes the folder below `root`, which is made where it is missing. Rejects with DISK_FULL, WRITE_FAILED. */
  static async open(root: string): Promise<BlockScratch> {
    try {
      await makeFolder(root)
      return new BlockScratch(await mkdtemp(join(root, 'blocks-')))
    } catch (cause) {
      throw publishError(`Making a folder below '${root}'`, cause)
    }
  }

  /** Rejects with DISK_FULL, WRITE_FAILED. */
  async write(band: string, block: number, bytes: Uint8Array): Promise<void> {
    let entry = this.bands.get(band)
    if (entry === undefined) {
      const path = join(this.folder, band)
      entry = { path, file: open(path, 'w+'), size: 0, blocks: new Map() }
      this.bands.set(band, entry)
    }
    const at = entry.size
    entry.size += bytes.length
    entry.blocks.set(block, { at, size: bytes.length })
    try {
      const file = await entry.file
      for (let done = 0; done < bytes.length;)
        done += (await file.write(bytes, done, bytes.length - done, at + done)).bytesWritten
    } catch (cause) {
      throw publishError(`Writing the scratch file '${entry.path}'`, cause)
    }
  }

  /** A block in memory of `buffers`, to be given back. Rejects with WRITE_FAILED where the file was cut meanwhile, INTERNAL for a block that was never written. */
  async read(band: string, block: number, buffers: BlockBuffers): Promise<Uint8Array> {
    const entry = this.bands.get(band)
    const place = entry?.blocks.get(block)
    if (entry === undefined || place === undefined)
      throw new ProcessingError('INTERNAL', `Block ${block} of ${band} was never written to scratch.`)
    const bytes = buffers.take(Uint8Array, place.size)
    try {
      const file = await entry.file
      for (let done = 0; done < place.size;) {
        const { bytesRead } = await file.read(bytes, done, place.size - done, place.at + done)
        if (bytesRead === 0) throw new Error(`${place.at + place.size} bytes expected, it ends before them`)
        done += bytesRead
      }
    } catch (cause) {
      throw publishError(`Reading the scratch file '${entry.path}'`, cause)
    }
    return bytes
  }

  /** Bytes written so far. */
  get bytes(): number {
    return [...this.bands.values()].reduce((sum, { size }) => sum + size, 0)
  }

  /** Removes all; never rejects. When no read or write is under way any more. */
  async close(): Promise<void> {
    for (const { file } of this.bands.values())
      await file.then((handle) => handle.close()).catch(() => undefined)
    await rm(this.folder, { recursive: true, force: true }).catch(() => undefined)
  }
}

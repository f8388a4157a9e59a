import { rm } from 'node:fs/promises'
import type { Grid } from '../../domain/grid.js'
import type { Codec } from '../../domain/codec.js'
import type { ProductPixels } from '../../kernels/halve.js'
import type { CogDtype } from '../../raster/cog-writer.js'
import { createStrips, encodeJp2 } from '../../raster/encode-jp2.js'
import { openBandWriter } from '../band-writer.js'
import type { KernelPool } from '../kernel-pool.js'

/** Rows of a strip: whole tiles of our COGs. */
export const STRIP = 512

/** Strips of whole rows of a grid, from the top. */
export function stripsOf({ height }: Grid): { readonly y: number; readonly height: number }[] {
  return Array.from({ length: Math.ceil(height / STRIP) }, (_, i) => ({
    y: i * STRIP,
    height: Math.min(STRIP, height - i * STRIP),
  }))
}

/** What the pixels of some rows are, one array for each band of the file. */
export type Rows = (y: number, height: number) => Promise<readonly ProductPixels[]>

/** Writes a JPEG 2000 file, lossless, as ESA's are tiled; by a scratch file beside it. Rejects with WRITE_FAILED. */
export async function writeJp2(
  path: string,
  {
    grid,
    dtype,
    bands,
    rows,
    signal,
  }: {
    readonly grid: Grid
    readonly dtype: 'uint8' | 'uint16'
    readonly bands: number
    readonly rows: Rows
    readonly signal: AbortSignal
  },
): Promise<void> {
  const scratch = `${path}.strips.tif`
  try {
    await writeStrips(scratch, { grid, dtype, bands, rows, signal, compress: false })
    await encodeJp2(scratch, path)
  } finally {
    await rm(scratch, { force: true })
  }
}

/** Writes a GeoTIFF of several bands. Rejects with WRITE_FAILED. */
export async function writeStrips(
  path: string,
  {
    grid,
    dtype,
    bands,
    rows,
    signal,
    compress,
  }: {
    readonly grid: Grid
    readonly dtype: 'uint8' | 'uint16' | 'int16'
    readonly bands: number
    readonly rows: Rows
    readonly signal: AbortSignal
    readonly compress: boolean
  },
): Promise<void> {
  const file = createStrips(path, grid, dtype, { compress, codec: 'deflate', planes: bands })
  try {
    for (const { y, height } of stripsOf(grid)) {
      signal.throwIfAborted()
      for (const [band, pixels] of (await rows(y, height)).entries()) file.write(y, height, pixels, band)
    }
  } finally {
    file.close()
  }
}

/** Writes a COG of one band as ours are, in another format's numbers. Rejects with DISK_FULL, WRITE_FAILED. */
export async function writeCog(
  path: string,
  {
    grid,
    dtype,
    noData,
    scale,
    description,
    metadata,
    rows,
    signal,
    pool,
    codec,
  }: {
    readonly grid: Grid
    readonly dtype: CogDtype
    readonly noData: number | null
    readonly scale: number
    readonly description: string
    readonly metadata: Readonly<Record<string, string>>
    readonly rows: (y: number, height: number) => Promise<ProductPixels>
    readonly signal: AbortSignal
    readonly pool: KernelPool
    readonly codec: Codec
  },
): Promise<void> {
  const writer = openBandWriter(pool, {
    ...{ path, grid, dtype, noData, scale, offset: 0, unit: '1', description, codec, metadata },
    overview: dtype === 'int16' ? 'average' : 'nearest',
  })
  try {
    for (const { y, height } of stripsOf(grid)) {
      signal.throwIfAborted()
      await writer.writeBlock({ x: 0, y, width: grid.width, height }, await rows(y, height))
    }
    await writer.finish()
  } catch (error) {
    await writer.abort()
    throw error
  }
}

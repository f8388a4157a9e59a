import { readdir } from 'node:fs/promises'
import { basename } from 'node:path'
import { ProcessingError } from '../../domain/errors.js'
import type { ForeignL2a } from '../../domain/foreign-l2a.js'
import { describeGrid, sameExtent, type Grid } from '../../domain/grid.js'
import { checkTiff } from '../../raster/check-tiff.js'
import { openRaster } from '../../raster/open-raster.js'
import { isMajaName } from '../product-kinds.js'
import { readSettled } from '../still-copying.js'
import { isMajaXml, readMaja } from './read-maja.js'
import { readSen2cor } from './read-sen2cor.js'

/** A foreign product whose files are all there, whole, and over one ground. */
export interface ProvenForeignL2a {
  readonly source: ForeignL2a
  /** Of the finest band. */
  readonly finest: Grid
  /** Of all bands together. */
  readonly pixels: number
}

/**
 * Reads an L2A product of another processor and proves from the headers of its images that it is whole; no pixel is decoded.
 * Throws NOT_FOUND, PRODUCT_UNSUPPORTED, PRODUCT_INCOMPLETE (names the file), METADATA_INVALID, RASTER_UNREADABLE, GRID_MISMATCH, and in place of what a copy
 * in progress looks like PRODUCT_COPYING where something below `path` changed within `settleSeconds` (default 0: never).
 */
export async function readForeignL2a(
  path: string,
  { settleSeconds = 0 }: { readonly settleSeconds?: number } = {},
): Promise<ProvenForeignL2a> {
  return readSettled(path, { settleSeconds, now: new Date() }, async () => {
    const names = await readdir(path).catch((cause: unknown) => {
      throw new ProcessingError(
        'NOT_FOUND',
        `'${path}' does not exist or cannot be entered. Check the path.`,
        { cause },
      )
    })
    const isMaja = names.some(isMajaXml) || isMajaName(basename(path))
    return prove(await (isMaja ? readMaja(path) : readSen2cor(path)))
  })
}

async function prove(source: ForeignL2a): Promise<ProvenForeignL2a> {
  const bands = await Promise.all(
    source.bands.map(async ({ id, path }) => ({ id, path, grid: await gridOf(path) })),
  )
  const [first] = bands
  if (first === undefined)
    throw new ProcessingError('PRODUCT_INCOMPLETE', `'${source.path}' has no band at all.`)
  const finest = bands.reduce((a, b) => (b.grid.pixelWidthM < a.grid.pixelWidthM ? b : a), first)
  const others = [
    ...[source.aot, source.wv].flatMap((layer) => (layer === null ? [] : [layer.path])),
    ...source.masks.map(({ path }) => path),
    ...(source.sceneClasses === null ? [] : [source.sceneClasses]),
  ]
  const grids = await Promise.all(
    [...new Set(others)].map(async (path) => ({ path, grid: await gridOf(path) })),
  )
  for (const { path, grid } of [...bands, ...grids]) {
    const toleranceM = Math.max(grid.pixelWidthM, grid.pixelHeightM, finest.grid.pixelWidthM)
    if (!sameExtent(grid, finest.grid, toleranceM))
      throw new ProcessingError(
        'GRID_MISMATCH',
        `'${path}' is ${describeGrid(grid)}, but band ${finest.id} is ${describeGrid(finest.grid)}: ` +
          `their edges differ by more than ${toleranceM} m. Download the product again.`,
      )
  }
  const pixels = bands.reduce((sum, { grid }) => sum + grid.width * grid.height, 0)
  return { source, finest: finest.grid, pixels }
}

async function gridOf(path: string): Promise<Grid> {
  if (/\.tiff?$/i.test(path)) await checkTiff(path)
  const reader = await openRaster(path)
  reader.close()
  if (reader.grid === null)
    throw new ProcessingError('RASTER_UNREADABLE', `'${path}' has no grid: ${reader.whyNoGrid ?? ''}.`)
  return reader.grid
}

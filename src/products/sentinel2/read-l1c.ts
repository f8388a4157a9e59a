import { existsSync } from 'node:fs'
import { basename, extname } from 'node:path'
import { ProcessingError } from '../../domain/errors.js'
import { describeGrid, sameExtent, type Grid } from '../../domain/grid.js'
import type { AngleGrid, DetectorAngles } from '../../domain/l1-scene.js'
import {
  NOMINAL_PIXEL_M,
  S2_BANDS,
  type L1cBand,
  type L1cProduct,
  type MaskSource,
  type S2Band,
} from '../../domain/sentinel2.js'
import { openRaster } from '../../raster/open-raster.js'
import { readSettled, refuseCopying } from '../still-copying.js'
import { missingFile } from './find-parts.js'
import { openLayout, type L1cLayout } from './layouts.js'
import type { TileMetadata, XmlGeometry } from './parse-metadata.js'

export interface ReadL1cOptions {
  /** A broken product in which something changed less than this many seconds ago counts as still being copied. 0 = never. */
  readonly settleSeconds?: number | undefined
  readonly now?: Date | undefined
}

const B10_ID = S2_BANDS.indexOf('B10')
const NO_B10 =
  'There is no image of band B10: cirrus is not told by it (MASK.tif keeps what the product says of it).'

/**
 * Reads a Sentinel-2 L1C product (SAFE folder of one tile, granule folder within one of several tiles, or a folder as AWS keeps them; S2A
 * to S2C, baselines with GML or raster masks; B10 may be missing, which is noted) from its metadata and the headers of its images; no pixel is decoded, but each JPEG 2000 file is proved whole. Reflectance is
 * (DN + offset) / quantification, unit 1; see `toaReflectance`.
 * The image's own grid decides; the XML's only where an image has no georeference (then noted). Images of other than the nominal
 * pixel size (decimated test data) are read with a note. Extents may differ by the coarser pixel of two bands (86 pixels of 1280 m
 * reach beyond the tile's 109,800 m); more is GRID_MISMATCH.
 * Throws PRODUCT_UNSUPPORTED (not such a product), PRODUCT_INCOMPLETE (names the missing file), METADATA_INVALID (file and
 * element), RASTER_UNREADABLE (cut or foreign image), GRID_MISMATCH, NOT_FOUND, and in place of PRODUCT_INCOMPLETE,
 * METADATA_INVALID and RASTER_UNREADABLE the error PRODUCT_COPYING where a file or
 * folder below `safePath` was modified within `settleSeconds` (default 60) before `now`.
 */
export async function readL1cMetadata(safePath: string, options: ReadL1cOptions = {}): Promise<L1cProduct> {
  const { settleSeconds, now = new Date() } = options
  const product = await readSettled(safePath, { settleSeconds: settleSeconds ?? 60, now }, () =>
    readProduct(safePath),
  )
  // Whoever asks whether it is settled does not want a product whose B10 is still on its way.
  if (product.bands.B10 === undefined)
    await refuseCopying(safePath, { settleSeconds: settleSeconds ?? 0, now }, NO_B10)
  return product
}

async function readProduct(path: string): Promise<L1cProduct> {
  const notes: string[] = []
  const layout = await openLayout(path, notes)
  const { product, tile, granulePath, images, namedBy } = layout
  const masks = findMasks(layout, notes)

  const bands: Partial<Record<S2Band, L1cBand>> = {}
  for (const [bandId, id] of S2_BANDS.entries()) {
    const image = images.get(id)
    if (image !== undefined && (imageFile(image) !== undefined || id !== 'B10')) {
      bands[id] = await readBand(id, bandId, image, namedBy, product, tile, masks, notes)
      continue
    }
    // Without B10 everything can be corrected, but high thin cloud cannot be told; without another band a product is of no use.
    if (id !== 'B10')
      throw new ProcessingError(
        'PRODUCT_INCOMPLETE',
        `'${namedBy}' lists no image of band ${id}. Only B10 may be missing; download the product again.`,
      )
    notes.push(NO_B10)
  }
  const found = Object.values(bands)
  const reference = checkExtents(found)
  const decimated = found.filter((band) => band.grid.pixelWidthM !== NOMINAL_PIXEL_M[band.id])
  if (decimated.length > 0)
    notes.push(
      `Images are not at nominal resolution: ${decimated.map((b) => `${b.id} ${b.grid.pixelWidthM} m (nominal ${NOMINAL_PIXEL_M[b.id]} m)`).join(', ')}. ` +
        'Their own pixel sizes are used; the geometry of the XML is not.',
    )
  const { ulx, uly } = reference
  if (ulx !== tile.geometry.ulx || uly !== tile.geometry.uly || reference.epsg !== tile.geometry.epsg)
    notes.push(
      `The XML places the tile at EPSG:${tile.geometry.epsg} (${tile.geometry.ulx}, ${tile.geometry.uly}), the images at EPSG:${reference.epsg} (${ulx}, ${uly}); the images are trusted.`,
    )
  const place = (angles: AngleGrid): AngleGrid => ({ ...angles, ulx, uly })
  const placed = Object.fromEntries(
    found.map((band) => [
      band.id,
      { ...band, detectors: band.detectors.map((d): DetectorAngles => ({ ...d, angles: place(d.angles) })) },
    ]),
  ) as Partial<Record<S2Band, L1cBand>>
  return {
    kind: 'S2_L1C',
    path,
    manyTilesKey: layout.manyTilesKey,
    granulePath,
    productUri: product.productUri,
    platform: product.platform,
    tile: tile.tile,
    baseline: product.baseline,
    datatakeId: product.datatakeId,
    datatakeStart: product.datatakeStart,
    sensingTime: tile.sensingTime,
    generationTime: tile.generationTime ?? product.generationTime,
    relativeOrbit: product.relativeOrbit,
    orbitDirection: product.orbitDirection,
    cloudPercent: product.cloudPercent ?? tile.cloudPercent,
    epsg: reference.epsg,
    extent: [
      ulx,
      uly - reference.height * reference.pixelHeightM,
      ulx + reference.width * reference.pixelWidthM,
      uly,
    ],
    sun: place(tile.sun),
    bands: placed,
    clouds:
      masks.find(({ type }) => type === 'MSK_CLASSI')?.source ??
      masks.find(({ type }) => type === 'MSK_CLOUDS')?.source ??
      null,
    notes,
  }
}

interface FoundMask {
  readonly type: string
  readonly bandId: number | null
  readonly source: MaskSource
}

/** Of each band all of these that the product has; the footprint is needed, the others are noted when named but missing. */
const QUALITY_TYPES: ReadonlySet<string> = new Set([
  'MSK_SATURA',
  'MSK_DEFECT',
  'MSK_NODATA',
  'MSK_TECQUA',
  'MSK_QUALIT',
])

function findMasks({ tile, tileXmlPath, maskPaths }: L1cLayout, notes: string[]): FoundMask[] {
  const missing: string[] = []
  const found = tile.masks.flatMap((mask): FoundMask[] => {
    const { type, bandId, path } = mask
    if (type !== 'MSK_DETFOO' && type !== 'MSK_CLASSI' && type !== 'MSK_CLOUDS' && !QUALITY_TYPES.has(type))
      return []
    const candidates = maskPaths(mask)
    const file = candidates.find((candidate) => existsSync(candidate))
    if (file === undefined) {
      if (type === 'MSK_DETFOO' && bandId !== B10_ID) throw missingFile(candidates[0] ?? path, tileXmlPath)
      missing.push(basename(path))
      return []
    }
    return [
      { type, bandId, source: { kind: extname(file).toLowerCase() === '.gml' ? 'gml' : 'jp2', path: file } },
    ]
  })
  if (missing.length > 0) notes.push(`Optional masks are missing and count as empty: ${missing.join(', ')}.`)
  return found
}

const imageFile = (image: string): string | undefined =>
  [`${image}.jp2`, image].find((candidate) => existsSync(candidate))

async function readBand(
  id: S2Band,
  bandId: number,
  image: string,
  productXmlPath: string,
  product: L1cLayout['product'],
  tile: TileMetadata,
  masks: readonly FoundMask[],
  notes: string[],
): Promise<L1cBand> {
  const path = imageFile(image)
  if (path === undefined) throw missingFile(`${image}.jp2`, productXmlPath)
  const detectors = tile.viewAngles.get(bandId) ?? []
  if (detectors.length === 0)
    throw new ProcessingError(
      'METADATA_INVALID',
      `The tile metadata of '${image}' has no view angles of band ${id} (bandId ${bandId}). Download the product again.`,
    )
  const footprint = masks.find((mask) => mask.type === 'MSK_DETFOO' && mask.bandId === bandId)
  if (footprint === undefined)
    throw new ProcessingError(
      'METADATA_INVALID',
      `The tile metadata of '${image}' names no detector footprint (MSK_DETFOO) of band ${id}. Download the product again.`,
    )
  const reader = await openRaster(path)
  try {
    if (reader.bandCount !== 1 || reader.dtype !== 'UInt16')
      throw new ProcessingError(
        'RASTER_UNREADABLE',
        `'${path}' has ${reader.bandCount} bands of ${reader.dtype}; expected one of UInt16. Download the product again.`,
      )
    const grid = reader.grid ?? gridFromXml(tile.geometry, reader.width, reader.height)
    if (reader.grid === null)
      notes.push(
        `Band ${id}: ${reader.whyNoGrid ?? 'no grid'}; placed by the XML at EPSG:${grid.epsg} (${grid.ulx}, ${grid.uly}).`,
      )
    return {
      id,
      bandId,
      path,
      grid,
      blockWidth: reader.blockWidth,
      blockHeight: reader.blockHeight,
      quantification: product.quantification,
      offset: product.offsets[bandId] ?? 0,
      response: product.responses[bandId] ?? null,
      detectors,
      footprint: footprint.source,
      quality: masks
        .filter((mask) => mask.bandId === bandId && QUALITY_TYPES.has(mask.type))
        .map((mask) => mask.source),
    }
  } finally {
    reader.close()
  }
}

/** The tile's ground divided by the image's real number of pixels. */
function gridFromXml(geometry: XmlGeometry, width: number, height: number): Grid {
  const { epsg, ulx, uly, widthM, heightM } = geometry
  return { epsg, ulx, uly, pixelWidthM: widthM / width, pixelHeightM: heightM / height, width, height }
}

/** The finest grid, after checking that all bands cover its ground within one pixel of the coarser of the two. */
function checkExtents(bands: readonly L1cBand[]): Grid {
  const finest = [...bands].sort((a, b) => a.grid.pixelWidthM - b.grid.pixelWidthM || a.bandId - b.bandId)[0]
  if (finest === undefined)
    throw new ProcessingError('PRODUCT_INCOMPLETE', 'The product has no band at all. Download it again.')
  for (const { id, grid } of bands) {
    const toleranceM = Math.max(grid.pixelWidthM, grid.pixelHeightM, finest.grid.pixelWidthM)
    if (!sameExtent(grid, finest.grid, toleranceM))
      throw new ProcessingError(
        'GRID_MISMATCH',
        `Band ${id} is ${describeGrid(grid)}, but band ${finest.id} is ${describeGrid(finest.grid)}: ` +
          `their edges differ by more than ${toleranceM} m. Download the product again.`,
      )
  }
  return finest.grid
}

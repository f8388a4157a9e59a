import { existsSync, statSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ProcessingError } from '../../domain/errors.js'
import { describeGrid, type Grid } from '../../domain/grid.js'
import type { AngleSource, LandsatBand, LandsatProduct } from '../../domain/landsat.js'
import { checkTiff } from '../../raster/check-tiff.js'
import { openRaster } from '../../raster/open-raster.js'
import { gridOutline, toLonLat } from '../../raster/transform.js'
import { readSettled, refuseCopying } from '../still-copying.js'
import { footprintOf } from '../stac/footprint.js'
import { parseMtl, type LandsatMetadata } from './parse-mtl.js'

export interface ReadL1tpOptions {
  /** A product in which something changed less than this many seconds ago and something is missing counts as being copied. 0 = never. */
  readonly settleSeconds?: number | undefined
  readonly now?: Date | undefined
}

/** Names of a product's metadata file, the one that is read first. */
const METADATA_NAMES = [/_MTL\.txt$/i, /_MTL\.json$/i, /_MTL\.xml$/i] as const
/** macOS leaves `._<name>` beside each file on foreign disks. */
const isHidden = (name: string): boolean => name.startsWith('.')
/** Whether a file name is that of a Landsat product's metadata. */
export const isMtl = (name: string): boolean =>
  !isHidden(name) && METADATA_NAMES.some((pattern) => pattern.test(name))

/** Bands that every later processor needs; the coastal and cirrus bands may be missing. */
const NEEDED: ReadonlySet<string> = new Set(['B02', 'B03', 'B04', 'B05', 'B06', 'B07'])
const NOMINAL_PIXEL_M = 30
/** Images whose middle lies farther than this outside the scene of the metadata are another scene's, degrees. */
const FAR_DEGREES = 0.2

/**
 * Reads a Landsat-8 or -9 L1TP product of collection 1 or 2 (folder with `_MTL.txt`, `.json` or `.xml`) from its metadata and the headers of its
 * images; no pixel is decoded, but each TIFF is proved whole. The images' own grid decides, also where the metadata describes another size
 * (crops, decimated test data), with a note. USGS gives scenes of the southern hemisphere northern zones and negative northings: they stay so.
 * B02 to B07 are needed. Missing B01, B09, quality or angle files are noted; without angle bands the angles come from `_ANG.txt`,
 * without that from the orbit.
 * Throws LEVEL_NOT_CORRECTED (L1GT, L1GS), PRODUCT_UNSUPPORTED, PRODUCT_INCOMPLETE (names the missing file), METADATA_INVALID (file, key, expected, found), RASTER_UNREADABLE,
 * GRID_MISMATCH (images unlike each other, or of another place than the metadata says), NOT_FOUND, and PRODUCT_COPYING where any of a
 * product's files is missing or cut and something changed within `settleSeconds` (default 60) before `now`.
 */
export async function readL1tpMetadata(
  folder: string,
  options: ReadL1tpOptions = {},
): Promise<LandsatProduct> {
  const settling = { settleSeconds: options.settleSeconds ?? 60, now: options.now ?? new Date() }
  const { product, missing } = await readSettled(folder, settling, () => readProduct(folder))
  if (missing.length > 0) await refuseCopying(folder, settling, `missing: ${missing.join(', ')}.`)
  return product
}

async function readProduct(folder: string): Promise<{ product: LandsatProduct; missing: readonly string[] }> {
  const mtlPath = await findMtl(folder)
  const mtl = await parseMtl(mtlPath)
  const notes: string[] = []
  const flags: string[] = []
  const missing: string[] = []
  /** Absolute path of an optional file, null and remembered where it is not there. */
  const optional = (file: string | null): string | null => {
    if (file === null) return null
    if (statSync(join(folder, file), { throwIfNoEntry: false })?.isFile() === true) return join(folder, file)
    missing.push(file)
    return null
  }

  const bands: LandsatBand[] = []
  for (const { id, file, mult, add } of mtl.bands) {
    const path = join(folder, file)
    if (!existsSync(path)) {
      if (NEEDED.has(id))
        throw new ProcessingError(
          'PRODUCT_INCOMPLETE',
          `'${path}' is missing, but '${mtlPath}' names it. Copy or download the product again.`,
        )
      missing.push(file)
      continue
    }
    bands.push({ id, path, mult, add, ...(await readHeader(path, 'UInt16')) })
  }
  for (const id of NEEDED)
    if (!bands.some((band) => band.id === id))
      throw new ProcessingError(
        'PRODUCT_INCOMPLETE',
        `'${mtlPath}' names no image of band ${id}. Copy or download the product again.`,
      )
  const { grid } = bands[0] ?? { grid: undefined }
  if (grid === undefined) throw new ProcessingError('PRODUCT_INCOMPLETE', `'${folder}' has no band at all.`)
  const onGrid = async (path: string | null, dtype: 'UInt16' | 'Int16'): Promise<string | null> => {
    if (path !== null) assertSameGrid(path, (await readHeader(path, dtype)).grid, grid)
    return path
  }
  for (const band of bands) assertSameGrid(band.path, band.grid, grid)
  for (const file of mtl.unused) optional(file)
  const pixelQuality = await onGrid(optional(mtl.pixelQuality), 'UInt16')
  const saturation = await onGrid(optional(mtl.saturation), 'UInt16')
  const angles = await angleSource(mtl, optional, onGrid)

  if (missing.length > 0) notes.push(`Files that the metadata names are missing: ${missing.join(', ')}.`)
  if (bands.length < mtl.bands.length || mtl.bands.length < 8) flags.push('bands_missing')
  if (pixelQuality === null) {
    notes.push('Without a quality band no cloud, shadow, snow or water is known.')
    flags.push('no_cloud_mask')
  }
  if (angles.kind === 'computed') {
    notes.push(
      "Without angle bands and coefficients the angles come from the sun at the scene's centre and the nominal orbit: view zenith within 1 degree, sun within 0.1.",
    )
    flags.push('angles_computed')
  }
  if (angles.kind === 'coefficients') flags.push('angles_from_coefficients')
  if (mtl.isOffNadir) notes.push('The satellite was pointed off nadir.')
  if (mtl.isOffNadir && angles.kind === 'computed')
    throw new ProcessingError(
      'PRODUCT_INCOMPLETE',
      `'${folder}' was taken off nadir and has neither angle bands nor coefficients: its angles cannot be known.`,
    )
  if (mtl.facts.category !== 'T1') notes.push(`The product is of category ${mtl.facts.category}, not T1.`)
  if (grid.pixelWidthM !== NOMINAL_PIXEL_M || grid.pixelHeightM !== NOMINAL_PIXEL_M)
    notes.push(
      `Images are not at nominal resolution: pixels of ${grid.pixelWidthM} x ${grid.pixelHeightM} m (nominal ${NOMINAL_PIXEL_M} m).`,
    )
  return {
    product: {
      ...mtl.facts,
      path: folder,
      centre: middleOf(mtl.corners),
      bbox: placeOf(grid, mtl.corners, mtlPath),
      grid,
      bands,
      pixelQuality,
      saturation,
      angles,
      notes,
      flags,
    },
    missing,
  }
}

async function findMtl(folder: string): Promise<string> {
  const info = await stat(folder).catch((cause: unknown) => {
    throw new ProcessingError(
      'NOT_FOUND',
      `'${folder}' does not exist or cannot be entered. Check the path.`,
      { cause },
    )
  })
  const entries = info.isDirectory() ? await readdir(folder) : []
  for (const pattern of METADATA_NAMES) {
    const found = entries.filter((name) => pattern.test(name) && !isHidden(name)).sort()
    // Whoever loads level 1 and 2 of a scene may keep both in one folder.
    const level1 = found.filter((name) => !/_L2S[PR]_/.test(name))
    const [first, second] = level1.length > 0 ? level1 : found
    if (second !== undefined)
      throw new ProcessingError(
        'PRODUCT_UNSUPPORTED',
        `'${folder}' holds several products (${first ?? ''}, ${second}); expected one in each folder. Move each to a folder of its own.`,
      )
    if (first !== undefined) return join(folder, first)
  }
  throw new ProcessingError(
    'PRODUCT_UNSUPPORTED',
    `'${folder}' is no Landsat product: no file *_MTL.txt, *_MTL.json or *_MTL.xml in it.`,
  )
}

async function readHeader(
  path: string,
  dtype: 'UInt16' | 'Int16',
): Promise<{ grid: Grid; blockWidth: number }> {
  await checkTiff(path)
  const reader = await openRaster(path)
  try {
    if (reader.bandCount !== 1 || reader.dtype !== dtype)
      throw new ProcessingError(
        'RASTER_UNREADABLE',
        `'${path}' has ${reader.bandCount} bands of ${reader.dtype}; expected one of ${dtype}. Download the product again.`,
      )
    if (reader.grid === null)
      throw new ProcessingError(
        'RASTER_UNREADABLE',
        `'${path}' cannot be placed: ${reader.whyNoGrid ?? 'no grid'}. Download the product again.`,
      )
    return { grid: reader.grid, blockWidth: reader.blockWidth }
  } finally {
    reader.close()
  }
}

function assertSameGrid(path: string, found: Grid, expected: Grid): void {
  if (describeGrid(found) !== describeGrid(expected))
    throw new ProcessingError(
      'GRID_MISMATCH',
      `'${path}' is ${describeGrid(found)}, expected ${describeGrid(expected)} as the other bands. Download the product again.`,
    )
}

async function angleSource(
  { angleBands, angleCoefficients }: LandsatMetadata,
  optional: (file: string | null) => string | null,
  onGrid: (path: string | null, dtype: 'Int16') => Promise<string | null>,
): Promise<AngleSource> {
  const coefficients = optional(angleCoefficients)
  const band = async (file: string | undefined) => onGrid(optional(file ?? null), 'Int16')
  const sunZenith = await band(angleBands?.sunZenith)
  const sunAzimuth = await band(angleBands?.sunAzimuth)
  const viewZenith = await band(angleBands?.viewZenith)
  const viewAzimuth = await band(angleBands?.viewAzimuth)
  if (sunZenith !== null && sunAzimuth !== null && viewZenith !== null && viewAzimuth !== null)
    return { kind: 'bands', sunZenith, sunAzimuth, viewZenith, viewAzimuth }
  return coefficients === null ? { kind: 'computed' } : { kind: 'coefficients', path: coefficients }
}

/** Middle of the corners; next to the antimeridian longitudes are counted on. */
function middleOf(corners: LandsatMetadata['corners']): readonly [number, number] {
  const first = corners[0]?.[0] ?? 0
  const lons = corners.map(([lon]) => lon + 360 * Math.round((first - lon) / 360))
  const mean = (values: readonly number[]) => values.reduce((sum, v) => sum + v, 0) / values.length
  return [mean(lons), mean(corners.map(([, lat]) => lat))]
}

/** Box of the images, after checking that they lie where the metadata says. */
function placeOf(
  grid: Grid,
  corners: LandsatMetadata['corners'],
  mtlPath: string,
): readonly [number, number, number, number] {
  const [west, south, east, north] = footprintOf(toLonLat(grid.epsg, gridOutline(grid, 4))).bbox
  const right = east < west ? east + 360 : east
  const [lon, lat] = [(west + right) / 2, (south + north) / 2]
  const lons = corners.map(([x]) => x + 360 * Math.round((lon - x) / 360))
  const lats = corners.map(([, y]) => y)
  const outside = (value: number, values: readonly number[]) =>
    value < Math.min(...values) - FAR_DEGREES || value > Math.max(...values) + FAR_DEGREES
  if (outside(lon, lons) || outside(lat, lats))
    throw new ProcessingError(
      'GRID_MISMATCH',
      `The images lie around ${lon.toFixed(2)}, ${lat.toFixed(2)} degrees (${describeGrid(grid)}), but '${mtlPath}' describes a scene from ` +
        `${Math.min(...lons).toFixed(2)}, ${Math.min(...lats).toFixed(2)} to ${Math.max(...lons).toFixed(2)}, ${Math.max(...lats).toFixed(2)}. Download the product again.`,
    )
  return [west, south, right, north]
}

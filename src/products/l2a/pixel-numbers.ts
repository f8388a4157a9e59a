import { ProcessingError } from '../../domain/errors.js'
import type { Grid } from '../../domain/grid.js'
import { MASK_BITS } from '../../domain/mask-bits.js'
import { SCENE_CLASSES } from '../../domain/scene-classes.js'
import { openRaster, type RasterReader } from '../../raster/open-raster.js'
import { fromLonLat, toLonLat, type Point } from '../../raster/transform.js'
import { ANGLE_FILES, ANGLE_NO_DATA, isSigmaFile, parseBandFile, PRODUCT_FILES } from '../layout.js'
import type { L2aProduct } from './open-l2a.js'

/** A place on the ground as a user names it: metres of the product's CRS, degrees of WGS 84, or column and row of the finest grid, from 0. */
export interface Place {
  readonly kind: 'at' | 'lonlat' | 'pixel'
  readonly x: number
  readonly y: number
}

/** What one file says there. */
export interface StoredNumber {
  readonly file: string
  readonly stored: number
  /** In `unit`; null where the file has no data there. */
  readonly value: number | null
  readonly unit: string
}

/** All that a product says of one place; a file that the product lacks is left out. */
export interface PixelNumbers {
  readonly epsg: number
  /** The place itself, metres of `epsg`. Each file is read at the pixel that holds it. */
  readonly x: number
  readonly y: number
  readonly lon: number
  readonly lat: number
  /** On the finest grid, from 0. */
  readonly column: number
  readonly row: number
  readonly reflectance: readonly StoredNumber[]
  /** Standard deviations of `sre`. */
  readonly uncertainty: readonly StoredNumber[]
  readonly mask: { readonly stored: number; readonly bits: readonly string[] }
  readonly scene_class: { readonly stored: number; readonly name: string } | null
  /** AOT, water vapour. */
  readonly atmosphere: readonly StoredNumber[]
  /** Zenith and azimuth of sun and satellite, degrees. */
  readonly angles: readonly StoredNumber[]
}

/** How a stored number is read, docs/products.md. */
const REFLECTANCE = { scale: 0.0001, noData: -32768, unit: '1' }
const AIR = { scale: 0.001, noData: -32768 }
const ANGLE = { scale: 0.01, noData: ANGLE_NO_DATA, unit: 'degree' }

/**
 * What the files of a product say of a place. Rejects with BAD_ARGUMENT for a place outside, PRODUCT_INCOMPLETE for a file that is
 * missing, RASTER_UNREADABLE for one that is cut.
 */
export async function readPixelNumbers(product: L2aProduct, place: Place): Promise<PixelNumbers> {
  const mask = await openOnGrid(product, PRODUCT_FILES.mask)
  let at: Located
  let bits: number
  try {
    at = locate(mask.grid, place)
    bits = await readAt(mask, at.x, at.y)
  } finally {
    mask.reader.close()
  }
  const stored = async (file: string): Promise<number> => {
    const open = await openOnGrid(product, file)
    try {
      return await readAt(open, at.x, at.y)
    } finally {
      open.reader.close()
    }
  }
  const numbers = async (
    files: readonly string[],
    how: (file: string) => { scale: number; noData: number; unit: string },
  ): Promise<StoredNumber[]> => {
    const found: StoredNumber[] = []
    for (const file of files.filter((name) => product.files.has(name))) {
      const { scale, noData, unit } = how(file)
      const number = await stored(file)
      // Thousandths and the like have no exact binary value: 0.1234, not 0.12340000000000001.
      const value = number === noData ? null : Number((number * scale).toFixed(4))
      found.push({ file, stored: number, value, unit })
    }
    return found
  }
  // In order of wavelength: B8A after B08.
  const order = (file: string) => file.replace('B8A', 'B08z')
  const byWavelength = (isWanted: (file: string) => boolean) =>
    [...product.files].filter(isWanted).sort((a, b) => (order(a) < order(b) ? -1 : 1))
  const bands = byWavelength((file) => parseBandFile(file) !== undefined)
  const sigmas = byWavelength(isSigmaFile)
  const scl = product.files.has(PRODUCT_FILES.scl) ? await stored(PRODUCT_FILES.scl) : null
  return {
    ...at,
    epsg: mask.grid.epsg,
    reflectance: await numbers(bands, () => REFLECTANCE),
    uncertainty: await numbers(sigmas, () => REFLECTANCE),
    mask: { stored: bits, bits: bitNames(bits) },
    scene_class: scl === null ? null : { stored: scl, name: SCENE_CLASSES[scl] ?? 'unknown' },
    atmosphere: await numbers([PRODUCT_FILES.aot, PRODUCT_FILES.wv], (file) => ({
      ...AIR,
      unit: file === PRODUCT_FILES.aot ? '1' : 'g/cm2',
    })),
    angles: await numbers(ANGLE_FILES, () => ANGLE),
  }
}

/** Names of the bits that are set in a value of MASK.tif, lowest first. */
export const bitNames = (value: number): string[] =>
  Object.entries(MASK_BITS).flatMap(([name, bit]) => (((value >> bit) & 1) === 1 ? [name] : []))

type Located = Pick<PixelNumbers, 'x' | 'y' | 'lon' | 'lat' | 'column' | 'row'>

function locate(grid: Grid, place: Place): Located {
  const { epsg, ulx, uly, pixelWidthM, pixelHeightM, width, height } = grid
  const [x, y] = mapPoint(grid, place)
  const column = Math.floor((x - ulx) / pixelWidthM)
  const row = Math.floor((uly - y) / pixelHeightM)
  if (column < 0 || row < 0 || column >= width || row >= height) {
    const right = ulx + width * pixelWidthM
    const bottom = uly - height * pixelHeightM
    const expected = {
      at: `x from ${ulx} to ${right} and y from ${bottom} to ${uly} (EPSG:${epsg}, m)`,
      lonlat: `a place in ${ulx}..${right}, ${bottom}..${uly} of EPSG:${epsg}, where this is (${x.toFixed(0)}, ${y.toFixed(0)})`,
      pixel: `column 0 to ${width - 1} and row 0 to ${height - 1}`,
    }
    throw new ProcessingError(
      'BAD_ARGUMENT',
      `--${place.kind}: expected ${expected[place.kind]}, found ${place.x},${place.y}: it lies outside the product.`,
    )
  }
  const [[lon, lat] = [NaN, NaN]] = toLonLat(epsg, [[x, y]])
  return { x, y, lon, lat, column, row }
}

function mapPoint(grid: Grid, { kind, x, y }: Place): Point {
  if (kind === 'at') return [x, y]
  if (kind === 'lonlat') return fromLonLat(grid.epsg, [[x, y]])[0] ?? [NaN, NaN]
  return [grid.ulx + (x + 0.5) * grid.pixelWidthM, grid.uly - (y + 0.5) * grid.pixelHeightM]
}

interface OpenFile {
  readonly reader: RasterReader
  readonly grid: Grid
}

/** One file of a product with its place on the ground. The caller closes the reader. */
export async function openOnGrid(product: L2aProduct, file: string): Promise<OpenFile> {
  const reader = await openRaster(await product.path(file))
  const { grid, path, whyNoGrid } = reader
  if (grid !== null) return { reader, grid }
  reader.close()
  throw new ProcessingError(
    'RASTER_UNREADABLE',
    `'${path}' has no place on the ground: ${String(whyNoGrid)}.`,
  )
}

async function readAt({ reader, grid }: OpenFile, x: number, y: number): Promise<number> {
  // A place on the last edge of a grid whose pixels are larger still belongs to its last pixel.
  const inside = (index: number, size: number) => Math.min(Math.max(Math.floor(index), 0), size - 1)
  const out = new Float64Array(1)
  const window = {
    x: inside((x - grid.ulx) / grid.pixelWidthM, grid.width),
    y: inside((grid.uly - y) / grid.pixelHeightM, grid.height),
    ...{ width: 1, height: 1 },
  }
  await reader.read(0, window, out)
  return out[0] ?? NaN
}

import type { Grid } from '../../domain/grid.js'
import type { Codec } from '../../domain/codec.js'
import type { L2aProduct } from '../../products/l2a/open-l2a.js'
import { bandFile, PRODUCT_FILES, type LayerKind, type ReflectanceKind } from '../../products/layout.js'
import { NOMINAL_PIXEL_M, type S2Band } from '../../domain/sentinel2.js'
import { coarser, type ExportFacts } from '../../products/layouts/export-facts.js'
import { openAll } from '../../raster/open-all.js'
import type { KernelPool } from '../kernel-pool.js'
import { openLayer, type LayerReader } from './read-onto.js'

/** No-data of our reflectances and layers of the atmosphere. */
const NO_DATA = -32768

/** What the writer of a layout works with. */
export interface ExportWork<F = ExportFacts> {
  readonly product: L2aProduct
  readonly facts: F
  /** Kinds of reflectance that the product has of all its bands. */
  readonly kinds: readonly ReflectanceKind[]
  /** Bands that it has of these kinds, in the order of their names. */
  readonly bands: readonly string[]
  /** Existing empty folder; the writer makes the product's folder in it. */
  readonly into: string
  /** Refuses the name of the product's folder where it is taken; to be called before any pixel is read. */
  readonly accept: (name: string) => Promise<void>
  readonly pool: KernelPool
  readonly codec: Codec
  readonly signal: AbortSignal
  readonly onProgress: (fraction: number, note: string) => void
}

/** A product in another layout: the name of its folder, and what the layout cannot say of it. */
export interface Exported {
  readonly name: string
  readonly folder: string
  readonly notes: readonly string[]
}

export const openBand = async (
  { product }: Pick<ExportWork, 'product'>,
  band: string,
  kind: LayerKind,
): Promise<LayerReader> => openLayer(await product.path(bandFile(band, kind)), NO_DATA)
export const openAot = async ({ product }: Pick<ExportWork, 'product'>): Promise<LayerReader> =>
  openLayer(await product.path(PRODUCT_FILES.aot), NO_DATA)
export const openWv = async ({ product }: ExportWork): Promise<LayerReader> =>
  openLayer(await product.path(PRODUCT_FILES.wv), NO_DATA)
export const openMask = async ({ product }: Pick<ExportWork, 'product'>): Promise<LayerReader> =>
  openLayer(await product.path(PRODUCT_FILES.mask), null)

/** Opens layers, works with them, and closes them however that ends. */
export async function withLayers<R>(
  open: readonly (() => Promise<LayerReader>)[],
  work: (layers: readonly LayerReader[]) => Promise<R>,
): Promise<R> {
  const layers = await openAll<readonly LayerReader[]>(open)
  try {
    return await work(layers)
  } finally {
    for (const layer of layers) layer.close()
  }
}

/** The same with one. */
export async function withLayer<R>(
  open: () => Promise<LayerReader>,
  work: (layer: LayerReader) => Promise<R>,
): Promise<R> {
  const layer = await open()
  try {
    return await work(layer)
  } finally {
    layer.close()
  }
}

/** Rounds and clips values to what a layout stores, its no-data where they are NaN. */
export function toStored<T extends Int16Array | Uint16Array | Uint8Array>(
  values: Float32Array,
  out: T,
  {
    scale,
    offset,
    least,
    greatest,
    noData,
  }: {
    readonly scale: number
    readonly offset: number
    readonly least: number
    readonly greatest: number
    readonly noData: number
  },
): T {
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? NaN
    out[i] = Number.isNaN(value)
      ? noData
      : Math.max(least, Math.min(greatest, Math.round(value * scale + offset)))
  }
  return out
}

/**
 * Grids by nominal pixel size: those of the product's own bands of that size, and where it has none, as many of the finest pixels, which are those of its mask.
 */
export async function gridsOf(
  work: Pick<ExportWork, 'product' | 'bands' | 'kinds'>,
): Promise<Readonly<Record<10 | 20 | 60, Grid>>> {
  const gridOf = (open: () => Promise<LayerReader>) => withLayer(open, (layer) => Promise.resolve(layer.grid))
  const finest = await gridOf(() => openMask(work))
  const own = async (size: 20 | 60): Promise<Grid> => {
    const band = work.bands.find((one) => NOMINAL_PIXEL_M[one as S2Band] === size)
    return band === undefined
      ? coarser(finest, size / 10)
      : gridOf(() => openBand(work, band, work.kinds[0] ?? 'sre'))
  }
  return { 10: finest, 20: await own(20), 60: await own(60) }
}

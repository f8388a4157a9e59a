import type { Grid, Window } from '../../domain/grid.js'
import { SCENE_FLAGS, type PixelBytes } from '../../domain/l1-scene.js'
import type { LandsatProduct } from '../../domain/landsat.js'
import { openAll } from '../../raster/open-all.js'
import { openRaster, type RasterReader } from '../../raster/open-raster.js'

const bit = (value: number, index: number): boolean => (value & (1 << index)) !== 0
const twoBits = (value: number, index: number): number => (value >> index) & 3
/** Confidence 3: high. The flags of collection 2 mean the same level. */
const HIGH = 3

/**
 * Flags of one QA_PIXEL value of Landsat 8 and 9, collection 2. Bits: 0 fill, 1 dilated cloud, 2 cirrus, 3 cloud, 4 cloud shadow, 5 snow, 6 clear,
 * 7 water, from 8 on confidences by pairs, of which the single bits are the high ones. Source: LSDS-1619, Landsat 8-9 Collection 2 Level 1 guide, 2.4.
 */
export function flagsOfQaPixel(value: number): number {
  return (
    (bit(value, 0) ? SCENE_FLAGS.noData : 0) |
    (bit(value, 1) ? SCENE_FLAGS.nearCloud : 0) |
    (bit(value, 2) ? SCENE_FLAGS.cirrus : 0) |
    (bit(value, 3) ? SCENE_FLAGS.opaque : 0) |
    (bit(value, 4) ? SCENE_FLAGS.shadow : 0) |
    (bit(value, 5) ? SCENE_FLAGS.snow : 0) |
    (bit(value, 7) ? SCENE_FLAGS.water : 0)
  )
}

/**
 * Flags of one BQA value of collection 1. Bits: 0 fill, 1 terrain occlusion, 2-3 saturation (by number of bands, not by band: not used), 4 cloud,
 * 5-6 confidence of cloud, 7-8 of shadow, 9-10 of snow or ice, 11-12 of cirrus. Water and margins of clouds are not in it.
 * Source: LSDS-1873, Landsat 8 Collection 1 Level 1 quality band.
 */
export function flagsOfBqa(value: number): number {
  return (
    (bit(value, 0) ? SCENE_FLAGS.noData : 0) |
    (bit(value, 4) ? SCENE_FLAGS.opaque : 0) |
    (twoBits(value, 7) === HIGH ? SCENE_FLAGS.shadow : 0) |
    (twoBits(value, 9) === HIGH ? SCENE_FLAGS.snow : 0) |
    (twoBits(value, 11) === HIGH ? SCENE_FLAGS.cirrus : 0)
  )
}

/** QA_RADSAT of collection 2: bit n - 1 is set where band n is saturated. Blue, green and red are bands 2, 3, 4. */
const RADSAT_VISIBLE = 0b1110

const tables: Record<1 | 2, Uint8Array | null> = { 1: null, 2: null }
/** Flags by value, made once. */
function flagTable(collection: 1 | 2): Uint8Array {
  const of = collection === 1 ? flagsOfBqa : flagsOfQaPixel
  return (tables[collection] ??= Uint8Array.from({ length: 65536 }, (_, value) => of(value)))
}

/**
 * Opens the quality bands of a product as SCENE_FLAGS, on the product's own grid, which `grid` must be. Null where the folder has none.
 * Fill of the quality band is no-data; a band's own zeros say theirs. Throws RASTER_UNREADABLE.
 */
export async function openQualityFlags(product: LandsatProduct, grid: Grid): Promise<PixelBytes | null> {
  const { pixelQuality, saturation, collection } = product
  if (pixelQuality === null && saturation === null) return null
  if (grid.width !== product.grid.width || grid.height !== product.grid.height)
    throw new Error('quality is asked for on another grid than the bands have')
  const open = (path: string | null) => (path === null ? Promise.resolve(null) : openRaster(path))
  const [quality, radsat] = await openAll<[RasterReader | null, RasterReader | null]>([
    () => open(pixelQuality),
    () => open(saturation),
  ])
  const table = flagTable(collection)
  const read = async (reader: RasterReader | null, window: Window): Promise<Uint16Array | null> => {
    if (reader === null) return null
    const values = new Uint16Array(window.width * window.height)
    await reader.read(0, window, values)
    return values
  }
  return {
    async read(window, out) {
      const values = await read(quality, window)
      const saturated = await read(radsat, window)
      const length = window.width * window.height
      for (let i = 0; i < length; i++)
        out[i] =
          (values === null ? 0 : (table[values[i] ?? 0] ?? 0)) |
          (saturated !== null && ((saturated[i] ?? 0) & RADSAT_VISIBLE) !== 0
            ? SCENE_FLAGS.saturatedVisible
            : 0)
    },
    close: () => {
      quality?.close()
      radsat?.close()
    },
  }
}

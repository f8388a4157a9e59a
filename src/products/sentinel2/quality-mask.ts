import { basename } from 'node:path'
import type { Grid, Window } from '../../domain/grid.js'
import { SCENE_FLAGS } from '../../domain/l1-scene.js'
import { L1C_QUALITY, type L1cBand, type L1cProduct, type MaskSource } from '../../domain/sentinel2.js'
import { openAll } from '../../raster/open-all.js'
import { openMaskRaster } from '../../raster/open-mask-raster.js'
import { columnFrom, spansAt, yRangeOf, type Polygon } from './polygon-spans.js'
import { readGmlMask } from './read-gml-mask.js'
import { readNearest } from './read-nearest.js'

/** Bits of a window, one byte a pixel, row-major. `notes` names what the masks hold beside the known features. */
export interface BitMask {
  readonly notes: readonly string[]
  /** Known to have no bit anywhere: there is nothing to be read. */
  readonly isBlank: boolean
  read(window: Window, out: Uint8Array): Promise<void>
  close(): void
}

/**
 * Planes of MSK_QUALIT in file order: ancillary lost, ancillary degraded, MSI lost, MSI degraded, defective, no data, partially
 * corrected for cross-talk, saturated. Degraded and partially corrected pixels are usable and get no bit; degraded ones are rare.
 * Source: Products Specification Document 14.9 as read by ESA's own tools (SNAP MaskInfo148: ANC_LOST, ANC_DEG, MSI_LOST, MSI_DEG,
 * QT_DEFECTIVE_PIXELS, QT_NODATA_PIXELS, QT_PARTIALLY_CORRECTED_PIXELS, QT_SATURATED_PIXELS; EOPF technical quality mask, bits 0-7).
 */
const QUALIT_PLANES = [
  L1C_QUALITY.lost,
  0,
  L1C_QUALITY.lost,
  0,
  L1C_QUALITY.defective,
  L1C_QUALITY.noData,
  0,
  L1C_QUALITY.saturated,
] as const
/** Planes of MSK_CLASSI: opaque clouds, cirrus, snow or ice. Source: as above. */
const CLASSI_PLANES = [SCENE_FLAGS.opaque, SCENE_FLAGS.cirrus, SCENE_FLAGS.snow] as const

/** `maskType` of GML features. 0: known, but no reason to distrust a pixel. Source: SNAP MaskInfo (baselines before 04.00). */
const QUALITY_FEATURES: Readonly<Record<string, number>> = {
  QT_NODATA_PIXELS: L1C_QUALITY.noData,
  QT_PARTIALLY_CORRECTED_PIXELS: 0,
  QT_SATURATED_PIXELS_L1A: L1C_QUALITY.saturated,
  QT_SATURATED_PIXELS_L1B: L1C_QUALITY.saturated,
  QT_DEFECTIVE_PIXELS: L1C_QUALITY.defective,
  ANC_LOST: L1C_QUALITY.lost,
  ANC_DEG: 0,
  MSI_LOST: L1C_QUALITY.lost,
  MSI_DEG: 0,
}
const CLOUD_FEATURES: Readonly<Record<string, number>> = {
  OPAQUE: SCENE_FLAGS.opaque,
  CIRRUS: SCENE_FLAGS.cirrus,
}

/**
 * Opens the quality of a band on the band's own grid: bits of `L1C_QUALITY`, 0 where nothing is flagged, also where the product has
 * no such mask. The image's own numbers (DN 0, 65535) are not looked at: ESA's masks leave pixels outside the swath unflagged.
 * Throws METADATA_INVALID, RASTER_UNREADABLE.
 */
export async function openQualityMask(band: L1cBand): Promise<BitMask> {
  return joinMasks(
    await openAll<BitMask[]>(
      band.quality.map((source) => () => openSource(source, band.grid, QUALITY_FEATURES, QUALIT_PLANES)),
    ),
  )
}

/** Opens the product's cloud mask on any grid of its CRS: bits of `SCENE_FLAGS`, nearest mask pixel. Null where the product has none. */
export async function openCloudMask(product: L1cProduct, grid: Grid): Promise<BitMask | null> {
  return product.clouds === null ? null : openSource(product.clouds, grid, CLOUD_FEATURES, CLASSI_PLANES)
}

async function openSource(
  source: MaskSource,
  grid: Grid,
  features: Readonly<Record<string, number>>,
  planes: readonly number[],
): Promise<BitMask> {
  if (source.kind === 'gml') return openGml(source.path, grid, features)
  const mask = await openMaskRaster(source.path)
  const notes =
    mask.bandCount === planes.length
      ? []
      : [
          `${basename(source.path)} has ${mask.bandCount} planes, expected ${planes.length}; planes beyond are not used.`,
        ]
  // A single plane is read as its value, which is the same once "not zero" is asked.
  const table = Uint8Array.from({ length: 256 }, (_, value) =>
    mask.bandCount === 1
      ? value === 0
        ? 0
        : (planes[0] ?? 0)
      : planes.reduce((bits, bit, plane) => (value & (1 << plane) ? bits | bit : bits), 0),
  )
  return {
    notes,
    isBlank: false,
    async read(window, out) {
      await readNearest(mask, grid, window, out)
      const length = window.width * window.height
      for (let i = 0; i < length; i++) out[i] = table[out[i] ?? 0] ?? 0
    },
    close: () => {
      mask.close()
    },
  }
}

async function openGml(
  path: string,
  grid: Grid,
  features: Readonly<Record<string, number>>,
): Promise<BitMask> {
  const unknown = new Set<string>()
  const shapes: { bit: number; polygon: Polygon; low: number; high: number }[] = []
  for (const { type, polygon } of await readGmlMask(path)) {
    const bit = features[type]
    if (bit === undefined) unknown.add(type)
    if (bit === undefined || bit === 0) continue
    const [low, high] = yRangeOf(polygon)
    shapes.push({ bit, polygon, low, high })
  }
  return {
    notes:
      unknown.size === 0
        ? []
        : [`${basename(path)} has features of unknown type, which are not used: ${[...unknown].join(', ')}.`],
    isBlank: shapes.length === 0,
    read(window, out) {
      out.fill(0, 0, window.width * window.height)
      for (let j = 0; j < window.height; j++) {
        const y = grid.uly - (window.y + j + 0.5) * grid.pixelHeightM
        for (const { bit, polygon, low, high } of shapes) {
          if (y < low || y > high) continue
          for (const [from, to] of spansAt(polygon, y)) {
            const column = (x: number) =>
              Math.min(
                window.width,
                Math.max(0, columnFrom(x, grid.ulx, grid.pixelWidthM, grid.width) - window.x),
              )
            const end = j * window.width + column(to)
            for (let i = j * window.width + column(from); i < end; i++) out[i] = (out[i] ?? 0) | bit
          }
        }
      }
      return Promise.resolve()
    },
    close: () => undefined,
  }
}

function joinMasks(masks: readonly BitMask[]): BitMask {
  const drawn = masks.filter(({ isBlank }) => !isBlank)
  return {
    notes: masks.flatMap(({ notes }) => notes),
    isBlank: drawn.length === 0,
    async read(window, out) {
      const length = window.width * window.height
      const [first, ...others] = drawn
      if (first === undefined) {
        out.fill(0, 0, length)
        return
      }
      await first.read(window, out)
      const more = new Uint8Array(others.length === 0 ? 0 : length)
      for (const mask of others) {
        await mask.read(window, more)
        for (let i = 0; i < length; i++) out[i] = (out[i] ?? 0) | (more[i] ?? 0)
      }
    },
    close: () => {
      for (const mask of masks) mask.close()
    },
  }
}

import type { Grid } from '../../domain/grid.js'
import type { Direction } from '../../domain/mean-direction.js'
import type { L1Platform } from '../../domain/l1-scene.js'
import type { S2Platform } from '../../domain/sentinel2.js'
import type { ProductAngles } from '../l2a/angles.js'

/** Other people's layouts that our L2A can be written in. */
export const LAYOUTS = ['theia', 'sen2cor', 'hls'] as const
export type Layout = (typeof LAYOUTS)[number]

/** What the metadata of another layout say of one of our L2A products: of Sentinel-2, or for HLS also of Landsat on a tile of Sentinel-2. */
export interface ExportFacts<P extends L1Platform = S2Platform> {
  /** Our name of it. */
  readonly name: string
  readonly platform: P
  /** Without the T that ESA puts before it. */
  readonly tile: string
  /** ISO 8601 UTC: start of the datatake, to the second; when this ground was seen; when the product was made. */
  readonly datatakeStart: string
  readonly sensedAt: string
  readonly createdAt: string
  readonly relativeOrbit: number
  /** Null where the product does not say it. */
  readonly absoluteOrbit: number | null
  readonly orbitDirection: 'ASCENDING' | 'DESCENDING'
  readonly processorVersion: string
  readonly software: string
  readonly sun: Direction
  /** Null where the product does not say it. */
  readonly view: Direction | null
  readonly angles: ProductAngles | null
  /** 0..100 of the valid pixels; null where not known. */
  readonly cloudPercent: number | null
  /** Grids by the nominal size of their pixels, m; decimated products may have the same for all. */
  readonly grids: Readonly<Record<10 | 20 | 60, Grid>>
  /** That of 10 m, and its corners as [lon, lat], from the upper left clockwise. */
  readonly finest: Grid
  readonly corners: readonly (readonly [number, number])[]
}

/** `20250510T105621` of an ISO 8601 time. */
export const compactTime = (iso: string): string =>
  new Date(iso).toISOString().slice(0, 19).replace(/[-:]/g, '')

/** A grid over the same ground whose pixels are `factor` times as large; the last row and column may reach beyond it. */
export function coarser(grid: Grid, factor: number): Grid {
  return {
    ...grid,
    pixelWidthM: grid.pixelWidthM * factor,
    pixelHeightM: grid.pixelHeightM * factor,
    width: Math.ceil(grid.width / factor),
    height: Math.ceil(grid.height / factor),
  }
}

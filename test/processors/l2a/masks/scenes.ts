import type { Grid } from '../../../../src/domain/grid.js'
import { MASK_BITS } from '../../../../src/domain/mask-bits.js'
import type { MaskInput } from '../../../../src/processors/l2a/masks/decide-masks.js'
import { MASK_BANDS, type MaskBand, type MaskCells } from '../../../../src/processors/l2a/masks/mask-cells.js'
import type { Offsets } from '../../../../src/processors/l2a/masks/sky-paths.js'

/** Reflectance at the sensor by band, in the order of MASK_BANDS. */
export type Spectrum = readonly [number, number, number, number, number, number]

export const CROPS: Spectrum = [0.115, 0.115, 0.085, 0.4, 0.25, 0.13]
export const CLOUD: Spectrum = [0.5, 0.5, 0.52, 0.6, 0.45, 0.35]
export const SNOW: Spectrum = [0.85, 0.83, 0.82, 0.75, 0.08, 0.05]
export const WATER: Spectrum = [0.1, 0.075, 0.045, 0.03, 0.012, 0.008]
export const SHADED: Spectrum = [0.09, 0.07, 0.045, 0.13, 0.07, 0.035]

export const gridOf = (width: number, height = width, cellM = 60): Grid => ({
  ...{ epsg: 32631, ulx: 300_000, uly: 4_900_020, width, height },
  ...{ pixelWidthM: cellM, pixelHeightM: cellM },
})

/** A scene whose cells are given by column and row; null is no data. */
export function sceneOf(grid: Grid, at: (x: number, y: number) => Spectrum | null): MaskCells {
  const size = grid.width * grid.height
  const spectra = Array.from({ length: size }, (_, i) => at(i % grid.width, Math.floor(i / grid.width)))
  const plane = (k: number) => Float32Array.from(spectra, (spectrum) => spectrum?.[k] ?? NaN)
  return {
    grid,
    bands: Object.fromEntries(MASK_BANDS.map((band, k) => [band, plane(k)])) as Record<
      MaskBand,
      Float32Array
    >,
    isSaturated: new Uint8Array(size),
  }
}

export const everywhere = (grid: Grid, zenithDeg: number, azimuthDeg: number): Offsets => {
  const [far, turn] = [Math.tan((zenithDeg * Math.PI) / 180), (azimuthDeg * Math.PI) / 180]
  const size = grid.width * grid.height
  return {
    east: new Float32Array(size).fill(far * Math.sin(turn)),
    north: new Float32Array(size).fill(far * Math.cos(turn)),
  }
}

/** Only the scene: sun 35 degrees from the zenith in the south-east, sensor above. */
export const inputOf = (cells: MaskCells, more: Partial<MaskInput> = {}): MaskInput => ({
  cells,
  sky: { sun: everywhere(cells.grid, 35, 150), view: everywhere(cells.grid, 0, 0) },
  ...{ altitudeM: null, chain: null, cirrus: null, givenCloud: null, dilationM: 120 },
  ...more,
})

export const has = (mask: number, name: keyof typeof MASK_BITS): boolean =>
  (mask & (1 << MASK_BITS[name])) !== 0
export const countOf = (bits: Uint16Array, name: keyof typeof MASK_BITS): number =>
  bits.reduce((n, mask) => n + (has(mask, name) ? 1 : 0), 0)

import type { Grid } from '../../../domain/grid.js'

/**
 * Edge of the cells on which masks are decided, m, where pixels allow it: against reference masks 60 m are nearly as good as 30 m, 120 and 240 m are clearly worse
 * (docs/decisions/0019-masks-on-60-m.md).
 */
export const MASK_CELL_M = 60

/** The bands that the tests of one date look at, by what they see. */
export const MASK_BANDS = ['blue', 'green', 'red', 'nir', 'swir16', 'swir22'] as const
export type MaskBand = (typeof MASK_BANDS)[number]

/** What was measured on the cells of masks, row-major. */
export interface MaskCells {
  readonly grid: Grid
  /** Mean reflectance at the sensor, unit 1, divided by the cosine of the sun's zenith. NaN where less than half of a cell was measured. */
  readonly bands: Readonly<Record<MaskBand, Float32Array>>
  /** 1 where blue, green or red is saturated on half of the cell or more. */
  readonly isSaturated: Uint8Array
}

/** 1 where all bands of the tests of one date have a value. */
export function validCells({ bands }: MaskCells): Uint8Array {
  const isValid = new Uint8Array(bands.blue.length).fill(1)
  for (const name of MASK_BANDS) {
    const band = bands[name]
    for (let i = 0; i < band.length; i++) if (Number.isNaN(band[i]!)) isValid[i] = 0
  }
  return isValid
}

import type { L1cBand } from '../../domain/sentinel2.js'

/** Digital numbers with a meaning of their own (Special_Values of the product metadata). */
export const L1C_DN = { noData: 0, saturated: 65535 } as const

/**
 * Top-of-atmosphere reflectance of one digital number: (DN + offset) / quantification, unit 1; NaN for no-data (DN 0, tested before
 * the offset is added). Already divided by the cosine of the sun's zenith and corrected for the Earth-Sun distance by ESA: never do
 * that again. Dark pixels may be negative and stay so. Saturated pixels (65535) give their number, a lower bound: test them apart.
 * Source: reference/atmospheric-correction.md 1.1; Sentinel-2 Products Specification Document, L1C image data.
 */
export function toaReflectance(dn: number, band: Pick<L1cBand, 'offset' | 'quantification'>): number {
  return dn === L1C_DN.noData ? NaN : (dn + band.offset) / band.quantification
}

import { medianOf } from './accuracy-measures.js'
import { GROUNDS, type SurfaceComparison } from './surface-reference.js'

/** Of the path as the sensor sees it, reflectance. */
export const PATH_LIMIT = 0.0012

/** Largest |median deviation| over a ground, reflectance; null where no goal is set: between 0.05 and 0.40. */
export function limitAt(band: string, rho: number): number | null {
  if (rho <= 0.05) return band === 'B11' ? 0.004 : 0.002
  if (rho < 0.4) return null
  const share = band === 'B01' || band === 'B06' ? 0.035 : band === 'B11' || band === 'B12' ? 0.055 : 0.02
  return share * rho
}

/** What of a band misses its goal: `path`, or the ground. */
export function failuresOf({ band, path, deviations }: SurfaceComparison): string[] {
  const missed = GROUNDS.filter((rho, i) => {
    const limit = limitAt(band, rho)
    return limit !== null && !(Math.abs(medianOf(deviations[i] ?? [])) <= limit)
  }).map((rho) => rho.toFixed(2))
  return Math.abs(medianOf(path)) <= PATH_LIMIT ? missed : ['path', ...missed]
}

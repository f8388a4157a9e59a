/** Share of the light at 1.37 um that reaches the ground and comes back, above which the ground shines through and nothing can be said. */
const LARGEST_GROUND_SHARE = 0.02
/** Reflectance over ground at sea level from which it is cirrus, and how it rises with altitude (m) above which less vapour hides the ground. */
const AT_SEA_LEVEL = { s2: 0.007, landsat: 0.01 } as const
const BY_SQUARE_M = 0.000012 / 2000

/**
 * Cirrus by the band at 1.37 um (B10, OLI B9), where vapour hides the ground: reflectance above 0.007 + 0.000012 z^2 / 2000 (Landsat 0.010 + ...). The form is MAJA's (ATBD 2017,
 * doi:10.5281/zenodo.1209633; the text leaves the division out, which its code has).
 * @param reflectance at the sensor; NaN where not measured: no cirrus there.
 * @param altitudeM   m above the geoid, NaN as sea level; null: sea level.
 * @param groundShare two-way transmittance of the band down to the ground by altitude; where it is above 0.02 the air is too dry for the test, and the answer is no.
 */
export function cirrusCells(
  reflectance: Float32Array,
  altitudeM: Float32Array | null,
  satellite: 's2' | 'landsat',
  groundShare: (altitudeM: number, cell: number) => number,
): Uint8Array {
  const isCirrus = new Uint8Array(reflectance.length)
  for (let i = 0; i < isCirrus.length; i++) {
    const z = altitudeM === null ? 0 : altitudeM[i]! || 0
    if (!(reflectance[i]! > AT_SEA_LEVEL[satellite] + BY_SQUARE_M * z * z)) continue
    if (groundShare(z, i) <= LARGEST_GROUND_SHARE) isCirrus[i] = 1
  }
  return isCirrus
}

import type { Offsets } from './sky-paths.js'

/** Angle between the line of sight and the mirrored sun, degrees, within which waves send the sun to the sensor. */
export const GLINT_WITHIN_DEG = 30

/** 1 where water is seen within 30 degrees of the mirrored sun (MAJA's flag, ATBD 2017); elsewhere, and where directions are unknown, 0. */
export function glintCells(water: Uint8Array, sun: Offsets, view: Offsets): Uint8Array {
  const limit = Math.cos((GLINT_WITHIN_DEG * Math.PI) / 180)
  return water.map((isWater, i) => {
    if (isWater === 0) return 0
    const [se, sn, ve, vn] = [sun.east[i]!, sun.north[i]!, view.east[i]!, view.north[i]!]
    const cosine = (1 - se * ve - sn * vn) / Math.sqrt((1 + se * se + sn * sn) * (1 + ve * ve + vn * vn))
    return cosine > limit ? 1 : 0
  })
}

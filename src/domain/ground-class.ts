import { MASK_BITS } from './mask-bits.js'

/**
 * What a pixel of a date is good for, ascending by how much: a product of several dates takes the highest class that a pixel ever has.
 * The numbers are those of Sen2Agri's L3A masks.
 */
export const GROUND_CLASSES = { none: 0, cloud: 1, snow: 2, water: 3, land: 4 } as const
export type GroundClass = keyof typeof GROUND_CLASSES

const bits = (...names: readonly (keyof typeof MASK_BITS)[]): number =>
  names.reduce((sum, name) => sum | (1 << MASK_BITS[name]), 0)

/** Cloud, shadow of one, cirrus or topographic shadow: the reflectance is not that of the ground. */
const COVERED = bits(
  'cloudOrShadow',
  'cloud',
  'shadowInside',
  'shadowOutside',
  'thin',
  'cirrus',
  'topographicShadow',
)
const SNOW = bits('snow')
/** After snow, which saturates by itself and is snow all the same. */
const SATURATED = bits('saturatedVisible')
const WATER = bits('water')
const NO_DATA = bits('noData')

/**
 * The class of one value of MASK.tif. First match counts: no-data in some band, covered, snow, saturated in a visible band (counts as
 * cloud), water, land. Cloud goes before snow because masks of snow also fire on clouds, seldom the other way round.
 */
export function groundClass(mask: number): number {
  if ((mask & NO_DATA) !== 0) return GROUND_CLASSES.none
  if ((mask & COVERED) !== 0) return GROUND_CLASSES.cloud
  if ((mask & SNOW) !== 0) return GROUND_CLASSES.snow
  if ((mask & SATURATED) !== 0) return GROUND_CLASSES.cloud
  return (mask & WATER) !== 0 ? GROUND_CLASSES.water : GROUND_CLASSES.land
}

/** [65536]: `groundClass` of each value. */
export const groundClassTable = (): Uint8Array =>
  Uint8Array.from({ length: 65_536 }, (_, mask) => groundClass(mask))

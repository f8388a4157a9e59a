import { MASK_BITS } from '../../domain/mask-bits.js'
import { SCENE_FLAGS, type AngleGrid } from '../../domain/l1-scene.js'
import { L1C_QUALITY, type S2Band } from '../../domain/sentinel2.js'

/** What is known of a pixel. */
export interface PixelFacts {
  /** Some delivered band has no value here: outside the swath, lost, defective, or without a detector. */
  readonly noData: boolean
  /** B02, B03 or B04 is saturated. */
  readonly saturatedVisible: boolean
  /** From the product's own mask. */
  readonly opaqueCloud: boolean
  readonly cirrus: boolean
  readonly snow: boolean
  /** Shadow of a cloud, the margin around clouds, water: from the product's own mask, where it knows them (Landsat). */
  readonly shadow: boolean
  readonly nearCloud: boolean
  readonly water: boolean
  /** A mask that the user gave says cloud. */
  readonly givenCloud: boolean
  /** Sun zenith beyond LOW_SUN_ZENITH_DEG, or the sun grazes sloping ground. */
  readonly lowSun: boolean
  /** Other ground stands before the sun. */
  readonly hidden: boolean
  /** AOT or water vapour is not of the image around: imposed by a parameter, of a forecast, or a default value. */
  readonly defaultAtmosphere: boolean
}

/** Sun zenith beyond which a result is flagged, degrees: the errors of `docs/accuracy.md` are known up to 60. */
export const LOW_SUN_ZENITH_DEG = 70

const VISIBLE: ReadonlySet<S2Band> = new Set(['B02', 'B03', 'B04'])
const bit = (name: keyof typeof MASK_BITS): number => 1 << MASK_BITS[name]

/**
 * Value of MASK.tif for one pixel (uint16). The product's opaque clouds set `cloud` and `cloudOrShadow`, its shadows `shadowInside` and
 * `cloudOrShadow`, its margin around clouds `cloudOrShadow` alone: bit 0 is what a cautious user masks. Its cirrus sets `cirrus`
 * only, because that test also fires on bright ground under dry air, and who masks by bit 0 should not lose it. A mask that the user gave sets `cloud` and
 * `cloudOrShadow`. What our own tests say comes as bits already (`decideMasks`).
 */
export function maskBits(facts: PixelFacts): number {
  return (
    (facts.opaqueCloud || facts.givenCloud ? bit('cloud') | bit('cloudOrShadow') : 0) |
    (facts.shadow ? bit('shadowInside') | bit('cloudOrShadow') : 0) |
    (facts.nearCloud ? bit('cloudOrShadow') : 0) |
    (facts.cirrus ? bit('cirrus') : 0) |
    (facts.snow ? bit('snow') : 0) |
    (facts.water ? bit('water') : 0) |
    (facts.lowSun ? bit('lowSun') : 0) |
    (facts.hidden ? bit('topographicShadow') : 0) |
    (facts.saturatedVisible ? bit('saturatedVisible') : 0) |
    (facts.defaultAtmosphere ? bit('defaultAtmosphere') : 0) |
    (facts.noData ? bit('noData') : 0)
  )
}

/** Nothing known against a pixel. */
export const NO_FACTS: PixelFacts = {
  noData: false,
  saturatedVisible: false,
  opaqueCloud: false,
  cirrus: false,
  snow: false,
  shadow: false,
  nearCloud: false,
  water: false,
  givenCloud: false,
  lowSun: false,
  hidden: false,
  defaultAtmosphere: false,
}

/** What each byte of the scene's own mask (SCENE_FLAGS) adds to MASK.tif: [256]. */
export function maskOfSceneByte(): Uint16Array {
  return Uint16Array.from({ length: 256 }, (_, byte) =>
    maskBits({
      ...NO_FACTS,
      opaqueCloud: (byte & SCENE_FLAGS.opaque) !== 0,
      cirrus: (byte & SCENE_FLAGS.cirrus) !== 0,
      snow: (byte & SCENE_FLAGS.snow) !== 0,
      shadow: (byte & SCENE_FLAGS.shadow) !== 0,
      nearCloud: (byte & SCENE_FLAGS.nearCloud) !== 0,
      water: (byte & SCENE_FLAGS.water) !== 0,
      noData: (byte & SCENE_FLAGS.noData) !== 0,
      saturatedVisible: (byte & SCENE_FLAGS.saturatedVisible) !== 0,
    }),
  )
}

/** What each byte of one band's quality (L1C_QUALITY) adds to MASK.tif: [256]. Defective and lost pixels hold no measurement. */
export function maskOfQualityByte(band: S2Band): Uint16Array {
  const invalid = L1C_QUALITY.noData | L1C_QUALITY.defective | L1C_QUALITY.lost
  return Uint16Array.from({ length: 256 }, (_, byte) =>
    maskBits({
      ...NO_FACTS,
      noData: (byte & invalid) !== 0,
      saturatedVisible: VISIBLE.has(band) && (byte & L1C_QUALITY.saturated) !== 0,
    }),
  )
}

/** 1 at each node of the sun's grid where it stands beyond LOW_SUN_ZENITH_DEG, else 0; row-major [rows][cols]. */
export function lowSunNodes(sun: AngleGrid): Uint8Array {
  return Uint8Array.from(sun.zenith, (zenith) => (zenith > LOW_SUN_ZENITH_DEG ? 1 : 0))
}

/** Class numbers of Sen2Cor's scene classification. */
export const SCL = {
  noData: 0,
  saturatedOrDefective: 1,
  topographicShadow: 2,
  cloudShadow: 3,
  vegetation: 4,
  notVegetated: 5,
  water: 6,
  unclassified: 7,
  cloudMedium: 8,
  cloudHigh: 9,
  cirrus: 10,
  snow: 11,
} as const

/**
 * Scene class of a pixel from its mask. First match counts: no data; opaque cloud (also where it saturates a band: Sen2Cor's
 * class 1 would hide it); cloud shadow, also of clouds outside the image; snow; cirrus; thin rims and the margin around clouds (8, cloud of medium probability); saturated; shadow of terrain; water; else 7,
 * unclassified: clear land, whose colour tells more (`coverClass`).
 */
export function sceneClass(mask: number): number {
  const has = (name: keyof typeof MASK_BITS): boolean => (mask & bit(name)) !== 0
  if (has('noData')) return SCL.noData
  if (has('cloud')) return SCL.cloudHigh
  if (has('shadowInside') || has('shadowOutside')) return SCL.cloudShadow
  if (has('snow')) return SCL.snow
  if (has('cirrus')) return SCL.cirrus
  if (has('cloudOrShadow')) return SCL.cloudMedium
  if (has('saturatedVisible')) return SCL.saturatedOrDefective
  if (has('topographicShadow')) return SCL.topographicShadow
  if (has('water')) return SCL.water
  return SCL.unclassified
}

/** `sceneClass` of every mask value: [65536], so that a block is classified by look-up. */
export function sceneClassTable(): Uint8Array {
  return Uint8Array.from({ length: 65536 }, (_, mask) => sceneClass(mask))
}

/** Writes the classes of pixels to `out`: by `table` (`sceneClassTable`) from their mask, and of clear land what `cover` says (`coverClass`). All of one length. */
export function classify(
  mask: Uint16Array,
  cover: ArrayLike<number>,
  table: Uint8Array,
  out: Uint8Array,
): void {
  // By index: an iterator over the pixels of a tile costs seconds.
  for (let i = 0; i < out.length; i++) {
    const found = table[mask[i] ?? 0] ?? 0
    out[i] = found === SCL.unclassified ? (cover[i] ?? found) : found
  }
}

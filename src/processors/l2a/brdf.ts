const RADIAN = Math.PI / 180
/** Height of the crowns' centres over their half height, h/b; crowns are spheres (b/r = 1): Lucht et al. 2000. */
const CROWN_HEIGHT = 2

/** Weights of the isotropic, the volume and the geometric kernel, unit 1. Only their proportions matter here. */
export interface BrdfWeights {
  readonly iso: number
  readonly vol: number
  readonly geo: number
}

/** Sun and view as seen from the ground, degrees; azimuths clockwise from one and the same north. */
export interface Geometry {
  /** [0, 90). */
  readonly sunZenith: number
  /** [0, 90). */
  readonly viewZenith: number
  /** Azimuth of the view minus that of the sun; 0: both stand on the same side. */
  readonly azimuth: number
}

const BLUE = { iso: 0.0774, vol: 0.0372, geo: 0.0079 }
const GREEN = { iso: 0.1306, vol: 0.058, geo: 0.0178 }
const RED = { iso: 0.169, vol: 0.0574, geo: 0.0227 }
const NIR = { iso: 0.3093, vol: 0.1535, geo: 0.033 }
const SWIR16 = { iso: 0.343, vol: 0.1154, geo: 0.0453 }
const SWIR22 = { iso: 0.2658, vol: 0.0639, geo: 0.0387 }

/**
 * The one set of weights for all land: means over a year of MODIS, Roy et al. (2016), RSE 176, 255-271; between red and near infrared Roy et al. (2017), RSE 199, 25-38. B01 has
 * those of blue, as in HLS. Compared with table 4 of the HLS v2.0 user guide and `modis_brdf_coeff.h` of NASA-IMPACT/hls-sentinel, which agree.
 */
export const BRDF_WEIGHTS: Readonly<Record<'s2' | 'landsat', Readonly<Record<string, BrdfWeights>>>> = {
  s2: {
    ...{ B01: BLUE, B02: BLUE, B03: GREEN, B04: RED },
    B05: { iso: 0.2085, vol: 0.0845, geo: 0.0256 },
    B06: { iso: 0.2316, vol: 0.1003, geo: 0.0273 },
    B07: { iso: 0.2599, vol: 0.1197, geo: 0.0294 },
    ...{ B08: NIR, B8A: NIR, B11: SWIR16, B12: SWIR22 },
  },
  landsat: { B01: BLUE, B02: BLUE, B03: GREEN, B04: RED, B05: NIR, B06: SWIR16, B07: SWIR22 },
}

/** Cosine of the angle between the directions to the sun and to the sensor. */
function cosinePhase({ sunZenith, viewZenith, azimuth }: Geometry): number {
  const [s, v] = [sunZenith * RADIAN, viewZenith * RADIAN]
  const cosine = Math.cos(s) * Math.cos(v) + Math.sin(s) * Math.sin(v) * Math.cos(azimuth * RADIAN)
  // Rounding may carry it beyond 1 where both directions are the same.
  return Math.min(1, Math.max(-1, cosine))
}

/** Volume kernel: single scattering in a thick canopy of small leaves, 0 where sun and sensor are overhead. Source: Lucht et al. (2000), IEEE TGRS 38(2), 977-998, eq. 38. */
export function rossThick(geometry: Geometry): number {
  const cosine = cosinePhase(geometry)
  const phase = Math.acos(cosine)
  const sum = Math.cos(geometry.sunZenith * RADIAN) + Math.cos(geometry.viewZenith * RADIAN)
  return ((Math.PI / 2 - phase) * cosine + Math.sin(phase)) / sum - Math.PI / 4
}

/** Geometric kernel: crowns that cast shadows, in its reciprocal form, 0 where sun and sensor are overhead. Source: Lucht et al. (2000), eq. 39-44. */
export function liSparseR(geometry: Geometry): number {
  const [s, v] = [geometry.sunZenith * RADIAN, geometry.viewZenith * RADIAN]
  const [ts, tv] = [Math.tan(s), Math.tan(v)]
  const [secantS, secantV] = [1 / Math.cos(s), 1 / Math.cos(v)]
  const phi = geometry.azimuth * RADIAN
  const distance2 = Math.max(0, ts * ts + tv * tv - 2 * ts * tv * Math.cos(phi))
  const across = ts * tv * Math.sin(phi)
  const secants = secantS + secantV
  const cosine = Math.min(1, (CROWN_HEIGHT * Math.sqrt(distance2 + across * across)) / secants)
  const t = Math.acos(cosine)
  const overlap = ((t - Math.sin(t) * cosine) * secants) / Math.PI
  return overlap - secants + 0.5 * (1 + cosinePhase(geometry)) * secantS * secantV
}

/** Reflectance of the model, unit 1; above 0 for all weights of `BRDF_WEIGHTS` up to a sun zenith of 80 degrees and views within 20. */
export const modelReflectance = ({ iso, vol, geo }: BrdfWeights, geometry: Geometry): number =>
  iso + vol * rossThick(geometry) + geo * liSparseR(geometry)

/**
 * What reflectance is multiplied with to be that seen from above under another sun: the model there over the model as it was seen, 1 where both are the same. Source: Roy et al. (2016), eq. 5-6.
 * @param sunZenith under which it is wanted, degrees.
 */
export const nadirFactor = (weights: BrdfWeights, seen: Geometry, sunZenith: number): number =>
  modelReflectance(weights, { sunZenith, viewZenith: 0, azimuth: 0 }) / modelReflectance(weights, seen)

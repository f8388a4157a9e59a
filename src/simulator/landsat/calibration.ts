import type { LandsatPlatform, OliBand } from './oli.js'

/** DN = (reflectance x cosine of the sun's zenith angle - ADD) / MULT, as in every product of the collections. */
export const REFLECTANCE_MULT = 2e-5
export const REFLECTANCE_ADD = -0.1

/**
 * W/m2/sr/um of a reflectance of 1 under a sun in the zenith at 1 au: RADIANCE_MULT / REFLECTANCE_MULT x d^2 of real MTL files
 * (LC08_L1TP_092084_20201029 and LC09_L1TP_112081_20220209), four digits.
 */
export const RADIANCE_1AU: Readonly<Record<LandsatPlatform, Readonly<Record<OliBand, number>>>> = {
  L8: { B1: 627.8, B2: 642.9, B3: 592.4, B4: 499.5, B5: 305.7, B6: 76.02, B7: 25.62, B8: 565.3, B9: 119.5 },
  L9: { B1: 627, B2: 644, B3: 591.7, B4: 501.5, B5: 307.7, B6: 76.87, B7: 25.96, B8: 567.7, B9: 127.6 },
}

/** Of TIRS bands 10 and 11: radiance = mult x DN + 0.1; temperature = K2 / ln(K1 / radiance + 1). From the same MTL files. */
export const TIRS = {
  L8: {
    B10: { mult: 3.342e-4, k1: 774.8853, k2: 1321.0789 },
    B11: { mult: 3.342e-4, k1: 480.8883, k2: 1201.1442 },
  },
  L9: {
    B10: { mult: 3.8e-4, k1: 799.0284, k2: 1329.2405 },
    B11: { mult: 3.49e-4, k1: 475.6581, k2: 1198.3494 },
  },
} as const
export const TIRS_BANDS = ['B10', 'B11'] as const
export type TirsBand = (typeof TIRS_BANDS)[number]
export const TIRS_ADD = 0.1

/** Central wavelengths, um (Barsi et al. 2014, Remote Sens. 6, 10232-10251). */
export const CENTRAL_UM: Readonly<Record<OliBand, number>> = {
  B1: 0.443,
  B2: 0.4826,
  B3: 0.5613,
  B4: 0.6546,
  B5: 0.8646,
  B6: 1.6091,
  B7: 2.2012,
  B8: 0.5917,
  B9: 1.3734,
}

import { NO_REFLECTANCE } from './band-renderer.js'
import { GROUND } from './spectra.js'
import type { Unknowns } from './unknowns/unknowns.js'
import type { Weather } from './weather.js'

/** Parts of truth.json that all satellites share. `band` is the one whose line of sight the cloud truth follows. */
export function weatherTruth(
  weather: Weather,
  cloudPercent: number,
  band: string,
  unknowns: Unknowns | null = null,
) {
  const { air } = weather
  return {
    atmosphere: {
      aot550: air.aot,
      aot_reference:
        (unknowns?.aerosolScaleHeightM ?? null) === null
          ? 'column above the ground'
          : 'column above sea level',
      wv_g_cm2: air.wv,
      wv_reference: 'column at sea level',
      ozone_du: air.ozone * 1000,
      aerosol: unknowns?.aerosol ?? 'continental',
      variation: weather.airVariation,
      maps: 'AOT.tif and WV.tif, x 1000',
    },
    clouds: {
      asked_cover: weather.cloudCover,
      asked_cirrus: weather.cirrus,
      cloud_percent: cloudPercent,
      seen_by: band,
      decks: weather.decks.map(({ name, phase, baseM, topM }) => ({
        name,
        phase,
        base_m: baseM,
        top_m: topM,
      })),
    },
  }
}

export function surfaceTruth(unknowns: Unknowns | null = null) {
  return {
    reflectance: {
      scale: 10000,
      no_data: NO_REFLECTANCE,
      illumination:
        unknowns?.slopes === true
          ? 'as lit, clouds apart; <band>_level.tif: as if level'
          : 'flat: slopes do not change the light',
    },
    ...(unknowns === null ? {} : { unknowns }),
    classes: Object.fromEntries(GROUND.map((name, i) => [i, name])),
  }
}

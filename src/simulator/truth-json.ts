import { NO_REFLECTANCE } from './band-renderer.js'
import { GROUND } from './spectra.js'
import type { Weather } from './weather.js'

/** Parts of truth.json that all satellites share. `band` is the one whose line of sight the cloud truth follows. */
export function weatherTruth(weather: Weather, cloudPercent: number, band: string) {
  const { air } = weather
  return {
    atmosphere: {
      aot550: air.aot,
      aot_reference: 'column above the ground',
      wv_g_cm2: air.wv,
      wv_reference: 'column at sea level',
      ozone_du: air.ozone * 1000,
      aerosol: 'continental',
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

export function surfaceTruth() {
  return {
    reflectance: {
      scale: 10000,
      no_data: NO_REFLECTANCE,
      illumination: 'flat: slopes do not change the light',
    },
    classes: Object.fromEntries(GROUND.map((name, i) => [i, name])),
  }
}

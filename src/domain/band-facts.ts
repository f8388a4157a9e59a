import type { L1Platform } from './l1-scene.js'
import { LANDSAT_BAND_FACTS } from './landsat-band-facts.js'
import { SENTINEL2_BAND_FACTS } from './sentinel2-band-facts.js'

/** Spectral facts of one band, micrometres. */
export interface BandFacts {
  /** Common name of the STAC eo extension, version 2. */
  readonly commonName: string
  /** Centroid of the spectral response. */
  readonly centreUm: number
  /** Full width at half of the greatest response. */
  readonly fwhmUm: number
}

const FACTS: Readonly<Record<L1Platform, Readonly<Record<string, BandFacts>>>> = {
  ...SENTINEL2_BAND_FACTS,
  LC08: LANDSAT_BAND_FACTS.L8,
  LO08: LANDSAT_BAND_FACTS.L8,
  LC09: LANDSAT_BAND_FACTS.L9,
  LO09: LANDSAT_BAND_FACTS.L9,
}

/** Facts of a platform's band; undefined for a band that it does not have. */
export function bandFacts(platform: L1Platform, band: string): BandFacts | undefined {
  return FACTS[platform][band]
}

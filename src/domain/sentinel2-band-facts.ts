import type { S2Band, S2Platform } from './sentinel2.js'

/** Spectral facts of one band, micrometres. */
export interface BandFacts {
  /** Common name of the STAC eo extension, version 2. */
  readonly commonName: string
  /** Centroid of the spectral response. */
  readonly centreUm: number
  /** Full width at half of the greatest response. */
  readonly fwhmUm: number
}

/** Computed from ESA's Sentinel-2 spectral response functions 2024, COPE-GSEG-EOPG-TN-15-0007 v4.0, at 1 nm; 0.1 nm and 1 nm steps. */
export const SENTINEL2_BAND_FACTS: Readonly<Record<S2Platform, Readonly<Record<S2Band, BandFacts>>>> = {
  S2A: {
    B01: { commonName: 'coastal', centreUm: 0.4427, fwhmUm: 0.02 },
    B02: { commonName: 'blue', centreUm: 0.4927, fwhmUm: 0.064 },
    B03: { commonName: 'green', centreUm: 0.5598, fwhmUm: 0.035 },
    B04: { commonName: 'red', centreUm: 0.6646, fwhmUm: 0.031 },
    B05: { commonName: 'rededge071', centreUm: 0.7041, fwhmUm: 0.014 },
    B06: { commonName: 'rededge075', centreUm: 0.7405, fwhmUm: 0.014 },
    B07: { commonName: 'rededge078', centreUm: 0.7828, fwhmUm: 0.019 },
    B08: { commonName: 'nir', centreUm: 0.8328, fwhmUm: 0.105 },
    B8A: { commonName: 'nir08', centreUm: 0.8647, fwhmUm: 0.02 },
    B09: { commonName: 'nir09', centreUm: 0.9451, fwhmUm: 0.019 },
    B10: { commonName: 'cirrus', centreUm: 1.3735, fwhmUm: 0.029 },
    B11: { commonName: 'swir16', centreUm: 1.6137, fwhmUm: 0.09 },
    B12: { commonName: 'swir22', centreUm: 2.2024, fwhmUm: 0.174 },
  },
  S2B: {
    B01: { commonName: 'coastal', centreUm: 0.4422, fwhmUm: 0.02 },
    B02: { commonName: 'blue', centreUm: 0.4923, fwhmUm: 0.065 },
    B03: { commonName: 'green', centreUm: 0.5589, fwhmUm: 0.035 },
    B04: { commonName: 'red', centreUm: 0.6649, fwhmUm: 0.03 },
    B05: { commonName: 'rededge071', centreUm: 0.7038, fwhmUm: 0.014 },
    B06: { commonName: 'rededge075', centreUm: 0.7391, fwhmUm: 0.014 },
    B07: { commonName: 'rededge078', centreUm: 0.7797, fwhmUm: 0.02 },
    B08: { commonName: 'nir', centreUm: 0.8329, fwhmUm: 0.105 },
    B8A: { commonName: 'nir08', centreUm: 0.864, fwhmUm: 0.021 },
    B09: { commonName: 'nir09', centreUm: 0.9432, fwhmUm: 0.02 },
    B10: { commonName: 'cirrus', centreUm: 1.3769, fwhmUm: 0.03 },
    B11: { commonName: 'swir16', centreUm: 1.6104, fwhmUm: 0.094 },
    B12: { commonName: 'swir22', centreUm: 2.1857, fwhmUm: 0.183 },
  },
  S2C: {
    B01: { commonName: 'coastal', centreUm: 0.4442, fwhmUm: 0.02 },
    B02: { commonName: 'blue', centreUm: 0.489, fwhmUm: 0.065 },
    B03: { commonName: 'green', centreUm: 0.5606, fwhmUm: 0.035 },
    B04: { commonName: 'red', centreUm: 0.6665, fwhmUm: 0.03 },
    B05: { commonName: 'rededge071', centreUm: 0.7071, fwhmUm: 0.015 },
    B06: { commonName: 'rededge075', centreUm: 0.7411, fwhmUm: 0.015 },
    B07: { commonName: 'rededge078', centreUm: 0.7847, fwhmUm: 0.02 },
    B08: { commonName: 'nir', centreUm: 0.8346, fwhmUm: 0.096 },
    B8A: { commonName: 'nir08', centreUm: 0.8656, fwhmUm: 0.02 },
    B09: { commonName: 'nir09', centreUm: 0.9472, fwhmUm: 0.02 },
    B10: { commonName: 'cirrus', centreUm: 1.3722, fwhmUm: 0.033 },
    B11: { commonName: 'swir16', centreUm: 1.612, fwhmUm: 0.09 },
    B12: { commonName: 'swir22', centreUm: 2.1913, fwhmUm: 0.183 },
  },
}

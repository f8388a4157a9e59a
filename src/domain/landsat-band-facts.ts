import type { BandFacts } from './band-facts.js'
import type { OliBand } from './landsat.js'

/**
 * Computed from the band-average relative spectral responses of OLI (Barsi et al. 2014, Remote Sensing 6(10), 10232-10251) and OLI-2
 * (NASA, L9_OLI2_Ball_FPM_RSR.v1.0): centroid, width between the half-maximum crossings, to 0.1 nm.
 */
export const LANDSAT_BAND_FACTS: Readonly<Record<'L8' | 'L9', Readonly<Record<OliBand, BandFacts>>>> = {
  L8: {
    B01: { commonName: 'coastal', centreUm: 0.443, fwhmUm: 0.016 },
    B02: { commonName: 'blue', centreUm: 0.4826, fwhmUm: 0.0601 },
    B03: { commonName: 'green', centreUm: 0.5613, fwhmUm: 0.0574 },
    B04: { commonName: 'red', centreUm: 0.6546, fwhmUm: 0.0375 },
    B05: { commonName: 'nir08', centreUm: 0.8646, fwhmUm: 0.0282 },
    B06: { commonName: 'swir16', centreUm: 1.6091, fwhmUm: 0.0847 },
    B07: { commonName: 'swir22', centreUm: 2.2012, fwhmUm: 0.1867 },
    B09: { commonName: 'cirrus', centreUm: 1.3735, fwhmUm: 0.0204 },
  },
  L9: {
    B01: { commonName: 'coastal', centreUm: 0.4428, fwhmUm: 0.0154 },
    B02: { commonName: 'blue', centreUm: 0.4823, fwhmUm: 0.0599 },
    B03: { commonName: 'green', centreUm: 0.5609, fwhmUm: 0.0563 },
    B04: { commonName: 'red', centreUm: 0.6543, fwhmUm: 0.0367 },
    B05: { commonName: 'nir08', centreUm: 0.8646, fwhmUm: 0.0287 },
    B06: { commonName: 'swir16', centreUm: 1.6084, fwhmUm: 0.0861 },
    B07: { commonName: 'swir22', centreUm: 2.2011, fwhmUm: 0.1895 },
    B09: { commonName: 'cirrus', centreUm: 1.374, fwhmUm: 0.0208 },
  },
}

import type { SpectralSensor } from '../../../domain/l1-scene.js'

/** Absorption and Rayleigh scattering of one band: `Tg = exp(a (m U)^n)`, `m = 1/mu_s + 1/mu_v`. */
export interface BandOptics {
  /** Centroid of the spectral response, micrometres. */
  readonly centreUm: number
  /** Water vapour [a, n], U in g/cm2. */
  readonly h2o: readonly [a: number, n: number]
  /** Ozone [a, n], U in cm-atm (1000 DU). */
  readonly o3: readonly [a: number, n: number]
  /** O2 + CO2 + CH4 + NO2 + CO at fixed amounts [a, n, p]: `exp(a (m P^p)^n)`, P in atm. */
  readonly other: readonly [a: number, n: number, p: number]
  /** Rayleigh optical depth, band mean, at 1013.25 hPa. */
  readonly tauRayleigh: number
}

/**
 * Fits to runs of 6SV2.1 (Vermote et al. 1997; Kotchenova et al. 2006; mid-latitude-summer profile) with each platform's own
 * spectral responses: Sentinel-2 SRF document v3.0 (A, B) and v4.0 (C), NASA for OLI and OLI-2 (Barsi et al.).
 * Largest error of the water fit over sun zenith 20-60 degrees, 0.2-6 g/cm2: 0.006 in transmittance (B06, B08, B12), 0.010 in B09.
 */
export const BAND_OPTICS: Readonly<Record<SpectralSensor, Readonly<Record<string, BandOptics>>>> = {
  S2A: {
    B01: { centreUm: 0.4427, h2o: [0, 1], o3: [-0.00238848, 1], other: [0, 1, 0], tauRayleigh: 0.23635 },
    B02: { centreUm: 0.4924, h2o: [0, 1], o3: [-0.0230672, 0.9966], other: [0, 1, 0], tauRayleigh: 0.15584 },
    B03: {
      centreUm: 0.5598,
      h2o: [-0.0014167, 0.863],
      o3: [-0.0906783, 0.9991],
      other: [0, 1, 0],
      tauRayleigh: 0.09173,
    },
    B04: {
      centreUm: 0.6646,
      h2o: [-0.00711817, 0.7218],
      o3: [-0.0472728, 0.9993],
      other: [0, 1, 0],
      tauRayleigh: 0.04572,
    },
    B05: {
      centreUm: 0.7041,
      h2o: [-0.0253047, 0.7375],
      o3: [-0.0188584, 0.9999],
      other: [0, 1, 0],
      tauRayleigh: 0.03588,
    },
    B06: {
      centreUm: 0.7405,
      h2o: [-0.0300881, 0.711],
      o3: [-0.010122, 1],
      other: [0, 1, 0],
      tauRayleigh: 0.02942,
    },
    B07: {
      centreUm: 0.7827,
      h2o: [-0.00856747, 0.7087],
      o3: [0, 1],
      other: [-9.5217e-5, 0.9569, 2.694],
      tauRayleigh: 0.02328,
    },
    B08: { centreUm: 0.8328, h2o: [-0.0458581, 0.5673], o3: [0, 1], other: [0, 1, 0], tauRayleigh: 0.01872 },
    B8A: {
      centreUm: 0.8647,
      h2o: [-0.000754257, 0.8722],
      o3: [0, 1],
      other: [0, 1, 0],
      tauRayleigh: 0.01562,
    },
    B09: { centreUm: 0.945, h2o: [-0.944538, 0.48], o3: [0, 1], other: [0, 1, 0], tauRayleigh: 0.01093 },
    B10: { centreUm: 1.3735, h2o: [-4.07645, 0.4302], o3: [0, 1], other: [0, 1, 0], tauRayleigh: 0.00243 },
    B11: {
      centreUm: 1.6137,
      h2o: [-0.00143928, 0.9209],
      o3: [0, 1],
      other: [-0.019718, 0.7774, 1.284],
      tauRayleigh: 0.00128,
    },
    B12: {
      centreUm: 2.2024,
      h2o: [-0.0303514, 0.6257],
      o3: [0, 1],
      other: [-0.0222236, 0.8256, 1.183],
      tauRayleigh: 0.00037,
    },
  },
  S2B: {
    B01: { centreUm: 0.4423, h2o: [0, 1], o3: [-0.00217923, 0.9999], other: [0, 1, 0], tauRayleigh: 0.24052 },
    B02: { centreUm: 0.4922, h2o: [0, 1], o3: [-0.02181, 0.9966], other: [0, 1, 0], tauRayleigh: 0.15825 },
    B03: {
      centreUm: 0.559,
      h2o: [-0.00136642, 0.856],
      o3: [-0.0891249, 0.9991],
      other: [0, 1, 0],
      tauRayleigh: 0.09263,
    },
    B04: {
      centreUm: 0.6649,
      h2o: [-0.00653983, 0.7238],
      o3: [-0.0469533, 0.9993],
      other: [0, 1, 0],
      tauRayleigh: 0.04562,
    },
    B05: {
      centreUm: 0.7038,
      h2o: [-0.0247399, 0.7429],
      o3: [-0.0186228, 1],
      other: [0, 1, 0],
      tauRayleigh: 0.03574,
    },
    B06: {
      centreUm: 0.7392,
      h2o: [-0.0322275, 0.7059],
      o3: [-0.010144, 1],
      other: [0, 1, 0],
      tauRayleigh: 0.02949,
    },
    B07: {
      centreUm: 0.7797,
      h2o: [-0.00311895, 0.7297],
      o3: [0, 1],
      other: [-0.00276306, 0.6816, 2.537],
      tauRayleigh: 0.0239,
    },
    B08: { centreUm: 0.8329, h2o: [-0.0464587, 0.5661], o3: [0, 1], other: [0, 1, 0], tauRayleigh: 0.01861 },
    B8A: { centreUm: 0.864, h2o: [-0.00112189, 0.8639], o3: [0, 1], other: [0, 1, 0], tauRayleigh: 0.01574 },
    B09: { centreUm: 0.9431, h2o: [-0.967032, 0.4784], o3: [0, 1], other: [0, 1, 0], tauRayleigh: 0.01104 },
    B10: { centreUm: 1.3769, h2o: [-3.87266, 0.4217], o3: [0, 1], other: [0, 1, 0], tauRayleigh: 0.00241 },
    B11: {
      centreUm: 1.6104,
      h2o: [-0.00144772, 0.9237],
      o3: [0, 1],
      other: [-0.0200523, 0.7731, 1.299],
      tauRayleigh: 0.0013,
    },
    B12: {
      centreUm: 2.1857,
      h2o: [-0.0338304, 0.6338],
      o3: [0, 1],
      other: [-0.0184025, 0.8385, 1.227],
      tauRayleigh: 0.00038,
    },
  },
  S2C: {
    B01: { centreUm: 0.4442, h2o: [0, 1], o3: [-0.00249042, 0.9999], other: [0, 1, 0], tauRayleigh: 0.23424 },
    B02: { centreUm: 0.489, h2o: [0, 1], o3: [-0.0202139, 0.9966], other: [0, 1, 0], tauRayleigh: 0.16182 },
    B03: {
      centreUm: 0.5606,
      h2o: [-0.00163967, 0.8653],
      o3: [-0.0922, 0.9992],
      other: [0, 1, 0],
      tauRayleigh: 0.09088,
    },
    B04: {
      centreUm: 0.6665,
      h2o: [-0.00540697, 0.721],
      o3: [-0.0445276, 0.9993],
      other: [-0.000133813, 0.4448, 1.903],
      tauRayleigh: 0.0449,
    },
    B05: {
      centreUm: 0.7071,
      h2o: [-0.0237613, 0.7539],
      o3: [-0.0179272, 0.9999],
      other: [0, 1, 0],
      tauRayleigh: 0.0353,
    },
    B06: {
      centreUm: 0.7411,
      h2o: [-0.0241889, 0.7116],
      o3: [-0.0100163, 1],
      other: [0, 1, 0],
      tauRayleigh: 0.02918,
    },
    B07: {
      centreUm: 0.7847,
      h2o: [-0.0093629, 0.714],
      o3: [0, 1],
      other: [-9.57967e-5, 0.9235, 2.68],
      tauRayleigh: 0.02318,
    },
    B08: { centreUm: 0.8346, h2o: [-0.0478164, 0.5645], o3: [0, 1], other: [0, 1, 0], tauRayleigh: 0.01854 },
    B8A: {
      centreUm: 0.8656,
      h2o: [-0.000653504, 0.8754],
      o3: [0, 1],
      other: [0, 1, 0],
      tauRayleigh: 0.01559,
    },
    B09: { centreUm: 0.9472, h2o: [-0.894451, 0.483], o3: [0, 1], other: [0, 1, 0], tauRayleigh: 0.01086 },
    B10: { centreUm: 1.3722, h2o: [-4.10047, 0.4269], o3: [0, 1], other: [0, 1, 0], tauRayleigh: 0.00245 },
    B11: {
      centreUm: 1.612,
      h2o: [-0.00145249, 0.9217],
      o3: [0, 1],
      other: [-0.020128, 0.7754, 1.291],
      tauRayleigh: 0.00129,
    },
    B12: {
      centreUm: 2.1913,
      h2o: [-0.0314448, 0.6331],
      o3: [0, 1],
      other: [-0.0206631, 0.8211, 1.213],
      tauRayleigh: 0.00038,
    },
  },
  L8: {
    B01: { centreUm: 0.443, h2o: [0, 1], o3: [-0.00242573, 0.9999], other: [0, 1, 0], tauRayleigh: 0.23598 },
    B02: { centreUm: 0.4827, h2o: [0, 1], o3: [-0.0159551, 0.9971], other: [0, 1, 0], tauRayleigh: 0.17127 },
    B03: {
      centreUm: 0.5613,
      h2o: [-0.00387301, 0.7405],
      o3: [-0.0902891, 0.9987],
      other: [0, 1, 0],
      tauRayleigh: 0.09069,
    },
    B04: {
      centreUm: 0.6546,
      h2o: [-0.00748148, 0.7431],
      o3: [-0.0567502, 0.999],
      other: [0, 1, 0],
      tauRayleigh: 0.04841,
    },
    B05: { centreUm: 0.8646, h2o: [-0.00134432, 0.863], o3: [0, 1], other: [0, 1, 0], tauRayleigh: 0.0156 },
    B06: {
      centreUm: 1.6091,
      h2o: [-0.00148756, 0.9178],
      o3: [0, 1],
      other: [-0.0193606, 0.7717, 1.306],
      tauRayleigh: 0.0013,
    },
    B07: {
      centreUm: 2.2012,
      h2o: [-0.0297968, 0.6286],
      o3: [0, 1],
      other: [-0.0238044, 0.8162, 1.192],
      tauRayleigh: 0.00037,
    },
    B08: {
      centreUm: 0.5917,
      h2o: [-0.00504546, 0.7281],
      o3: [-0.0772969, 0.9961],
      other: [-0.000207198, 0.7031, 1.494],
      tauRayleigh: 0.0804,
    },
    B09: { centreUm: 1.3734, h2o: [-4.01612, 0.4299], o3: [0, 1], other: [0, 1, 0], tauRayleigh: 0.00244 },
  },
  L9: {
    B01: { centreUm: 0.4428, h2o: [0, 1], o3: [-0.00235533, 0.9999], other: [0, 1, 0], tauRayleigh: 0.23748 },
    B02: { centreUm: 0.4823, h2o: [0, 1], o3: [-0.0163089, 0.997], other: [0, 1, 0], tauRayleigh: 0.17032 },
    B03: {
      centreUm: 0.5609,
      h2o: [-0.00283693, 0.7718],
      o3: [-0.089766, 0.9986],
      other: [0, 1, 0],
      tauRayleigh: 0.09126,
    },
    B04: {
      centreUm: 0.6543,
      h2o: [-0.00757157, 0.7434],
      o3: [-0.0570535, 0.999],
      other: [0, 1, 0],
      tauRayleigh: 0.0485,
    },
    B05: { centreUm: 0.8646, h2o: [-0.00152789, 0.8625], o3: [0, 1], other: [0, 1, 0], tauRayleigh: 0.01567 },
    B06: {
      centreUm: 1.6084,
      h2o: [-0.00152908, 0.9148],
      o3: [0, 1],
      other: [-0.0193512, 0.7712, 1.307],
      tauRayleigh: 0.0013,
    },
    B07: {
      centreUm: 2.2011,
      h2o: [-0.0302237, 0.6288],
      o3: [0, 1],
      other: [-0.0238929, 0.8143, 1.196],
      tauRayleigh: 0.00037,
    },
    B08: {
      centreUm: 0.594,
      h2o: [-0.00514134, 0.7288],
      o3: [-0.0771167, 0.9961],
      other: [-0.000223426, 0.6969, 1.502],
      tauRayleigh: 0.07902,
    },
    B09: { centreUm: 1.374, h2o: [-4.00954, 0.427], o3: [0, 1], other: [0, 1, 0], tauRayleigh: 0.00243 },
  },
}

import type { AerosolModel } from '../definition.js'

/** Wavelengths of the aerosol tables, micrometres, ascending. */
export const AEROSOL_WAVELENGTHS_UM: readonly number[] = [
  0.4, 0.412, 0.443, 0.47, 0.488, 0.515, 0.55, 0.59, 0.633, 0.67, 0.694, 0.76, 0.86, 1.24, 1.536, 1.65, 1.95,
  2.25,
]

/** Optics of one aerosol model at AEROSOL_WAVELENGTHS_UM: extinction relative to 550 nm, single scattering albedo, asymmetry. */
export interface AerosolOptics {
  readonly extinction: readonly number[]
  readonly albedo: readonly number[]
  readonly asymmetry: readonly number[]
}

/** Mixtures of WMO/WCRP (1986) and d'Almeida et al. (1991) components as 6SV2.1 computes them by Mie theory. */
export const AEROSOL_OPTICS: Readonly<Record<AerosolModel, AerosolOptics>> = {
  continental: {
    extinction: [
      1.34794, 1.3149, 1.23339, 1.16815, 1.12664, 1.06873, 1, 0.92913, 0.86148, 0.8094, 0.77767, 0.70067,
      0.60123, 0.40082, 0.29341, 0.2751, 0.27101, 0.21722,
    ],
    albedo: [
      0.90088, 0.90073, 0.90041, 0.89975, 0.89951, 0.89745, 0.89319, 0.89185, 0.8871, 0.88417, 0.88349,
      0.87229, 0.85764, 0.816, 0.78802, 0.79857, 0.68225, 0.72844,
    ],
    asymmetry: [
      0.66879, 0.66737, 0.66493, 0.66313, 0.66132, 0.65975, 0.65773, 0.65518, 0.65297, 0.65045, 0.64925,
      0.6471, 0.64781, 0.6548, 0.70485, 0.71826, 0.77306, 0.80752,
    ],
  },
  maritime: {
    extinction: [
      1.10012, 1.09297, 1.06978, 1.05184, 1.038, 1.02378, 1, 0.98246, 0.96528, 0.94801, 0.9421, 0.91713,
      0.88844, 0.81903, 0.7607, 0.74406, 0.71613, 0.65316,
    ],
    albedo: [
      0.98774, 0.98806, 0.98881, 0.98937, 0.98973, 0.98969, 0.98903, 0.98977, 0.98941, 0.98954, 0.98994,
      0.98821, 0.98689, 0.98026, 0.97036, 0.9748, 0.94298, 0.88591,
    ],
    asymmetry: [
      0.73919, 0.7382, 0.7385, 0.7382, 0.73984, 0.73896, 0.74235, 0.7417, 0.74271, 0.74382, 0.74396, 0.74658,
      0.75021, 0.7608, 0.77523, 0.77793, 0.78503, 0.80912,
    ],
  },
}

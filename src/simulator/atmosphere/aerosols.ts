/** Aerosols that can be simulated. `mixed` and `smoke` are none that a retrieval knows by name. */
export const SIMULATED_AEROSOLS = ['continental', 'mixed', 'smoke'] as const
export type SimulatedAerosol = (typeof SIMULATED_AEROSOLS)[number]

/** One wavelength: extinction relative to 550 nm, single scattering albedo, phase function at ascending cosines (1/2 integral P dmu = 1). */
export interface AerosolOptics {
  readonly extinction: number
  readonly ssa: number
  readonly cosines: readonly number[]
  readonly phase: readonly number[]
}

/** Two kinds of particles side by side, each with this share of the extinction at 550 nm; both on the same cosines. */
export function halfAndHalf(a: AerosolOptics, b: AerosolOptics): AerosolOptics {
  const extinction = (a.extinction + b.extinction) / 2
  const [sa, sb] = [a.extinction * a.ssa, b.extinction * b.ssa]
  return {
    extinction,
    ssa: (sa + sb) / (a.extinction + b.extinction),
    cosines: a.cosines,
    phase: a.phase.map((p, i) => (sa * p + sb * (b.phase[i] ?? 0)) / (sa + sb)),
  }
}

/** [um, single scattering albedo, asymmetry]: Amazonian forest smoke, Dubovik et al. (2002), J. Atmos. Sci. 59, 590-608, table 1. */
const SMOKE = [
  [0.44, 0.94, 0.69],
  [0.67, 0.93, 0.58],
  [0.87, 0.91, 0.51],
  [1.02, 0.9, 0.48],
] as const
/** The same table has exponents of 1.2 to 2.1. */
const SMOKE_ANGSTROM = 1.65

/**
 * Fine smoke: linear between the wavelengths of Dubovik et al. (2002) and flat beyond; the phase function is that of Henyey and Greenstein (1941), Astrophys. J. 93, 70-83,
 * which no Mie calculation gives.
 */
export function smoke(um: number, cosines: readonly number[]): AerosolOptics {
  type Row = (typeof SMOKE)[number]
  let [low, high]: [Row, Row] = [SMOKE[0], SMOKE[0]]
  for (const row of SMOKE) {
    high = row
    if (row[0] >= um) break
    low = row
  }
  const t = high[0] > low[0] ? Math.min(1, Math.max(0, (um - low[0]) / (high[0] - low[0]))) : 0
  const g = low[2] + t * (high[2] - low[2])
  return {
    extinction: (um / 0.55) ** -SMOKE_ANGSTROM,
    ssa: low[1] + t * (high[1] - low[1]),
    cosines,
    phase: cosines.map((c) => (1 - g * g) / (1 + g * g - 2 * g * c) ** 1.5),
  }
}

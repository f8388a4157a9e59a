/** What a cloud is made of. `asymmetry` of its phase function; single scattering albedo by wavelength. */
export type Phase = 'liquid' | 'ice'

const ASYMMETRY: Readonly<Record<Phase, number>> = { liquid: 0.85, ice: 0.78 }
/** Rounded co-albedos (absorbed part of each scattering) between wavelengths in um: droplets of 10 um and crystals of some tens of um absorb about so much. Chosen, not measured. */
const ABSORBED: Readonly<Record<Phase, readonly (readonly [um: number, share: number])[]>> = {
  liquid: [
    [0.9, 1e-6],
    [1.37, 0.002],
    [1.61, 0.006],
    [2.2, 0.022],
  ],
  ice: [
    [0.9, 1e-6],
    [1.37, 0.008],
    [1.61, 0.035],
    [2.2, 0.07],
  ],
}

function absorbed(phase: Phase, um: number): number {
  const points = ABSORBED[phase]
  let [x0, y0] = points[0] ?? [0, 0]
  for (const [x, y] of points) {
    if (um <= x) return x === x0 ? y : y0 + ((y - y0) * (um - x0)) / (x - x0)
    ;[x0, y0] = [x, y]
  }
  return y0
}

export interface CloudLayer {
  /** Plane albedo for light that falls from this direction, unit 1. */
  readonly reflected: number
  /** Direct and diffuse, unit 1. */
  readonly transmitted: number
  /** What goes straight on or so little aside that it stays with the beam. */
  readonly direct: number
}

/**
 * Reflectance and transmittance of a homogeneous cloud layer by the two-stream approximation with the quadrature coefficients of Meador and Weaver (1980),
 * J. Atmos. Sci. 37, 630-643, equations 14 and 15, after delta scaling with f = g^2 (Joseph et al. 1976, J. Atmos. Sci. 33, 2452-2459).
 * @param tau optical thickness, >= 0; @param mu cosine of the zenith angle of the light, 0.1..1; @param um wavelength
 */
export function cloudLayer(phase: Phase, um: number, tau: number, mu: number): CloudLayer {
  const [g0, w0] = [ASYMMETRY[phase], 1 - absorbed(phase, um)]
  const f = g0 * g0
  const t = (1 - w0 * f) * tau
  const w = ((1 - f) * w0) / (1 - w0 * f)
  const g = g0 / (1 + g0)
  const root3 = Math.sqrt(3)
  const g1 = (root3 / 2) * (2 - w * (1 + g))
  const g2 = ((root3 * w) / 2) * (1 - g)
  const g3 = (1 - root3 * g * mu) / 2
  const g4 = 1 - g3
  // Where k mu is 1 the formula is 0 / 0; a hair beside it is as good.
  let k = Math.sqrt(g1 * g1 - g2 * g2)
  if (Math.abs(1 - k * mu) < 1e-4) k *= 1.0002
  const [a1, a2] = [g1 * g4 + g2 * g3, g1 * g3 + g2 * g4]
  // Divided by e^(k t) throughout, or thick clouds would overflow.
  const fade = Math.exp(-2 * k * t)
  const half = Math.exp(-k * t)
  const direct = Math.exp(-t / mu)
  const scale = w / ((1 - k * k * mu * mu) * (k + g1 + (k - g1) * fade))
  const reflected =
    scale *
    ((1 - k * mu) * (a2 + k * g3) -
      (1 + k * mu) * (a2 - k * g3) * fade -
      2 * k * (g3 - a2 * mu) * direct * half)
  const diffuse =
    -scale *
    (((1 + k * mu) * (a1 + k * g4) - (1 - k * mu) * (a1 - k * g4) * fade) * direct -
      2 * k * (g4 + a1 * mu) * half)
  return { reflected, transmitted: direct + diffuse, direct }
}

const THICK = 60
const TAU_STEPS = 160
const MU_STEPS = 24
const MU_LEAST = 0.2

/** The same from a table, bilinear in the root of the thickness (0..60, beyond as at 60) and in the cosine (0.2..1). */
export class LayerTable {
  private readonly reflected = new Float64Array((TAU_STEPS + 1) * (MU_STEPS + 1))
  private readonly transmitted = new Float64Array((TAU_STEPS + 1) * (MU_STEPS + 1))
  constructor(phase: Phase, um: number) {
    for (let i = 0; i <= TAU_STEPS; i++)
      for (let j = 0; j <= MU_STEPS; j++) {
        const mu = MU_LEAST + ((1 - MU_LEAST) * j) / MU_STEPS
        const layer = cloudLayer(phase, um, THICK * (i / TAU_STEPS) ** 2, mu)
        this.reflected[i * (MU_STEPS + 1) + j] = layer.reflected
        this.transmitted[i * (MU_STEPS + 1) + j] = layer.transmitted
      }
  }

  reflectedAt(tau: number, mu: number): number {
    return look(this.reflected, tau, mu)
  }

  transmittedAt(tau: number, mu: number): number {
    return look(this.transmitted, tau, mu)
  }
}

function look(table: Float64Array, tau: number, mu: number): number {
  const x = Math.sqrt(Math.min(1, tau / THICK)) * TAU_STEPS
  const y = (Math.max(0, mu - MU_LEAST) / (1 - MU_LEAST)) * MU_STEPS
  const [i, j] = [Math.min(TAU_STEPS - 1, Math.floor(x)), Math.min(MU_STEPS - 1, Math.floor(y))]
  const [u, v] = [x - i, y - j]
  const k = i * (MU_STEPS + 1) + j
  return (
    ((table[k] ?? 0) * (1 - v) + (table[k + 1] ?? 0) * v) * (1 - u) +
    ((table[k + MU_STEPS + 1] ?? 0) * (1 - v) + (table[k + MU_STEPS + 2] ?? 0) * v) * u
  )
}

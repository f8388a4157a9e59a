/**
 * Scattering of sunlight in a plane-parallel atmosphere over a black ground, by successive orders of scattering on discrete ordinates
 * and Fourier modes of azimuth (Lenoble 1985, Radiative Transfer in Scattering and Absorbing Atmospheres, ch. 7): used once, offline, to make
 * the simulator's table. Molecules scatter Stokes vectors (I, Q, U), built from the dipole's amplitude matrix; aerosols scatter intensity only.
 */

/** One wavelength. Optical depths of the whole column above the ground; `phase` at `phaseCosines` (ascending), 1/2 integral P dmu = 1. */
export interface ScatteringColumn {
  readonly tauRayleigh: number
  readonly tauAerosol: number
  readonly ssa: number
  readonly phaseCosines: readonly number[]
  readonly phase: readonly number[]
}

/** Path reflectance as cosine series in the azimuth between sun and view; transmittance of each sun angle; spherical albedo. */
export interface ScatteringSolution {
  /** [sun][view][mode]: rho = sum_m c_m cos(m raa), raa = 0 where sun and sensor stand on one side (backscatter). */
  readonly path: readonly (readonly Float64Array[])[]
  /** Direct and diffuse, sun to ground, by sun. */
  readonly transmittance: Float64Array
  readonly sphericalAlbedo: number
}

const GAUSS = 10
const LAYERS = 24
const MODES = 6
/** Young (1981): factor of the anisotropic part for a depolarisation of 0.0279. */
const ANISOTROPIC = (1 - 0.0279) / (1 + 0.0279 / 2)

interface Layers {
  readonly thickness: Float64Array
  readonly top: Float64Array
  readonly rayleigh: Float64Array
  readonly aerosol: Float64Array
}

export function solveScattering(
  column: ScatteringColumn,
  sunDegrees: readonly number[],
  viewDegrees: readonly number[],
): ScatteringSolution {
  const layers = makeLayers(column)
  const cosine = (degrees: number) => Math.cos((degrees * Math.PI) / 180)
  const suns = sunDegrees.map(cosine)
  const views = viewDegrees.map(cosine)
  const { nodes, weights } = gaussLegendre(GAUSS)
  // Directions: upward Gauss nodes, upward views (no weight), downward Gauss nodes. Positive = upward.
  const mu = [...nodes, ...views, ...nodes.map((m) => -m)]
  const weight = [...weights, ...views.map(() => 0), ...weights]
  const firstView = nodes.length
  const path = suns.map(() => views.map(() => new Float64Array(MODES + 1)))
  const transmittance = new Float64Array(suns.length)
  let sphericalAlbedo = 0
  for (let mode = 0; mode <= MODES; mode++) {
    const field = new ModeSolver(column, layers, mu, weight, mode)
    suns.forEach((sun, s) => {
      const result = field.solve(sun)
      views.forEach((_, v) => {
        const radiance = result.up[(firstView + v) * 3] ?? 0
        // cos(m phi) with phi = 180 degrees - raa.
        at(at(path, s), v)[mode] = (mode === 0 ? 1 : 2) * (mode % 2 === 0 ? 1 : -1) * (radiance / sun)
      })
      if (mode === 0) transmittance[s] = result.downFlux / (Math.PI * sun) + Math.exp(-layers.total / sun)
    })
    if (mode === 0) sphericalAlbedo = field.solve(null).downFlux / Math.PI
  }
  // The multiply scattered forward lobe hardly reaches the high modes; the once scattered light is exact below and replaces its modes.
  suns.forEach((sun, s) => {
    views.forEach((view, v) => {
      const series = at(at(path, s), v)
      const correction = singleScatteringSeries(column, layers, sun, view)
      for (let mode = 0; mode <= MODES; mode++) series[mode] = (series[mode] ?? 0) + (correction[mode] ?? 0)
    })
  })
  return { path, transmittance, sphericalAlbedo }
}

/** Molecules fall off with 8 km, aerosol with 2 km; layers of equal optical depth. */
function makeLayers(column: ScatteringColumn): Layers & { readonly total: number } {
  const total = column.tauRayleigh + column.tauAerosol
  const above = (z: number) => ({
    r: column.tauRayleigh * Math.exp(-z / 8),
    a: column.tauAerosol * Math.exp(-z / 2),
  })
  const altitudeOf = (tau: number) => {
    let [low, high] = [0, 200]
    for (let i = 0; i < 60; i++) {
      const middle = (low + high) / 2
      const { r, a } = above(middle)
      if (r + a > tau) low = middle
      else high = middle
    }
    return (low + high) / 2
  }
  const thickness = new Float64Array(LAYERS)
  const top = new Float64Array(LAYERS)
  const rayleigh = new Float64Array(LAYERS)
  const aerosol = new Float64Array(LAYERS)
  let upper = { r: 0, a: 0 }
  for (let l = 0; l < LAYERS; l++) {
    const lower = l === LAYERS - 1 ? above(0) : above(altitudeOf((total * (l + 1)) / LAYERS))
    const [r, a] = [lower.r - upper.r, lower.a - upper.a]
    top[l] = upper.r + upper.a
    thickness[l] = r + a
    rayleigh[l] = r / (r + a)
    aerosol[l] = (column.ssa * a) / (r + a)
    upper = lower
  }
  return { thickness, top, rayleigh, aerosol, total }
}

/** All orders of one Fourier mode. States are (I, Q, U) by direction; molecules have no mode above 2, so these carry I alone. */
class ModeSolver {
  private readonly size: number
  private readonly molecular: Float64Array
  private readonly particle: Float64Array
  constructor(
    private readonly column: ScatteringColumn,
    private readonly layers: Layers & { readonly total: number },
    private readonly mu: readonly number[],
    private readonly weight: readonly number[],
    private readonly mode: number,
  ) {
    const n = mu.length
    this.size = 3 * n
    this.molecular = new Float64Array(this.size * this.size)
    this.particle = new Float64Array(n * n)
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++) {
        if (at(weight, j) === 0) continue
        const half = at(weight, j) / 2
        const m = molecularKernel(at(mu, i), at(mu, j), mode)
        // Out (I, Q, U) from in (I, Q, U); a sine convolved with a sine gives minus a cosine.
        const signs = [1, 1, -1, 1, 1, -1, 1, 1, 1]
        for (let k = 0; k < 9; k++)
          this.molecular[(3 * i + Math.floor(k / 3)) * this.size + 3 * j + (k % 3)] =
            half * at(signs, k) * (m[k] ?? 0)
        this.particle[i * n + j] = half * particleKernel(column, at(mu, i), at(mu, j), mode)
      }
    this.conserveEnergy()
  }

  /** The quadrature misses part of the forward lobe: what each row lacks is put on its own direction, as unscattered light. */
  private conserveEnergy(): void {
    const n = this.mu.length
    for (let i = 0; i < n; i++) {
      let sum = 0
      for (let j = 0; j < n; j++)
        sum +=
          (at(this.weight, j) / 2) *
          (at(this.weight, j) === 0 ? 0 : particleKernel(this.column, at(this.mu, i), at(this.mu, j), 0))
      if (at(this.weight, i) > 0) this.particle[i * n + i] = (this.particle[i * n + i] ?? 0) + 1 - sum
      else for (let j = 0; j < n; j++) this.particle[i * n + j] = (this.particle[i * n + j] ?? 0) / sum
    }
  }

  /** Sun of cosine `sun` with irradiance pi, or, with null, a unit isotropic radiance from below. Radiance at the top, flux at the ground. */
  solve(sun: number | null): { up: Float64Array; downFlux: number } {
    const { size, layers, mu } = this
    const n = mu.length
    const up = new Float64Array(size)
    const down = new Float64Array(size)
    let mean: Float64Array[] = Array.from({ length: LAYERS }, () => new Float64Array(size))
    const source = Array.from({ length: LAYERS }, () => new Float64Array(size))
    const firstR = sun === null ? null : mu.map((m) => molecularKernel(m, -sun, this.mode))
    const firstA = sun === null ? null : mu.map((m) => particleKernel(this.column, m, -sun, this.mode))
    if (sun === null)
      for (let i = 0; i < n; i++)
        if (at(mu, i) > 0)
          for (let l = 0; l < LAYERS; l++) {
            const x = at(layers.thickness, l) / at(mu, i)
            const bottom = layers.total - at(layers.top, l) - at(layers.thickness, l)
            at(mean, l)[3 * i] = (Math.exp(-bottom / at(mu, i)) * -Math.expm1(-x)) / x
          }
    for (let order = 1; order <= 60; order++) {
      for (let l = 0; l < LAYERS; l++) {
        const j = at(source, l)
        const r = at(layers.rayleigh, l)
        const a = at(layers.aerosol, l)
        if (order === 1 && sun !== null && firstR && firstA) {
          const x = at(layers.thickness, l) / sun
          const beam = (0.25 * Math.exp(-at(layers.top, l) / sun) * -Math.expm1(-x)) / x
          for (let i = 0; i < n; i++) {
            const m = at(firstR, i)
            j[3 * i] = beam * (r * (m[0] ?? 0) + a * at(firstA, i))
            j[3 * i + 1] = beam * r * (m[3] ?? 0)
            j[3 * i + 2] = beam * r * (m[6] ?? 0)
          }
        } else this.scatter(at(mean, l), r, a, j)
      }
      const [next, greatest] = this.transport(source, up, down)
      mean = next
      if (greatest < 1e-7) break
    }
    let downFlux = 0
    for (let i = 0; i < n; i++)
      if (at(mu, i) < 0) downFlux += 2 * Math.PI * at(this.weight, i) * -at(mu, i) * (down[3 * i] ?? 0)
    return { up, downFlux }
  }

  private scatter(mean: Float64Array, r: number, a: number, out: Float64Array): void {
    const { size, molecular, particle, mode } = this
    const n = this.mu.length
    for (let i = 0; i < n; i++) {
      let sum = 0
      for (let j = 0; j < n; j++) sum += (particle[i * n + j] ?? 0) * (mean[3 * j] ?? 0)
      out[3 * i] = a * sum
      out[3 * i + 1] = 0
      out[3 * i + 2] = 0
      if (mode > 2) continue
      for (let k = 0; k < 3; k++) {
        const row = (3 * i + k) * size
        let s = 0
        for (let j = 0; j < size; j++) s += (molecular[row + j] ?? 0) * (mean[j] ?? 0)
        out[3 * i + k] = (out[3 * i + k] ?? 0) + r * s
      }
    }
  }

  /** Carries the light of constant sources through the layers; adds what leaves to `up` and `down`; returns the mean field of each layer. */
  private transport(
    source: readonly Float64Array[],
    up: Float64Array,
    down: Float64Array,
  ): [Float64Array[], number] {
    const mean = source.map(() => new Float64Array(this.size))
    let greatest = 0
    for (let k = 0; k < this.size; k++) {
      const mu = at(this.mu, Math.floor(k / 3))
      let intensity = 0
      for (let step = 0; step < LAYERS; step++) {
        const l = mu > 0 ? LAYERS - 1 - step : step
        const x = at(this.layers.thickness, l) / Math.abs(mu)
        const j = at(source, l)[k] ?? 0
        const lost = -Math.expm1(-x)
        at(mean, l)[k] = j + ((intensity - j) * lost) / x
        intensity += (j - intensity) * lost
      }
      const end = mu > 0 ? up : down
      end[k] = (end[k] ?? 0) + intensity
      greatest = Math.max(greatest, Math.abs(intensity))
    }
    return [mean, greatest]
  }
}

/** Once scattered path reflectance beyond mode MODES folded back at 19 azimuths, as a least-squares change of the series. */
function singleScatteringSeries(
  column: ScatteringColumn,
  layers: Layers & { readonly total: number },
  sun: number,
  view: number,
): Float64Array {
  const points = 36
  const weightAerosol = new Float64Array(MODES + 1)
  let optical = 0
  const m = 1 / sun + 1 / view
  for (let l = 0; l < LAYERS; l++) {
    const x = at(layers.thickness, l) * m
    optical += (at(layers.aerosol, l) * Math.exp(-at(layers.top, l) * m) * -Math.expm1(-x)) / m
  }
  const sines = Math.sqrt((1 - sun * sun) * (1 - view * view))
  for (let mode = 0; mode <= MODES; mode++) {
    let exact = 0
    for (let p = 0; p < points; p++) {
      const phi = (2 * Math.PI * (p + 0.5)) / points
      exact += phaseAt(column, -sun * view + sines * Math.cos(phi)) * Math.cos(mode * phi)
    }
    exact /= points
    const carried = particleKernel(column, view, -sun, mode)
    weightAerosol[mode] =
      ((mode === 0 ? 1 : 2) * (mode % 2 === 0 ? 1 : -1) * optical * (exact - carried)) / (4 * sun * view)
  }
  return weightAerosol
}

/** Azimuth means of the dipole's 3 x 3 phase matrix, row-major: even elements with cos(m psi), the U-crossing ones with sin(m psi). */
function molecularKernel(out: number, into: number, mode: number): Float64Array {
  const mean = new Float64Array(9)
  if (mode > 2) return mean
  const points = 12
  const [so, si] = [Math.sqrt(Math.max(0, 1 - out * out)), Math.sqrt(Math.max(0, 1 - into * into))]
  for (let p = 0; p < points; p++) {
    const psi = (2 * Math.PI * p) / points
    const [cos, sin] = [Math.cos(psi), Math.sin(psi)]
    const a = out * into * cos + so * si
    const b = out * sin
    const c = -into * sin
    const d = cos
    const elements = [
      (a * a + b * b + c * c + d * d) / 2,
      (a * a - b * b + c * c - d * d) / 2,
      a * b + c * d,
      (a * a + b * b - c * c - d * d) / 2,
      (a * a - b * b - c * c + d * d) / 2,
      a * b - c * d,
      a * c + b * d,
      a * c - b * d,
      a * d + b * c,
    ]
    elements.forEach((e, k) => {
      const odd = k === 2 || k === 5 || k === 6 || k === 7
      const value = 1.5 * ANISOTROPIC * e + (k === 0 ? 1 - ANISOTROPIC : 0)
      mean[k] = (mean[k] ?? 0) + (value * (odd ? Math.sin(mode * psi) : Math.cos(mode * psi))) / points
    })
  }
  return mean
}

function particleKernel(column: ScatteringColumn, out: number, into: number, mode: number): number {
  const points = 48
  const sines = Math.sqrt(Math.max(0, (1 - out * out) * (1 - into * into)))
  let sum = 0
  for (let p = 0; p < points; p++) {
    const psi = (2 * Math.PI * (p + 0.5)) / points
    sum += phaseAt(column, out * into + sines * Math.cos(psi)) * Math.cos(mode * psi)
  }
  return sum / points
}

function phaseAt(column: ScatteringColumn, cosine: number): number {
  const x = column.phaseCosines
  let [low, high] = [0, x.length - 1]
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (at(x, middle) <= cosine) low = middle
    else high = middle
  }
  const t = Math.min(1, Math.max(0, (cosine - at(x, low)) / (at(x, high) - at(x, low))))
  return at(column.phase, low) * (1 - t) + at(column.phase, high) * t
}

/** Gauss-Legendre nodes and weights on (0, 1). */
function gaussLegendre(n: number): { nodes: number[]; weights: number[] } {
  const nodes: number[] = []
  const weights: number[] = []
  for (let i = 0; i < n; i++) {
    let x = Math.cos((Math.PI * (i + 0.75)) / (n + 0.5))
    let derivative = 1
    for (let step = 0; step < 50; step++) {
      let [p0, p1] = [1, x]
      for (let k = 2; k <= n; k++) [p0, p1] = [p1, ((2 * k - 1) * x * p1 - (k - 1) * p0) / k]
      derivative = (n * (x * p1 - p0)) / (x * x - 1)
      const change = p1 / derivative
      x -= change
      if (Math.abs(change) < 1e-15) break
    }
    nodes.push((1 + x) / 2)
    weights.push(1 / ((1 - x * x) * derivative * derivative))
  }
  return { nodes, weights }
}

function at<T>(list: ArrayLike<T>, index: number): T {
  const value = list[index]
  if (value === undefined) throw new RangeError(`Index ${index} is outside of ${list.length} values.`)
  return value
}

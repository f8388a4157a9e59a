/** Scattering of one sphere, relative to its geometric cross section. */
export interface SphereScattering {
  readonly extinction: number
  readonly scattering: number
  /** Mean cosine of the scattering angle. */
  readonly asymmetry: number
  /** (|S1|^2 + |S2|^2) / 2 by cosine: differential cross section x wave number^2. */
  readonly intensity: Float64Array
}

/**
 * Scattering of unpolarised light by a homogeneous sphere.
 * @param size circumference over wavelength, 2 pi r / lambda, above 0.
 * @param real and @param absorbing of the refractive index n - i k, k not negative.
 * @param cosines of the scattering angles.
 * Source: Mie (1908), Ann. Phys. 330, 377; notation of Bohren and Huffman (1983), chapter 4: eqs. 4.47, 4.61, 4.62, 4.88.
 */
export function scatterBySphere(
  size: number,
  real: number,
  absorbing: number,
  cosines: ArrayLike<number>,
): SphereScattering {
  // Wiscombe (1980), Appl. Opt. 19, 1505: terms beyond are below 1e-14.
  const terms = Math.ceil(size + 4.05 * Math.cbrt(size) + 2)
  const { dr, di } = logarithmicDerivatives(size * real, size * absorbing, terms)
  const psi = ricattiBessel(size, terms)
  const modulus2 = real * real + absorbing * absorbing
  const count = cosines.length
  const [s1r, s1i, s2r, s2i] = [0, 1, 2, 3].map(() => new Float64Array(count)) as Four
  const before = new Float64Array(count)
  const pi = new Float64Array(count).fill(1)
  // chi_{-1}, chi_0
  let [chi0, chi1] = [-Math.sin(size), Math.cos(size)]
  const [a, b] = [new Float64Array(2), new Float64Array(2)]
  const [lastA, lastB] = [new Float64Array(2), new Float64Array(2)]
  let [extinction, scattering, forward] = [0, 0, 0]
  for (let n = 1; n <= terms; n++) {
    const chi = ((2 * n - 1) / size) * chi1 - chi0
    const [p, p1] = [psi[n] ?? NaN, psi[n - 1] ?? NaN]
    const [r, i] = [dr[n] ?? NaN, di[n] ?? NaN]
    const over = (er: number, ei: number, out: Float64Array): void => {
      const [nr, ni] = [er * p - p1, ei * p]
      const [qr, qi] = [er * p + ei * chi - p1, ei * p - er * chi + chi1]
      const square = qr * qr + qi * qi
      out[0] = (nr * qr + ni * qi) / square
      out[1] = (ni * qr - nr * qi) / square
    }
    over((r * real + i * absorbing) / modulus2 + n / size, (i * real - r * absorbing) / modulus2, a)
    over(r * real - i * absorbing + n / size, r * absorbing + i * real, b)
    const [ar, ai, br, bi] = [...a, ...b] as Quad
    const [lar, lai, lbr, lbi] = [...lastA, ...lastB] as Quad
    const pair = (2 * n + 1) / (n * (n + 1))
    extinction += (2 * n + 1) * (ar + br)
    scattering += (2 * n + 1) * (ar * ar + ai * ai + br * br + bi * bi)
    forward += pair * (ar * br + ai * bi)
    forward += (((n - 1) * (n + 1)) / n) * (lar * ar + lai * ai + lbr * br + lbi * bi)
    for (let j = 0; j < count; j++) {
      const mu = cosines[j] ?? NaN
      const [now, old] = [pi[j] ?? NaN, before[j] ?? NaN]
      const tau = n * mu * now - (n + 1) * old
      s1r[j] = (s1r[j] ?? NaN) + pair * (ar * now + br * tau)
      s1i[j] = (s1i[j] ?? NaN) + pair * (ai * now + bi * tau)
      s2r[j] = (s2r[j] ?? NaN) + pair * (ar * tau + br * now)
      s2i[j] = (s2i[j] ?? NaN) + pair * (ai * tau + bi * now)
      before[j] = now
      pi[j] = ((2 * n + 1) * mu * now - (n + 1) * old) / n
    }
    lastA.set(a)
    lastB.set(b)
    chi0 = chi1
    chi1 = chi
  }
  return {
    extinction: (2 / size ** 2) * extinction,
    scattering: (2 / size ** 2) * scattering,
    asymmetry: (2 * forward) / scattering,
    intensity: s1r.map(
      (x, j) => (x ** 2 + (s1i[j] ?? NaN) ** 2 + (s2r[j] ?? NaN) ** 2 + (s2i[j] ?? NaN) ** 2) / 2,
    ),
  }
}

type Four = [Float64Array, Float64Array, Float64Array, Float64Array]
type Quad = [number, number, number, number]

/** psi'_n / psi_n of the complex argument inside the sphere, n = 0 to `terms`, downward: upward it is unstable where light is absorbed (Bohren and Huffman 1983, eq. 4.89). */
function logarithmicDerivatives(re: number, im: number, terms: number) {
  const modulus2 = re * re + im * im
  const modulus = Math.sqrt(modulus2)
  // From where it begins with 0 it needs some widths of the transition, the cube root, to forget that; 15 terms, which are usual, leave 3e-3 of the scattering at a size of 10,000.
  const from = Math.ceil(Math.max(terms, modulus) + 8 * Math.cbrt(modulus) + 16)
  const [dr, di] = [new Float64Array(from + 1), new Float64Array(from + 1)]
  for (let n = from; n > 0; n--) {
    const [tr, ti] = [(n * re) / modulus2, (-n * im) / modulus2]
    const [sr, si] = [(dr[n] ?? NaN) + tr, (di[n] ?? NaN) + ti]
    const square = sr * sr + si * si
    dr[n - 1] = tr - sr / square
    di[n - 1] = ti + si / square
  }
  return { dr, di }
}

/** x j_n(x), n = 0 to `terms`, from ratios of neighbours made downward. */
function ricattiBessel(x: number, terms: number): Float64Array {
  const from = terms + 16 + Math.ceil(8 * Math.cbrt(x))
  const ratios = new Float64Array(from + 1)
  let ratio = x / (2 * from + 1)
  for (let n = from; n >= 1; n--) {
    ratios[n] = ratio
    ratio = 1 / ((2 * n - 1) / x - ratio)
  }
  const psi = new Float64Array(terms + 1)
  const first = Math.sin(x)
  psi[0] = first
  // Near a zero of psi_0 a ratio to it says nothing: psi_1 in closed form, which in turn cancels where x is small.
  psi[1] = x < 1 ? first * (ratios[1] ?? NaN) : first / x - Math.cos(x)
  for (let n = 2; n <= terms; n++) psi[n] = (psi[n - 1] ?? NaN) * (ratios[n] ?? NaN)
  return psi
}

/** Particles whose number is log-normal in the radius, cut at both ends. Lengths in micrometres. */
export interface LogNormal {
  /** Mode radius of the number distribution. */
  readonly mode_um: number
  /** Geometric standard deviation. */
  readonly sigma: number
  readonly least_um: number
  readonly most_um: number
}

/** Of one particle on average: cross sections in um^2; `phase` is the scattering cross section x phase function, 1/2 integral dmu = the cross section. */
export interface ParticleOptics {
  readonly extinction: number
  readonly scattering: number
  readonly asymmetry: number
  readonly phase: Float64Array
}

/** Of ln r: halved, extinction of the components of OPAC moves by less than 1e-5. */
const STEP = 0.01

/**
 * Mean over particles of all sizes, by the trapezium rule in the logarithm of the radius; the number within the cut ends is a little less than 1, as OPAC counts it.
 * @param um wavelength. @param real and @param absorbing as of `scatterBySphere`.
 */
export function scatterByMany(
  { mode_um, sigma, least_um, most_um }: LogNormal,
  um: number,
  index: { readonly real: number; readonly absorbing: number },
  cosines: ArrayLike<number>,
): ParticleOptics {
  const width = Math.log(sigma)
  const [low, high] = [Math.log(least_um), Math.log(most_um)]
  const steps = Math.ceil((high - low) / STEP)
  const step = (high - low) / steps
  const wave = (2 * Math.PI) / um
  const phase = new Float64Array(cosines.length)
  let [extinction, scattering, forward] = [0, 0, 0]
  for (let s = 0; s <= steps; s++) {
    const log = low + s * step
    const radius = Math.exp(log)
    const off = (log - Math.log(mode_um)) / width
    const share =
      ((s === 0 || s === steps ? step / 2 : step) * Math.exp(-(off * off) / 2)) /
      (width * Math.sqrt(2 * Math.PI))
    const one = scatterBySphere(wave * radius, index.real, index.absorbing, cosines)
    const area = share * Math.PI * radius * radius
    extinction += area * one.extinction
    scattering += area * one.scattering
    forward += area * one.scattering * one.asymmetry
    // The differential cross section is the intensity over the wave number squared; the phase function's mean over all directions is 1.
    const scale = (share * 4 * Math.PI) / wave ** 2
    for (let j = 0; j < phase.length; j++) phase[j] = (phase[j] ?? NaN) + scale * (one.intensity[j] ?? NaN)
  }
  return { extinction, scattering, asymmetry: forward / scattering, phase }
}

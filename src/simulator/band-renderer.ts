import { BandAir, type AirState, type BandOptics } from './atmosphere/evaluate-atmosphere.js'
import type { CloudDeck } from './clouds/cloud-decks.js'
import { SkyOptics } from './clouds/sky-optics.js'
import type { SkyStrip } from './clouds/sky-strip.js'
import type { Ground2d } from './landscape.js'
import { hash } from './noise.js'
import { GROUND, VARIANTS } from './spectra.js'
import type { ViewFrame } from './view-frame.js'

/** Altitudes in metres at which the air is evaluated; a parabola goes through the three. */
const ALTITUDES_M = [0, 900, 1800] as const
/** path, gain, albedo, each with three powers of altitude / 1800 m. */
const COEFFICIENTS = 9
export const NO_REFLECTANCE = -32768
/** Snow of middle brightness. */
const SNOW_KIND = GROUND.indexOf('snow') * VARIANTS + 4

/** One band of a strip: digital numbers, and the surface reflectance x 10000 they came from. Row-major. */
export interface BandStrip {
  readonly dn: Uint16Array
  readonly truth: Int16Array
}

/** How a pixel is cut out of finer ground: it takes `taps.length` fine pixels in each direction with these weights, every `stride` of them. */
export interface Footprint {
  readonly stride: number
  /** The fine pixel with which the first one begins. */
  readonly first: number
  readonly taps: readonly number[]
}

/** How a band's images are made. */
export interface BandImage {
  readonly footprint: Footprint
  readonly pixelM: number
  readonly width: number
  /** DN = scale x reflectance + shift; `bySun` multiplies the reflectance with the cosine of the sun's zenith angle first, as USGS does. */
  readonly scale: number
  readonly shift: number
  readonly bySun: boolean
  /** Central wavelength: clouds absorb by it. */
  readonly um: number
  readonly maxDn: number
  /** Standard deviation of the noise in DN of a pixel of this reflectance (after `bySun`, unit 1). */
  readonly noiseDn: (reflectance: number) => number
  readonly seed: number
}

/** One row of the band's pixels: metres from the image's upper edge, its number in the image and in the strip, and what lies there. */
interface Line {
  readonly y: number
  readonly mapRow: number
  readonly row: number
  readonly reflectance: Float32Array
  readonly altitude: Float32Array
  readonly sunlit: Float32Array | null
}

/** Turns ground into what the sensor sees in one band: rho_toa = path + gain rho / (1 - albedo rho), by detector, place and altitude. */
export class BandRenderer {
  private readonly fields = new Map<number, Float64Array>()
  private readonly clouds: SkyOptics | null
  constructor(
    private readonly frame: ViewFrame,
    private readonly bandIndex: number,
    private readonly image: BandImage,
    private readonly spectra: Float32Array,
    optics: BandOptics,
    airAt: (node: number) => AirState,
    decks: readonly CloudDeck[],
  ) {
    this.clouds =
      decks.length === 0 ? null : new SkyOptics(decks, frame, bandIndex, optics, image.um, image.bySun, airAt)
    for (const detector of frame.detectors) this.fields.set(detector, this.fieldOf(detector, optics, airAt))
  }

  /** Coefficients on the nodes that interpolation inside of the detector's footprint can touch; the others stay 0 and unused. */
  private fieldOf(detector: number, optics: BandOptics, airAt: (node: number) => AirState): Float64Array {
    const { sunZenith, sunAzimuth } = this.frame
    const size = this.frame.cols * this.frame.rows
    const field = new Float64Array(size * COEFFICIENTS)
    let [state, air]: [AirState | null, BandAir | null] = [null, null]
    for (let i = 0; i < size; i++) {
      const view = this.frame.view(i, detector, this.bandIndex)
      if (view === null) continue
      const here = airAt(i)
      if (air === null || here !== state) [state, air] = [here, new BandAir(here, optics)]
      const turn = Math.abs((sunAzimuth[i] ?? 0) - view.azimuth)
      const sza = sunZenith[i] ?? 0
      const at = (altitudeM: number) =>
        (air as BandAir).at({ sza, vza: view.zenith, raa: turn > 180 ? 360 - turn : turn, altitudeM })
      const [a, b, c] = [at(ALTITUDES_M[0]), at(ALTITUDES_M[1]), at(ALTITUDES_M[2])]
      const sunlit = this.image.bySun ? Math.cos((sza * Math.PI) / 180) : 1
      const keys = ['path', 'gain', 'albedo'] as const
      keys.forEach((key, k) => {
        const factor = key === 'albedo' ? 1 : sunlit
        field[i * COEFFICIENTS + 3 * k] = factor * a[key]
        field[i * COEFFICIENTS + 3 * k + 1] = factor * (4 * b[key] - 3 * a[key] - c[key])
        field[i * COEFFICIENTS + 3 * k + 2] = factor * (2 * (a[key] + c[key]) - 4 * b[key])
      })
    }
    return field
  }

  /** @param firstRow of this band; `ground` covers its rows at the finest size, `groundWidth` finest pixels a row; `sky` the clouds over it. */
  render(
    ground: Ground2d,
    groundWidth: number,
    firstRow: number,
    rows: number,
    sky: SkyStrip | null,
  ): BandStrip {
    const { width, pixelM } = this.image
    const strip: BandStrip = {
      dn: new Uint16Array(width * rows),
      truth: new Int16Array(width * rows).fill(NO_REFLECTANCE),
    }
    const reflectance = new Float32Array(width)
    const altitude = new Float32Array(width)
    const sunlit = sky === null ? null : new Float32Array(width)
    for (let row = 0; row < rows; row++) {
      this.meanGround(ground, groundWidth, row, reflectance, altitude)
      if (sky && sunlit) this.meanLight(sky.sunlit, groundWidth, row, sunlit)
      const y = (firstRow + row + 0.5) * pixelM
      for (const { detector, from, to } of this.frame.runs(y, pixelM, width)) {
        const field = this.fields.get(detector)
        if (!field) continue
        const line = { y, mapRow: firstRow + row, row, reflectance, altitude, sunlit }
        this.renderRun(detector, field, from, to, line, strip, sky)
      }
    }
    return strip
  }

  /** Surface reflectance (unit 1) and altitude (m) of one row of the band's pixels: weighted means over the finest pixels in each. */
  private meanGround(
    ground: Ground2d,
    groundWidth: number,
    row: number,
    reflectance: Float32Array,
    altitude: Float32Array,
  ): void {
    const { width } = this.image
    const { stride, first, taps } = this.image.footprint
    const { kinds, texture, altitudeM, snow } = ground
    const spectra = this.spectra
    const white = spectra[SNOW_KIND] ?? 0
    const share = 1 / taps.reduce((a, b) => a + b, 0) ** 2
    reflectance.fill(0)
    altitude.fill(0)
    taps.forEach((down, j) => {
      const start = (row * stride + first + j) * groundWidth + first
      for (let i = 0; i < width; i++) {
        let [r, a] = [0, 0]
        let k = start + i * stride
        for (let f = 0; f < taps.length; f++, k++) {
          const w = taps[f] ?? 0
          let bare = (spectra[kinds[k] ?? 0] ?? 0) * (1 + (texture[k] ?? 0) / 4096)
          if (snow) bare += ((white - bare) * (snow[k] ?? 0)) / 255
          r += w * bare
          a += w * (altitudeM[k] ?? 0)
        }
        reflectance[i] = (reflectance[i] ?? 0) + r * down * share
        altitude[i] = (altitude[i] ?? 0) + a * down * share
      }
    })
  }

  /** Share of the direct light on one row of the band's pixels. */
  private meanLight(fine: Float32Array, groundWidth: number, row: number, sunlit: Float32Array): void {
    const { stride, first, taps } = this.image.footprint
    const share = 1 / taps.reduce((a, b) => a + b, 0) ** 2
    sunlit.fill(0)
    taps.forEach((down, j) => {
      const start = (row * stride + first + j) * groundWidth + first
      for (let i = 0; i < sunlit.length; i++) {
        let light = 0
        for (let f = 0; f < taps.length; f++) light += (taps[f] ?? 0) * (fine[start + i * stride + f] ?? 0)
        sunlit[i] = (sunlit[i] ?? 0) + light * down * share
      }
    })
  }

  private renderRun(
    detector: number,
    field: Float64Array,
    from: number,
    to: number,
    line: Line,
    strip: BandStrip,
    sky: SkyStrip | null,
  ): void {
    const { y, mapRow, reflectance, altitude, sunlit } = line
    const base = line.row * this.image.width
    const clouds = sky === null ? null : this.clouds
    const { stride, first, taps } = this.image.footprint
    // The pixel's centre on the strip, in fine pixels.
    const middle = first + taps.length / 2
    const northing = sky === null ? 0 : sky.window.northing - (line.row * stride + middle) * sky.window.pixelM
    const { pixelM, scale, shift, maxDn, noiseDn, seed } = this.image
    const { cols, rows, stepM } = this.frame
    const nodeRow = Math.min(rows - 2, Math.floor(y / stepM))
    const v = y / stepM - nodeRow
    const edge = (column: number, k: number) => {
      const at = (nodeRow * cols + column) * COEFFICIENTS + k
      return (field[at] ?? 0) * (1 - v) + (field[at + cols * COEFFICIENTS] ?? 0) * v
    }
    const noiseSeed = seed + 1009 * (this.bandIndex + 1)
    const [left, slope] = [new Float64Array(COEFFICIENTS), new Float64Array(COEFFICIENTS)]
    let cell = -1
    for (let i = from; i < to; i++) {
      const x = ((i + 0.5) * pixelM) / stepM
      const column = Math.min(cols - 2, Math.floor(x))
      if (column !== cell) {
        cell = column
        for (let k = 0; k < COEFFICIENTS; k++) {
          const a = edge(column, k)
          left[k] = a
          slope[k] = edge(column + 1, k) - a
        }
        clouds?.enter(detector, nodeRow, column, v)
      }
      const u = x - column
      const h = (altitude[i] ?? 0) / 1800
      const hh = h * h
      const path =
        (left[0] ?? 0) +
        u * (slope[0] ?? 0) +
        h * ((left[1] ?? 0) + u * (slope[1] ?? 0)) +
        hh * ((left[2] ?? 0) + u * (slope[2] ?? 0))
      const gain =
        (left[3] ?? 0) +
        u * (slope[3] ?? 0) +
        h * ((left[4] ?? 0) + u * (slope[4] ?? 0)) +
        hh * ((left[5] ?? 0) + u * (slope[5] ?? 0))
      const albedo =
        (left[6] ?? 0) +
        u * (slope[6] ?? 0) +
        h * ((left[7] ?? 0) + u * (slope[7] ?? 0)) +
        hh * ((left[8] ?? 0) + u * (slope[8] ?? 0))
      // The sensor sees what the truth says, rounding included.
      const quantized = Math.round((reflectance[i] ?? 0) * 10000)
      const rho = quantized / 10000
      let toa = (gain * rho) / (1 - albedo * rho)
      if (clouds && sky) {
        const easting = sky.window.easting + (i * stride + middle) * sky.window.pixelM
        toa = path + clouds.shade(u, sunlit?.[i] ?? 1) * toa
        toa = clouds.through(toa, u, easting, northing, altitude[i] ?? 0, sky)
      } else toa = path + toa
      const random = hash(i, mapRow, noiseSeed)
      const sum = (random & 255) + ((random >>> 8) & 255) + ((random >>> 16) & 255) + (random >>> 24)
      // Four bytes together are nearly normal, with a standard deviation of 147.8.
      const dn = Math.round(scale * toa + shift + (noiseDn(toa) / 147.8) * (sum - 510))
      strip.truth[base + i] = quantized
      strip.dn[base + i] = dn < 1 ? 1 : dn > maxDn ? maxDn : dn
    }
  }
}

import { BandAir, type AirState, type BandOptics } from './atmosphere/evaluate-atmosphere.js'
import type { CloudDeck } from './clouds/cloud-decks.js'
import { SkyOptics } from './clouds/sky-optics.js'
import type { SkyStrip } from './clouds/sky-strip.js'
import type { Ground2d } from './landscape.js'
import { hash } from './noise.js'
import { GROUND, VARIANTS } from './spectra.js'
import type { GroundScatter } from './unknowns/ground-scatter.js'
import type { SlopeLight } from './unknowns/slope-light.js'
import { fillLightTerms, LIGHT_TERMS, litSignal, type BandUnknowns } from './unknowns/band-unknowns.js'
import { strengthOf } from './unknowns/directional.js'
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
  /** As level ground under the sun would look; with slopes as it looks under the light that it gets. */
  readonly truth: Int16Array
  /** With slopes only: as if it were level. */
  readonly level: Int16Array | null
}

/** What else is known of the fine pixels of a strip. */
export interface GroundDetail {
  readonly scatter: GroundScatter | null
  readonly slopes: SlopeLight | null
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
  /** Strength of the directional effect, beam on slopes, sky that is seen: of each pixel, with unknowns only. */
  readonly strength: Float32Array
  readonly beam: Float32Array | null
  readonly sky: Float32Array | null
}

/** Turns ground into what the sensor sees in one band: rho_toa = path + gain rho / (1 - albedo rho), by detector, place and altitude. */
export class BandRenderer {
  private readonly fields = new Map<number, Float64Array>()
  private readonly clouds: SkyOptics | null
  /** Numbers on a node. */
  private readonly stride: number
  constructor(
    private readonly frame: ViewFrame,
    private readonly bandIndex: number,
    private readonly image: BandImage,
    private readonly spectra: Float32Array,
    optics: BandOptics,
    /** Air over a node above ground of an altitude (m). */
    airAt: (node: number, altitudeM: number) => AirState,
    decks: readonly CloudDeck[],
    private readonly unknowns: BandUnknowns | null = null,
  ) {
    this.stride = COEFFICIENTS + (unknowns === null ? 0 : LIGHT_TERMS)
    this.clouds =
      decks.length === 0
        ? null
        : new SkyOptics(decks, frame, bandIndex, optics, image.um, image.bySun, (node) => airAt(node, 0))
    for (const detector of frame.detectors) this.fields.set(detector, this.fieldOf(detector, optics, airAt))
  }

  /** Coefficients on the nodes that interpolation inside of the detector's footprint can touch; the others stay 0 and unused. */
  private fieldOf(
    detector: number,
    optics: BandOptics,
    airAt: (node: number, altitudeM: number) => AirState,
  ): Float64Array {
    const { sunZenith, sunAzimuth } = this.frame
    const size = this.frame.cols * this.frame.rows
    const field = new Float64Array(size * this.stride)
    // Air that is the same everywhere is evaluated once.
    const known = new Map<AirState, BandAir>()
    const airOf = (state: AirState): BandAir => {
      let air = known.get(state)
      if (air === undefined) {
        if (known.size > 100) known.clear()
        known.set(state, (air = new BandAir(state, optics)))
      }
      return air
    }
    for (let i = 0; i < size; i++) {
      const view = this.frame.view(i, detector, this.bandIndex)
      if (view === null) continue
      const turn = Math.abs((sunAzimuth[i] ?? 0) - view.azimuth)
      const sza = sunZenith[i] ?? 0
      const geometry = { sza, vza: view.zenith, raa: turn > 180 ? 360 - turn : turn }
      const airs = ALTITUDES_M.map((altitudeM) => airOf(airAt(i, altitudeM)))
      const at = (k: 0 | 1 | 2) => (airs[k] as BandAir).at({ ...geometry, altitudeM: ALTITUDES_M[k] })
      const [a, b, c] = [at(0), at(1), at(2)]
      const sunlit = this.image.bySun ? Math.cos((sza * Math.PI) / 180) : 1
      const keys = ['path', 'gain', 'albedo'] as const
      const base = i * this.stride
      keys.forEach((key, k) => {
        const factor = key === 'albedo' ? 1 : sunlit
        field[base + 3 * k] = factor * a[key]
        field[base + 3 * k + 1] = factor * (4 * b[key] - 3 * a[key] - c[key])
        field[base + 3 * k + 2] = factor * (2 * (a[key] + c[key]) - 4 * b[key])
      })
      const [low, high] = [airs[0], airs[2]]
      if (this.unknowns && low && high)
        fillLightTerms(field, base + COEFFICIENTS, this.unknowns, [low, high], geometry)
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
    detail: GroundDetail | null = null,
  ): BandStrip {
    const { width, pixelM } = this.image
    const strip: BandStrip = {
      dn: new Uint16Array(width * rows),
      truth: new Int16Array(width * rows).fill(NO_REFLECTANCE),
      level: detail?.slopes ? new Int16Array(width * rows).fill(NO_REFLECTANCE) : null,
    }
    const reflectance = new Float32Array(width)
    const altitude = new Float32Array(width)
    const strength = new Float32Array(width)
    const sunlit = sky === null ? null : new Float32Array(width)
    const slopes = detail?.slopes ?? null
    const [beam, open] = slopes ? [new Float32Array(width), new Float32Array(width)] : [null, null]
    for (let row = 0; row < rows; row++) {
      this.meanGround(ground, groundWidth, row, reflectance, altitude, detail?.scatter ?? null)
      if (sky && sunlit) this.meanOf(sky.sunlit, groundWidth, row, sunlit)
      if (slopes && beam) {
        this.meanOf(slopes.beam, groundWidth, row, beam)
        this.meanOf(slopes.sky, groundWidth, row, open)
      }
      if (this.unknowns) this.strengths(ground, groundWidth, row, strength)
      const y = (firstRow + row + 0.5) * pixelM
      for (const { detector, from, to } of this.frame.runs(y, pixelM, width)) {
        const field = this.fields.get(detector)
        if (!field) continue
        const light = { sunlit, strength, beam, sky: open }
        const line = { y, mapRow: firstRow + row, row, reflectance, altitude, ...light }
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
    scatter: GroundScatter | null,
  ): void {
    const { width } = this.image
    const [ofBlue, ofSwir, ofDate] = this.unknowns?.shown ?? [0, 0, 0]
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
          if (scatter)
            bare *= Math.max(
              0.2,
              (1 + ofBlue * (scatter.blue[k] ?? 0) + ofSwir * (scatter.swir[k] ?? 0)) *
                (1 + ofDate * (scatter.date[k] ?? 0)),
            )
          if (snow) bare += ((white - bare) * (snow[k] ?? 0)) / 255
          r += w * bare
          a += w * (altitudeM[k] ?? 0)
        }
        reflectance[i] = (reflectance[i] ?? 0) + r * down * share
        altitude[i] = (altitude[i] ?? 0) + a * down * share
      }
    })
  }

  /** A quantity of the fine pixels on one row of the band's pixels. */
  private meanOf(fine: Float32Array, groundWidth: number, row: number, out: Float32Array): void {
    const { stride, first, taps } = this.image.footprint
    const share = 1 / taps.reduce((a, b) => a + b, 0) ** 2
    out.fill(0)
    taps.forEach((down, j) => {
      const start = (row * stride + first + j) * groundWidth + first
      for (let i = 0; i < out.length; i++) {
        let sum = 0
        for (let f = 0; f < taps.length; f++) sum += (taps[f] ?? 0) * (fine[start + i * stride + f] ?? 0)
        out[i] = (out[i] ?? 0) + sum * down * share
      }
    })
  }

  /** Of the middle of each pixel. */
  private strengths(ground: Ground2d, groundWidth: number, row: number, out: Float32Array): void {
    const { stride, first, taps } = this.image.footprint
    const middle = first + Math.floor(taps.length / 2)
    const start = (row * stride + middle) * groundWidth + middle
    for (let i = 0; i < out.length; i++) out[i] = strengthOf(ground.kinds[start + i * stride] ?? 0)
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
    const { stride: terms, unknowns } = this
    const edge = (column: number, k: number) => {
      const at = (nodeRow * cols + column) * terms + k
      return (field[at] ?? 0) * (1 - v) + (field[at + cols * terms] ?? 0) * v
    }
    const noiseSeed = seed + 1009 * (this.bandIndex + 1)
    const [left, slope] = [new Float64Array(terms), new Float64Array(terms)]
    const [light, lit] = [new Float64Array(LIGHT_TERMS), { level: 0, seen: 0, ground: 0 }]
    const pixel = { reflectance: 0, strength: 0, beam: 1, sky: 1, sunlit: 1, albedo: 0, around: -1 }
    let cell = -1
    for (let i = from; i < to; i++) {
      const x = ((i + 0.5) * pixelM) / stepM
      const column = Math.min(cols - 2, Math.floor(x))
      if (column !== cell) {
        cell = column
        for (let k = 0; k < terms; k++) {
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
      const easting = sky === null ? 0 : sky.window.easting + (i * stride + middle) * sky.window.pixelM
      let toa: number
      let seen: number
      if (unknowns) {
        for (let k = 0; k < LIGHT_TERMS; k++)
          light[k] = (left[COEFFICIENTS + k] ?? 0) + u * (slope[COEFFICIENTS + k] ?? 0)
        pixel.reflectance = reflectance[i] ?? 0
        pixel.strength = line.strength[i] ?? 0
        pixel.beam = line.beam?.[i] ?? 1
        pixel.sky = line.sky?.[i] ?? 1
        pixel.sunlit = sunlit?.[i] ?? 1
        pixel.albedo = albedo
        pixel.around = unknowns.environment?.at((i + 0.5) * pixelM, y) ?? -1
        litSignal(light, altitude[i] ?? 0, pixel, lit)
        seen = lit.seen
        if (strip.level) strip.level[base + i] = lit.level
        toa = path + gain * lit.ground
        if (clouds && sky) toa = clouds.through(toa, u, easting, northing, altitude[i] ?? 0, sky)
        toa *= unknowns.calibration
      } else {
        // The sensor sees what the truth says, rounding included.
        seen = Math.round((reflectance[i] ?? 0) * 10000)
        const rho = seen / 10000
        toa = (gain * rho) / (1 - albedo * rho)
        if (clouds && sky) {
          toa = path + clouds.shade(u, sunlit?.[i] ?? 1) * toa
          toa = clouds.through(toa, u, easting, northing, altitude[i] ?? 0, sky)
        } else toa = path + toa
      }
      const random = hash(i, mapRow, noiseSeed)
      const sum = (random & 255) + ((random >>> 8) & 255) + ((random >>> 16) & 255) + (random >>> 24)
      // Four bytes together are nearly normal, with a standard deviation of 147.8.
      const dn = Math.round(scale * toa + shift + (noiseDn(toa) / 147.8) * (sum - 510))
      strip.truth[base + i] = seen
      strip.dn[base + i] = dn < 1 ? 1 : dn > maxDn ? maxDn : dn
    }
  }
}

import { S2_BANDS, type S2Band } from '../domain/sentinel2.js'
import { BandAir, type AirState } from './atmosphere/evaluate-atmosphere.js'
import type { Ground2d } from './landscape.js'
import { hash } from './noise.js'
import { ANGLE_NODES, ANGLE_STEP_M, DETECTOR_KM, viewAngles, type TilePass } from './orbit.js'
import { bordersOnRow, detectorsOf, type SceneAngles } from './scene-angles.js'

/** Altitudes in metres at which the air is evaluated; a parabola goes through the three. */
const ALTITUDES_M = [0, 900, 1800] as const
/** path, gain, albedo, each with three powers of altitude / 1800 m. */
const COEFFICIENTS = 9
export const NO_REFLECTANCE = -32768

/** One band of a strip: digital numbers, and the surface reflectance x 10000 they came from. Row-major. */
export interface BandStrip {
  readonly dn: Uint16Array
  readonly truth: Int16Array
}

/** How a band's images are made; `factor` finest pixels along an edge of its own pixel. */
export interface BandFrame {
  readonly factor: number
  readonly pixelM: number
  readonly width: number
  readonly offset: number
  readonly noiseDn: number
  readonly seed: number
}

/** Turns ground into what the sensor sees in one band: rho_toa = path + gain rho / (1 - albedo rho), by detector, place and altitude. */
export class BandRenderer {
  private readonly fields = new Map<number, Float64Array>()
  private readonly bandIndex: number
  constructor(
    private readonly pass: TilePass,
    private readonly band: S2Band,
    private readonly frame: BandFrame,
    private readonly spectra: Float32Array,
    air: AirState,
    angles: SceneAngles,
  ) {
    this.bandIndex = S2_BANDS.indexOf(band)
    const bandAir = new BandAir(air, band)
    for (const detector of detectorsOf(pass))
      this.fields.set(detector, this.fieldOf(detector, bandAir, angles))
  }

  /** Coefficients on the nodes that interpolation inside of the detector's footprint can touch; the others stay 0 and unused. */
  private fieldOf(detector: number, air: BandAir, angles: SceneAngles): Float64Array {
    const field = new Float64Array(ANGLE_NODES * ANGLE_NODES * COEFFICIENTS)
    for (let i = 0; i < ANGLE_NODES * ANGLE_NODES; i++) {
      const across = this.pass.acrossKm[i] ?? 0
      if (Math.abs(across / DETECTOR_KM - (detector - 6.5)) > 0.85) continue
      const view = viewAngles(across, this.pass.sideAzimuth[i] ?? 0, detector, this.band)
      const turn = Math.abs((angles.sunAzimuth[i] ?? 0) - view.azimuth)
      const [a, b, c] = ALTITUDES_M.map((altitudeM) =>
        air.at({
          sza: angles.sunZenith[i] ?? 0,
          vza: view.zenith,
          raa: turn > 180 ? 360 - turn : turn,
          altitudeM,
        }),
      )
      if (a === undefined || b === undefined || c === undefined) continue
      const keys = ['path', 'gain', 'albedo'] as const
      keys.forEach((key, k) => {
        field[i * COEFFICIENTS + 3 * k] = a[key]
        field[i * COEFFICIENTS + 3 * k + 1] = 4 * b[key] - 3 * a[key] - c[key]
        field[i * COEFFICIENTS + 3 * k + 2] = 2 * (a[key] + c[key]) - 4 * b[key]
      })
    }
    return field
  }

  /** @param firstRow of this band; `ground` covers its rows at the finest size, `groundWidth` finest pixels a row. */
  render(ground: Ground2d, groundWidth: number, firstRow: number, rows: number): BandStrip {
    const { width, pixelM } = this.frame
    const strip: BandStrip = {
      dn: new Uint16Array(width * rows),
      truth: new Int16Array(width * rows).fill(NO_REFLECTANCE),
    }
    const reflectance = new Float32Array(width)
    const altitude = new Float32Array(width)
    for (let row = 0; row < rows; row++) {
      this.meanGround(ground, groundWidth, row, reflectance, altitude)
      const y = (firstRow + row + 0.5) * pixelM
      const borders = bordersOnRow(this.pass, y)
      for (const [detector, field] of this.fields) {
        const from = pixelFrom(borders[detector - 1] ?? 0, pixelM, width)
        const to = pixelFrom(borders[detector] ?? 0, pixelM, width)
        if (from < to)
          this.renderRun(field, y, from, to, firstRow + row, row * width, reflectance, altitude, strip)
      }
    }
    return strip
  }

  /** Surface reflectance (unit 1) and altitude (m) of one row of the band's pixels: means over the finest pixels in each. */
  private meanGround(
    ground: Ground2d,
    groundWidth: number,
    row: number,
    reflectance: Float32Array,
    altitude: Float32Array,
  ): void {
    const { factor, width } = this.frame
    const { kinds, texture, altitudeM } = ground
    const spectra = this.spectra
    const share = 1 / (factor * factor)
    reflectance.fill(0)
    altitude.fill(0)
    for (let j = 0; j < factor; j++) {
      let k = (row * factor + j) * groundWidth
      for (let i = 0; i < width; i++) {
        let [r, a] = [0, 0]
        for (let f = 0; f < factor; f++, k++) {
          r += (spectra[kinds[k] ?? 0] ?? 0) * (1 + (texture[k] ?? 0) / 4096)
          a += altitudeM[k] ?? 0
        }
        reflectance[i] = (reflectance[i] ?? 0) + r * share
        altitude[i] = (altitude[i] ?? 0) + a * share
      }
    }
  }

  private renderRun(
    field: Float64Array,
    y: number,
    from: number,
    to: number,
    mapRow: number,
    base: number,
    reflectance: Float32Array,
    altitude: Float32Array,
    strip: BandStrip,
  ): void {
    const { pixelM, offset, noiseDn, seed } = this.frame
    const nodeRow = Math.min(ANGLE_NODES - 2, Math.floor(y / ANGLE_STEP_M))
    const v = y / ANGLE_STEP_M - nodeRow
    const edge = (column: number, k: number) => {
      const at = (nodeRow * ANGLE_NODES + column) * COEFFICIENTS + k
      return (field[at] ?? 0) * (1 - v) + (field[at + ANGLE_NODES * COEFFICIENTS] ?? 0) * v
    }
    const noise = noiseDn / 147.8
    const noiseSeed = seed + 1009 * (this.bandIndex + 1)
    const [left, slope] = [new Float64Array(COEFFICIENTS), new Float64Array(COEFFICIENTS)]
    let cell = -1
    for (let i = from; i < to; i++) {
      const x = ((i + 0.5) * pixelM) / ANGLE_STEP_M
      const column = Math.min(ANGLE_NODES - 2, Math.floor(x))
      if (column !== cell) {
        cell = column
        for (let k = 0; k < COEFFICIENTS; k++) {
          const a = edge(column, k)
          left[k] = a
          slope[k] = edge(column + 1, k) - a
        }
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
      const random = hash(i, mapRow, noiseSeed)
      const sum = (random & 255) + ((random >>> 8) & 255) + ((random >>> 16) & 255) + (random >>> 24)
      const dn = Math.round(10000 * (path + (gain * rho) / (1 - albedo * rho)) - offset + noise * (sum - 510))
      strip.truth[base + i] = quantized
      strip.dn[base + i] = dn < 1 ? 1 : dn > 65534 ? 65534 : dn
    }
  }
}

/** The first pixel whose centre lies at or right of `border` (metres from the edge), within 0..width. */
export function pixelFrom(border: number, pixelM: number, width: number): number {
  return Math.min(width, Math.max(0, Math.ceil(border / pixelM - 0.5)))
}

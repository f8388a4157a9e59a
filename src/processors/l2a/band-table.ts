import { ProcessingError } from '../../domain/errors.js'
import type { AngleGrid, L1SceneBand, SpectralSensor } from '../../domain/l1-scene.js'
import type { AtmosphereModel } from './atmosphere.js'
import { bracketOf, lagrangeOf, newBracket, newLagrange, type Lagrange } from './interpolate.js'

/** No detector, or one that the band's metadata does not describe. */
export const NO_SLOT = 255
/**
 * Sun zenith beyond which nothing is corrected, degrees. The table of radiative transfer ends there, and it has plane layers: above 80 the Earth's curvature alone changes the path by more than the
 * correction is worth.
 */
export const MAX_SUN_ZENITH_DEG = 80
/** Every second node of the 5 km grid of angles is evaluated: bilinear between nodes 10 km apart misses the middle by about 1e-5 of reflectance, nodes 20 km apart by 4e-5. */
const STRIDE = 2
/** Vapour that changes the logarithm of the transmittance by less over the whole axis changes nothing that is stored. */
const DRY = 1e-5
/** Path, logarithm of the transmittance, spherical albedo. */
export const TERMS = 3
/** The same, then total over direct transmittance upwards, and the direct share downwards. */
export const TERMS_WITH_LEGS = 5

/** Where a table is evaluated; each ascending, one value or more. A single value means that the quantity is the same everywhere. */
export interface TableAxes {
  readonly pressureHpa: ArrayLike<number>
  /** At 550 nm, above the ground at that pressure. */
  readonly aot: readonly number[]
  /** g/cm2 above sea level. */
  readonly wv: readonly number[]
}

export interface BandTableInput {
  readonly model: AtmosphereModel
  readonly sensor: SpectralSensor
  readonly band: Pick<L1SceneBand, 'id' | 'detectors'>
  readonly sun: AngleGrid
  /** DU above sea level. */
  readonly ozone: number
  /** A model or a mix of models, as `parseAerosolMix` reads it. */
  readonly aerosol: string
  readonly axes: TableAxes
  /** Whether the two legs are wanted too, for ground that is not alike everywhere; default false. */
  readonly withLegs?: boolean
  /** Nodes of the grid of angles from one that is evaluated to the next; default 2. */
  readonly stride?: number
}

/**
 * What the atmosphere does to one band of one scene: `p` (path through the gases), `l` (logarithm of gas and scattering transmittance, two-way), `S` (spherical albedo) with
 * `y = (rho_toa - p) exp(-l); rho_s = y / (1 + S y)`, for every detector by its own view angles, never mixed between detectors. Bilinear in place between nodes of the angle grid,
 * linear in pressure, parabolas in the root of vapour; the axis of AOT is left to the caller. The model is asked where a node is first needed: a detector sees a quarter of a tile.
 */
export class BandTable {
  /** [256] slot by detector number, NO_SLOT where there is none. */
  readonly slotOf = new Uint8Array(256).fill(NO_SLOT)
  /** TERMS or TERMS_WITH_LEGS. */
  readonly terms: number
  /** Numbers that `column` fills: `terms` for each AOT. */
  readonly columnSize: number
  private readonly rows: Float64Array
  private readonly columns: Float64Array
  private readonly rootsOfWv: Float64Array
  private readonly stride: number
  private readonly values: Float64Array
  private readonly isKnown: Uint8Array

  /**
   * @throws ProcessingError GRID_MISMATCH where a view grid is not on the sun's nodes; METADATA_INVALID where the band has no detector, and later where an angle is
   * no number; SENSOR_UNKNOWN later; INTERNAL for axes that do not ascend.
   */
  constructor(private readonly input: BandTableInput) {
    const { band, sun, axes } = input
    if (band.detectors.length === 0)
      throw new ProcessingError(
        'METADATA_INVALID',
        `Band ${band.id} has no view angles of any detector; at least one is expected.`,
      )
    for (const [slot, { detector, angles }] of band.detectors.entries()) {
      mustShareNodes(band.id, detector, angles, sun)
      this.slotOf[detector] = slot
    }
    for (const [name, axis] of Object.entries({ pressure: axes.pressureHpa, AOT: axes.aot, vapour: axes.wv }))
      mustAscend(band.id, name, axis)
    this.rows = nodesEvery(input.stride ?? STRIDE, sun.rows)
    this.columns = nodesEvery(input.stride ?? STRIDE, sun.cols)
    this.rootsOfWv = Float64Array.from(isDry(input) ? axes.wv.slice(0, 1) : axes.wv, Math.sqrt)
    this.terms = input.withLegs === true ? TERMS_WITH_LEGS : TERMS
    this.columnSize = axes.aot.length * this.terms
    this.stride = axes.pressureHpa.length * this.rootsOfWv.length * this.columnSize
    const nodes = band.detectors.length * this.rows.length * this.columns.length
    this.values = new Float64Array(nodes * this.stride)
    this.isKnown = new Uint8Array(nodes)
  }

  get axes(): TableAxes {
    return this.input.axes
  }

  /** View angles of the detector of a slot. */
  anglesOf(slot: number): AngleGrid {
    return this.input.band.detectors[slot]!.angles
  }

  /**
   * p, l, S for each AOT of the axis, at a place (metres of the product's CRS), pressure (hPa) and vapour (g/cm2), [aot][terms] into `out`. Beyond an axis its end is taken.
   * @param slot of `slotOf`.
   * @param only the AOTs of the axis that are wanted; what stands at the others in `out` means nothing. Default: all.
   */
  column(
    slot: number,
    x: number,
    y: number,
    pressureHpa: number,
    wv: number,
    out: Float64Array,
    only?: Pick<Lagrange, 'first' | 'count'>,
  ): void {
    const { columnSize: size, values } = this
    const low = only === undefined ? 0 : only.first * this.terms
    const high = only === undefined ? size : low + only.count * this.terms
    const corners = this.findCorners(slot, x, y, pressureHpa)
    const { first, count, weights } = lagrangeOf(this.rootsOfWv, Math.sqrt(wv), VAPOUR)
    out.fill(0, low, high)
    for (let c = 0; c < corners; c++)
      for (let w = 0; w < count; w++) {
        const share = CORNERS.weights[c]! * weights[w]!
        const from = CORNERS.bases[c]! + (first + w) * size
        for (let k = low; k < high; k++) out[k]! += share * values[from + k]!
      }
  }

  /** The same for each vapour of the axis, [wv][aot][terms]. */
  columnsOfVapour(slot: number, x: number, y: number, pressureHpa: number, out: Float64Array): void {
    const size = this.columnSize * this.rootsOfWv.length
    const corners = this.findCorners(slot, x, y, pressureHpa)
    out.fill(0)
    for (let c = 0; c < corners; c++) {
      const [share, from] = [CORNERS.weights[c]!, CORNERS.bases[c]!]
      for (let k = 0; k < size; k++) out[k]! += share * this.values[from + k]!
    }
  }

  /** Puts the weight of each node and pressure around a place into CORNERS, and where its values begin, [wv][aot][terms]. Returns how many there are. */
  private findCorners(slot: number, x: number, y: number, pressureHpa: number): number {
    const { sun, axes } = this.input
    const across = bracketOf(this.columns, (x - sun.ulx) / sun.stepXM, ACROSS)
    const down = bracketOf(this.rows, (sun.uly - y) / sun.stepYM, DOWN)
    const level = bracketOf(axes.pressureHpa, pressureHpa, LEVEL)
    const perLevel = this.rootsOfWv.length * this.columnSize
    let count = 0
    for (let corner = 0; corner < 4; corner++) {
      const right = corner & 1
      const below = corner >> 1
      const share =
        (right === 1 ? across.fraction : 1 - across.fraction) *
        (below === 1 ? down.fraction : 1 - down.fraction)
      if (share === 0) continue
      const base = this.nodeAt(slot, down.index + below, across.index + right)
      for (let p = 0; p < 2; p++) {
        const ofLevel = p === 1 ? level.fraction : 1 - level.fraction
        if (ofLevel === 0) continue
        CORNERS.weights[count] = share * ofLevel
        CORNERS.bases[count++] = base + (level.index + p) * perLevel
      }
    }
    return count
  }

  /** Where the values of a node begin; evaluates them if they are not known yet. */
  private nodeAt(slot: number, row: number, column: number): number {
    const node = (slot * this.rows.length + row) * this.columns.length + column
    const base = node * this.stride
    if (this.isKnown[node] === 1) return base
    const { model, sensor, band, sun, ozone, aerosol, axes } = this.input
    const { angles, detector } = band.detectors[slot]!
    const at = this.rows[row]! * sun.cols + this.columns[column]!
    const of = `of band ${band.id}, detector ${detector}`
    // One object for all: a tile asks some hundred thousand times.
    const look = {
      platform: sensor,
      band: band.id,
      sunZenithDeg: Math.min(angleAt(sun.zenith, at, 'sun zenith'), MAX_SUN_ZENITH_DEG),
      viewZenithDeg: angleAt(angles.zenith, at, `view zenith ${of}`),
      relativeAzimuthDeg:
        angleAt(sun.azimuth, at, 'sun azimuth') - angleAt(angles.azimuth, at, `view azimuth ${of}`),
      ozone,
      aerosol,
      aot550: 0,
      wv: 0,
      pressureHpa: 0,
    }
    let k = base
    for (let p = 0; p < axes.pressureHpa.length; p++) {
      look.pressureHpa = axes.pressureHpa[p]!
      for (const root of this.rootsOfWv) {
        look.wv = root * root
        for (const aot550 of axes.aot) {
          look.aot550 = aot550
          const c = model.bandCoefficients(look)
          this.values[k++] = c.gasPath
          this.values[k++] = Math.log(c.gasTransmittance * c.transmittance)
          this.values[k++] = c.sphericalAlbedo
          if (this.terms === TERMS) continue
          this.values[k++] = c.transmittanceUp / c.directUp
          this.values[k++] = c.directDown / c.transmittanceDown
        }
      }
    }
    this.isKnown[node] = 1
    return base
  }
}

// One of each for all calls: they are filled anew in every one, and nothing runs beside it.
const [ACROSS, DOWN, LEVEL] = [newBracket(), newBracket(), newBracket()]
const VAPOUR = newLagrange()
/** Up to four nodes at two pressures. */
const CORNERS = { weights: new Float64Array(8), bases: new Int32Array(8) }

/** Surface reflectance, unit 1, of a reflectance at the sensor; p, l, S as `BandTable` gives them. */
export function surfaceOf(rhoToa: number, p: number, l: number, s: number): number {
  const y = (rhoToa - p) * Math.exp(-l)
  return y / (1 + s * y)
}

/** @throws ProcessingError SUN_TOO_LOW where no node of the image has the sun above 10 degrees elevation. */
export function assertSunHighEnough(sun: AngleGrid): void {
  const smallest = sun.zenith.reduce((least, zenith) => Math.min(least, zenith), Infinity)
  if (smallest > MAX_SUN_ZENITH_DEG)
    throw new ProcessingError(
      'SUN_TOO_LOW',
      `The sun stands at a zenith angle of ${smallest.toFixed(1)} degrees or more over the whole image, expected at most ${MAX_SUN_ZENITH_DEG}. Leave this date out.`,
    )
}

/** Whether a band does not see the vapour of the axis: then one of it is enough. */
function isDry({ model, sensor, band, ozone, aerosol, axes }: BandTableInput): boolean {
  const at = (wv: number) => {
    const slant = {
      sunZenithDeg: 70,
      viewZenithDeg: 10,
      relativeAzimuthDeg: 90,
      aot550: 0.5,
      pressureHpa: 1080,
    }
    const c = model.bandCoefficients({ ...slant, platform: sensor, band: band.id, ozone, aerosol, wv })
    return [Math.log(c.gasTransmittance), c.gasPath] as const
  }
  const [dry, wet] = [at(axes.wv[0]!), at(axes.wv[axes.wv.length - 1]!)]
  return Math.abs(dry[0] - wet[0]) < DRY && Math.abs(dry[1] - wet[1]) < DRY
}

/** Indices 0, step, 2 step, ... and the last. */
function nodesEvery(step: number, count: number): Float64Array {
  const nodes: number[] = []
  for (let i = 0; i < count - 1; i += step) nodes.push(i)
  return Float64Array.from([...nodes, count - 1])
}

function mustShareNodes(band: string, detector: number, angles: AngleGrid, sun: AngleGrid): void {
  const same = (['rows', 'cols', 'ulx', 'uly', 'stepXM', 'stepYM'] as const).every(
    (key) => angles[key] === sun[key],
  )
  if (!same)
    throw new ProcessingError(
      'GRID_MISMATCH',
      `View angles of band ${band}, detector ${detector}: ${describe(angles)}, expected the sun's ${describe(sun)}.`,
    )
}

function mustAscend(band: string, name: string, axis: ArrayLike<number>): void {
  const values = Array.from(axis)
  if (
    values.length === 0 ||
    values.some((v, i) => !Number.isFinite(v) || (i > 0 && v <= (values[i - 1] ?? Infinity)))
  )
    throw new ProcessingError(
      'INTERNAL',
      `The axis of ${name} of band ${band} is [${values.join(', ')}], expected one or more ascending values.`,
    )
}

function angleAt(angles: Float64Array, node: number, what: string): number {
  const value = angles[node]
  if (value !== undefined && Number.isFinite(value)) return value
  throw new ProcessingError(
    'METADATA_INVALID',
    `The ${what} is no number at node ${node} of the 5 km grid; each detector's plane must fill all nodes.`,
  )
}

const describe = (g: AngleGrid): string =>
  `${g.rows} x ${g.cols} nodes of ${g.stepXM} x ${g.stepYM} m at (${g.ulx}, ${g.uly})`

import type { S2Band, S2Platform } from '../../domain/sentinel2.js'
import { sensorOf, type LandsatPlatform, type OliBand } from '../landsat/oli.js'
import { AXES, MOLECULE_RATIO, TABLE } from './atmosphere-table.js'
import { GAS_POINTS } from './gas-points.js'
import { OLI_MOLECULE_RATIO, OLI_TABLE } from './oli-atmosphere-table.js'
import { OLI_GAS_POINTS } from './oli-gas-points.js'
import type { SimulatedAerosol } from './aerosols.js'
import { OTHER_AEROSOLS } from './other-aerosols.js'
import { OPTICAL_DEPTHS } from './sensor-tables.js'

/** State of the air above a place. `aot` at 550 nm above the ground; `wv` g/cm2 and `ozone` cm-atm of a column at sea level. */
export interface AirState {
  readonly aot: number
  readonly wv: number
  readonly ozone: number
}

type Points = readonly (readonly [number, number])[]

/** What one band of one sensor needs of the tables. */
export interface BandOptics {
  readonly scatter: {
    readonly path: readonly number[]
    readonly transmittance: readonly number[]
    readonly albedo: readonly number[]
  }
  readonly moleculeRatio: number
  readonly gases: {
    readonly water: Points
    readonly ozone: Points
    readonly other1013: Points
    readonly other902: Points
    /** Over so many km what water absorbs falls as if its amount fell to 1/e: thinner vapour, and less broadening of its lines. */
    readonly waterScaleKm: number
  }
  /** Molecular optical depth at 1013.25 hPa; extinction of the aerosol relative to 550 nm. */
  readonly depths: readonly [number, number]
}

/** Of other aerosols than the continental the extinction is that in Sentinel-2A's bands. */
export function s2Optics(
  platform: S2Platform,
  band: S2Band,
  aerosol: SimulatedAerosol = 'continental',
): BandOptics {
  const [molecules, extinction] = OPTICAL_DEPTHS[platform]?.[band] ?? [0, 0]
  const other = aerosol === 'continental' ? null : OTHER_AEROSOLS[aerosol][band]
  return {
    scatter: other ?? TABLE[band],
    moleculeRatio: MOLECULE_RATIO[platform][band],
    gases: GAS_POINTS[platform][band],
    depths: [molecules, other?.extinction ?? extinction],
  }
}

export function oliOptics(platform: LandsatPlatform, band: OliBand): BandOptics {
  const sensor = sensorOf(platform)
  return {
    scatter: OLI_TABLE[band],
    moleculeRatio: OLI_MOLECULE_RATIO[sensor][band],
    gases: OLI_GAS_POINTS[sensor][band],
    depths: OPTICAL_DEPTHS[sensor]?.[band] ?? [0, 0],
  }
}

/** rho_toa = path + gain rho / (1 - albedo rho): gas absorption is inside `path` and `gain`. All unit 1. */
export interface AirCoefficients {
  readonly path: number
  readonly gain: number
  readonly albedo: number
}

/** Geometry of a place: zenith angles and `raa` = |sun azimuth - view azimuth| in degrees, altitude in metres. */
export interface AirGeometry {
  readonly sza: number
  readonly vza: number
  readonly raa: number
  readonly altitudeM: number
}

const { sun: SUN, view: VIEW, aot: AOT, molecules: MOLECULES, modes: MODES } = AXES
/** km; chosen so that pressure fits at 1 km (MLS 902 hPa). */
const SCALE_HEIGHT_AIR_KM = 8.6

/** Air above a place in one band: interpolates the table in AOT once, then in angles and molecules (pressure) for each place. */
export class BandAir {
  private pathHere: Float64Array | null = null
  private readonly molecularPath: Float64Array
  private readonly transmittance: Float64Array
  private readonly albedo: Float64Array
  constructor(
    private readonly air: AirState,
    private readonly optics: BandOptics,
  ) {
    const table = optics.scatter
    this.molecularPath = blendClean(table.path)
    this.transmittance = air.aot === 0 ? blendClean(table.transmittance) : blend(table.transmittance, air.aot)
    this.albedo = air.aot === 0 ? blendClean(table.albedo) : blend(table.albedo, air.aot)
  }

  /** The largest part of the table; who asks for light alone does without. */
  private get path(): Float64Array {
    const { air, optics, molecularPath } = this
    return (this.pathHere ??= air.aot === 0 ? molecularPath : blend(optics.scatter.path, air.aot))
  }

  /** Scattering alone, without gases: path reflectance, its molecular part, two-way transmittance, spherical albedo. */
  scattering(g: AirGeometry): { path: number; molecularPath: number; transmittance: number; albedo: number } {
    const m = weights(MOLECULES, this.optics.moleculeRatio * pressureRatio(g.altitudeM))
    const s = ofSun(g.sza)
    const v = ofView(g.vza)
    const cosines = ofTurn(g.raa)
    const [here, molecular] = [this.path, this.molecularPath]
    let [path, molecularPath, down, up, albedo] = [0, 0, 0, 0, 0]
    const asSun = ofViewAsSun(g.vza)
    for (const [mi, mw] of m) {
      albedo += mw * (this.albedo[mi] ?? 0)
      for (const [si, sw] of s) {
        down += mw * sw * (this.transmittance[mi * SUN.length + si] ?? 0)
        for (const [vi, vw] of v) {
          const base = ((mi * SUN.length + si) * VIEW.length + vi) * MODES
          for (let k = 0; k < MODES; k++) {
            const f = mw * sw * vw * (cosines[k] ?? 0)
            path += f * (here[base + k] ?? 0)
            molecularPath += f * (molecular[base + k] ?? 0)
          }
        }
      }
      for (const [si, sw] of asSun) up += mw * sw * (this.transmittance[mi * SUN.length + si] ?? 0)
    }
    return { path, molecularPath, transmittance: down * up, albedo }
  }

  /** Two-way band transmittances of the gases. The aerosol's light crosses half of the water. */
  gases(g: AirGeometry): { water: number; halfWater: number; others: number } {
    const points = this.optics.gases
    const airmass = 1 / cosine(g.sza) + 1 / cosine(g.vza)
    const water = airmass * this.air.wv * Math.exp(-g.altitudeM / 1000 / points.waterScaleKm)
    const pressure = pressureRatio(g.altitudeM)
    const t = (pressure - 1) / (902 / 1013 - 1)
    const [low, high] = [opticalDepth(points.other1013, airmass), opticalDepth(points.other902, airmass)]
    return {
      water: Math.exp(-opticalDepth(points.water, water)),
      halfWater: Math.exp(-opticalDepth(points.water, water / 2)),
      others: Math.exp(
        -opticalDepth(points.ozone, airmass * this.air.ozone) - Math.max(0, low + t * (high - low)),
      ),
    }
  }

  /** Direct sunlight among all that reaches the ground, unit 1; the rest comes from the sky. */
  directShare(g: AirGeometry): number {
    return this.beam(g.sza, g.altitudeM).share
  }

  /** Light between the top of the air and the ground in a direction (zenith angle in degrees), either way: what goes straight, and its share of all that arrives. */
  beam(zenithDeg: number, altitudeM: number): { readonly straight: number; readonly share: number } {
    const [molecules, extinction] = this.optics.depths
    const tau = molecules * pressureRatio(altitudeM) + this.air.aot * extinction
    let all = 0
    for (const [mi, mw] of weights(MOLECULES, this.optics.moleculeRatio * pressureRatio(altitudeM)))
      for (const [si, sw] of weights(SUN, zenithDeg))
        all += mw * sw * (this.transmittance[mi * SUN.length + si] ?? 0)
    const straight = Math.exp(-tau / cosine(zenithDeg))
    return { straight, share: Math.min(1, straight / all) }
  }

  at(g: AirGeometry): AirCoefficients {
    const scatter = this.scattering(g)
    const gas = this.gases(g)
    return {
      path: gas.others * (scatter.molecularPath + (scatter.path - scatter.molecularPath) * gas.halfWater),
      gain: gas.others * gas.water * scatter.transmittance,
      albedo: scatter.albedo,
    }
  }
}

const cosine = (degrees: number) => Math.cos((degrees * Math.PI) / 180)
const pressureRatio = (altitudeM: number) => Math.exp(-altitudeM / 1000 / SCALE_HEIGHT_AIR_KM)

/** Square roots of the amounts of a curve of absorption, and its optical depths: of each curve once. */
const curves = new WeakMap<Points, { readonly roots: Float64Array; readonly depths: Float64Array }>()

/** Absorption optical depth, linear in the square root of the amount between points (strong lines grow so); flat beyond is never needed. */
function opticalDepth(points: Points, amount: number): number {
  const root = Math.sqrt(Math.max(0, amount))
  let curve = curves.get(points)
  if (curve === undefined) {
    const roots = Float64Array.from(points, ([u]) => Math.sqrt(u))
    const depths = Float64Array.from(points, ([, t]) => -Math.log(Math.max(t, 1e-12)))
    curves.set(points, (curve = { roots, depths }))
  }
  const { roots, depths } = curve
  let [x0, y0, slope] = [0, 0, 0]
  for (let i = 0; i < roots.length; i++) {
    const x1 = roots[i] ?? 0
    const y1 = depths[i] ?? 0
    slope = x1 > x0 ? (y1 - y0) / (x1 - x0) : slope
    // The first stretch starts at no absorber, where weak absorption grows with the amount itself.
    if (root <= x1) return x0 === 0 ? y1 * (root / x1) ** (y1 < 0.3 ? 1.6 : 1) : y0 + slope * (root - x0)
    x0 = x1
    y0 = y1
  }
  return y0 + slope * (root - x0)
}

type Weights = readonly (readonly [number, number])[]

/** Weights of the four nodes next to `x` (Lagrange), fewer on a short axis; outside, the end's polynomial goes on. */
function weights(axis: readonly number[], x: number): Weights {
  const size = Math.min(4, axis.length)
  let first = 0
  while (first + size < axis.length && x > (axis[first + Math.floor(size / 2)] ?? Infinity)) first++
  const nodes: [number, number][] = []
  for (let i = 0; i < size; i++) {
    let w = 1
    for (let j = 0; j < size; j++)
      if (j !== i) w *= (x - (axis[first + j] ?? 0)) / ((axis[first + i] ?? 0) - (axis[first + j] ?? 0))
    nodes.push([first + i, w])
  }
  return nodes
}

/** Remembers the last answer: the air over a place is asked for at several altitudes, under the same angles. */
function last<T>(of: (x: number) => T): (x: number) => T {
  let known: { readonly x: number; readonly y: T } | null = null
  return (x) => (known?.x === x ? known : (known = { x, y: of(x) })).y
}
const ofSun = last((sza) => weights(SUN, sza))
const ofView = last((vza) => weights(VIEW, vza))
const ofViewAsSun = last((vza) => weights(SUN, vza))
const ofTurn = last((raa) => Array.from({ length: MODES }, (_, k) => Math.cos((k * raa * Math.PI) / 180)))

/** A part of the table at this AOT. */
function blend(values: readonly number[], aot: number): Float64Array {
  const stride = values.length / AOT.length
  const out = new Float64Array(stride)
  for (const [index, w] of weights(AOT, aot)) {
    const from = index * stride
    const share = w * 1e-6
    for (let i = 0; i < stride; i++) out[i] = (out[i] ?? 0) + share * (values[from + i] ?? 0)
  }
  return out
}

/** Without aerosol, as every place and every cloud deck asks for it: of each part of the table once. */
const clean = new WeakMap<readonly number[], Float64Array>()
function blendClean(values: readonly number[]): Float64Array {
  let known = clean.get(values)
  if (known === undefined) clean.set(values, (known = blend(values, 0)))
  return known
}

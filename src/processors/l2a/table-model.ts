import { parseAerosolMix, type AerosolModel } from '../../domain/aerosol-mix.js'
import type { SpectralResponse, SpectralSensor } from '../../domain/l1-scene.js'
import type { AtmosphereInput, AtmosphereModel, BandCoefficients } from './atmosphere.js'
import { shippedResponse } from './band-integration.js'
import { gasTransmittance, type GasTransmittance } from './gas.js'
import { bracketOf, lagrange4, lagrangeOf, newBracket, newCubic, newLagrange } from './interpolate.js'
import { mixBand, PHASE_STEP_DEG, prepareBand, type BandPart, type PreparedBand } from './prepared-band.js'
import { SEA_LEVEL_HPA } from './pressure.js'
import type { AtmosphereTable } from './rt-table.js'

const RADIAN = Math.PI / 180

/** Phase function of air, 1/2 integral P dmu = 1 (Hansen and Travis 1974, eq. 2.14). */
export function rayleighPhase(depolarisation: number, cosine: number): number {
  const anisotropic = (1 - depolarisation) / (1 + depolarisation / 2)
  return 1 + (anisotropic / 2) * (1.5 * cosine * cosine - 0.5)
}

/**
 * Cosine of the scattering angle of light that comes from the sun and leaves to the sensor; arguments are cosines of the zenith angles
 * and the relative azimuth in degrees, 0 where both stand on the same side. -1 is exact backscatter.
 */
export function scatteringCosine(muSun: number, muView: number, relativeAzimuthDeg: number): number {
  const sines = Math.sqrt(Math.max(0, (1 - muSun * muSun) * (1 - muView * muView)))
  return Math.max(-1, -muSun * muView - sines * Math.cos(relativeAzimuthDeg * RADIAN))
}

function phaseAt(phase: Float64Array, cosine: number): number {
  const at = Math.acos(cosine) / RADIAN / PHASE_STEP_DEG
  const i = Math.min(Math.floor(at), phase.length - 2)
  const low = phase[i] ?? NaN
  return low + (at - i) * ((phase[i + 1] ?? NaN) - low)
}

/** A prepared band at one pressure and AOT: [sun][view][perDirection], without aerosol too, [sun], and the albedo. */
interface ScatteringState {
  readonly path: Float64Array
  readonly rayleigh: Float64Array
  readonly transmittance: Float64Array
  readonly sphericalAlbedo: number
}

interface KnownBand {
  readonly band: PreparedBand
  /** By pressure ratio, then AOT. */
  readonly states: Map<number, Map<number, ScatteringState>>
}

/** Band and directions that were asked for, and what follows from them alone. */
interface Look extends Pick<
  AtmosphereInput,
  'platform' | 'band' | 'aerosol' | 'sunZenithDeg' | 'viewZenithDeg' | 'relativeAzimuthDeg'
> {
  readonly known: KnownBand
  readonly muSun: number
  readonly muView: number
}

/** What a look meets whatever the AOT, at one pressure ratio, vapour and ozone. */
interface Passed extends Pick<AtmosphereInput, 'wv' | 'ozone'> {
  readonly look: Look
  readonly ratio: number
  readonly rayleigh: number
  readonly gas: GasTransmittance
}

/** States kept of one band (5 kB each): more are made anew, which takes some microseconds. */
const MOST_PRESSURES = 20
const MOST_AOTS = 30
/**
 * Mixes kept of one band (up to a megabyte each): one date has the one that is found above it and those that may be there as well, and the next has others. Models come back on every date and are all kept.
 */
const MOST_MIXES = 8

function addScaled(out: Float64Array, from: Float64Array, block: number, factor: number): void {
  const base = block * out.length
  for (let i = 0; i < out.length; i++) out[i] = (out[i] ?? NaN) + factor * (from[base + i] ?? NaN)
}

/**
 * Radiative transfer from the table: linear in pressure, parabolas in AOT, cubics in the zenith angles, exact in azimuth; angles, AOT and pressures
 * beyond the table's take its last ones (sun 80 degrees, view 18, AOT 2).
 * @param responses spectral responses that a product states, by band; the shipped ones hold elsewhere.
 * A band and aerosol that is asked for the first time takes some milliseconds, later calls about a microsecond. Not for use by two threads at once:
 * each makes its own on the same table.
 */
export function tableModel(
  table: AtmosphereTable,
  responses: ReadonlyMap<string, SpectralResponse> = new Map(),
): AtmosphereModel {
  const { header } = table
  const suns = Float64Array.from(header.sun_zenith_deg)
  const views = Float64Array.from(header.view_zenith_deg)
  const aots = Float64Array.from(header.aot)
  const pressures = Float64Array.from(header.pressure_ratio)
  const prepared = new Map<SpectralSensor, Map<string, Map<string, KnownBand>>>()
  const parts = new Map<string, BandPart>()
  const partOf = (platform: SpectralSensor, band: string, model: AerosolModel): BandPart => {
    const key = `${platform} ${band} ${model}`
    const known = parts.get(key)
    if (known !== undefined) return known
    const made = prepareBand(table, responses.get(band) ?? shippedResponse(platform, band), model)
    parts.set(key, made)
    return made
  }
  const bandFor = (platform: SpectralSensor, band: string, aerosol: string): KnownBand => {
    const known = prepared.get(platform)?.get(band)?.get(aerosol)
    if (known !== undefined) return known
    const mix = parseAerosolMix(aerosol).map(({ model, weight }) => ({
      ...{ part: partOf(platform, band, model), weight },
    }))
    const made = {
      band: mixBand(mix),
      states: new Map<number, Map<number, ScatteringState>>(),
    }
    const ofPlatform = prepared.get(platform) ?? new Map<string, Map<string, KnownBand>>()
    const ofBand = ofPlatform.get(band) ?? new Map<string, KnownBand>()
    const mixes = [...ofBand.keys()].filter((name) => name.includes(':'))
    if (mixes.length >= MOST_MIXES) ofBand.delete(mixes[0] ?? '')
    prepared.set(platform, ofPlatform.set(band, ofBand.set(aerosol, made)))
    return made
  }
  // Scratch of one call: no allocation in a loop of a million.
  const sun = newCubic()
  const view = newCubic()
  const viewAsSun = newCubic()
  const direction = new Float64Array(4 * (header.orders + 2))
  // What the last call was about. Loops over nodes of angles go over vapours and AOTs at one geometry and pressure: what depends on these alone is kept.
  let looked: Look | null = null
  // Written field by field: a spread takes longer than all else of a call.
  let passed: Passed | null = null

  /** Band and directions of a call: the weights of the nodes around them lie in the scratch. */
  function lookAt(input: AtmosphereInput): Look {
    const { platform, band, aerosol, sunZenithDeg, viewZenithDeg, relativeAzimuthDeg } = input
    if (
      looked?.platform === platform &&
      looked.band === band &&
      looked.aerosol === aerosol &&
      looked.sunZenithDeg === sunZenithDeg &&
      looked.viewZenithDeg === viewZenithDeg &&
      looked.relativeAzimuthDeg === relativeAzimuthDeg
    )
      return looked
    const known = bandFor(platform, band, aerosol)
    const muSun = Math.cos(Math.min(sunZenithDeg, suns[suns.length - 1] ?? 0) * RADIAN)
    const muView = Math.cos(Math.min(viewZenithDeg, views[views.length - 1] ?? 0) * RADIAN)
    const cosine = scatteringCosine(muSun, muView, relativeAzimuthDeg)
    lagrange4(suns, sunZenithDeg, sun)
    lagrange4(views, viewZenithDeg, view)
    lagrange4(suns, viewZenithDeg, viewAsSun)
    const single = 1 / (4 * muSun * muView)
    const air = single * rayleighPhase(header.depolarisation, cosine)
    const particles = single * phaseAt(known.band.phase, cosine)
    const n = known.band.perDirection
    for (let m = 0; m < header.orders; m++) {
      // Between directions of travel the azimuth is 180 degrees minus that between sun and sensor: odd orders turn.
      const azimuth = (m % 2 === 0 ? 1 : -1) * Math.cos(m * relativeAzimuthDeg * RADIAN)
      for (let v = 0; v < 4; v++) direction[v * n + m] = (view.weights[v] ?? NaN) * azimuth
    }
    for (let v = 0; v < 4; v++) {
      direction[v * n + header.orders] = (view.weights[v] ?? NaN) * air
      direction[v * n + header.orders + 1] = (view.weights[v] ?? NaN) * particles
    }
    return (looked = {
      platform,
      band,
      aerosol,
      sunZenithDeg,
      viewZenithDeg,
      relativeAzimuthDeg,
      known,
      muSun,
      muView,
    })
  }

  /** What a look passes through besides aerosol. */
  function passThrough(look: Look, state: ScatteringState, ratio: number, input: AtmosphereInput): Passed {
    const { wv, ozone } = input
    const isSameAir = passed?.look === look && passed.ratio === ratio
    if (passed !== null && isSameAir && passed.wv === wv && passed.ozone === ozone) return passed
    const airMass = 1 / look.muSun + 1 / look.muView
    return (passed = {
      look,
      ratio,
      wv,
      ozone,
      rayleigh:
        passed !== null && isSameAir ? passed.rayleigh : pathOf(state.rayleigh, look.known.band.perDirection),
      gas: gasTransmittance(look.platform, look.band, { airMass, wv, ozone, pressureRatio: ratio }),
    })
  }

  function bandCoefficients(input: AtmosphereInput): BandCoefficients {
    const look = lookAt(input)
    const { known, muSun, muView } = look
    const { band } = known
    const ratio = input.pressureHpa / SEA_LEVEL_HPA
    const state = stateOf(known, ratio, input.aot550)
    const { rayleigh, gas } = passThrough(look, state, ratio, input)
    const path = pathOf(state.path, band.perDirection)
    const down = transmittanceOf(state, sun)
    const up = transmittanceOf(state, viewAsSun)
    const opticalDepth = band.tauRayleigh * ratio + band.extinction * input.aot550
    const dry = gas.ozone * gas.other
    return {
      pathReflectance: path,
      rayleighReflectance: rayleigh,
      gasPath: dry * (rayleigh + (path - rayleigh) * gas.halfWater),
      transmittanceDown: down,
      transmittanceUp: up,
      transmittance: down * up,
      directDown: Math.exp(-opticalDepth / muSun),
      directUp: Math.exp(-opticalDepth / muView),
      opticalDepth,
      sphericalAlbedo: state.sphericalAlbedo,
      gasTransmittance: dry * gas.water,
    }
  }

  /** The table at one pressure and AOT. Loops over nodes ask for the same few again and again. */
  function stateOf({ band, states }: KnownBand, ratio: number, aot550: number): ScatteringState {
    const ofPressure = states.get(ratio)
    const found = ofPressure?.get(aot550)
    if (found !== undefined) return found
    const pressure = bracketOf(pressures, ratio, newBracket())
    const aot = lagrangeOf(aots, aot550, newLagrange())
    const perState = suns.length * views.length * band.perDirection
    const made = {
      path: new Float64Array(perState),
      rayleigh: new Float64Array(perState),
      transmittance: new Float64Array(suns.length),
      sphericalAlbedo: 0,
    }
    for (let p = 0; p < 2; p++) {
      const w = p === 0 ? 1 - pressure.fraction : pressure.fraction
      const row = (pressure.index + p) * aots.length
      addScaled(made.rayleigh, band.path, row, w)
      for (let a = 0; a < aot.count; a++) {
        const at = row + aot.first + a
        const weight = w * (aot.weights[a] ?? NaN)
        addScaled(made.path, band.path, at, weight)
        addScaled(made.transmittance, band.transmittance, at, weight)
        made.sphericalAlbedo += weight * (band.sphericalAlbedo[at] ?? NaN)
      }
    }
    if (states.size > MOST_PRESSURES) states.clear()
    const room =
      ofPressure !== undefined && ofPressure.size < MOST_AOTS
        ? ofPressure
        : new Map<number, ScatteringState>()
    states.set(ratio, room.set(aot550, made))
    return made
  }

  function pathOf(path: Float64Array, n: number): number {
    const perSun = views.length * n
    const used = 4 * n
    let sum = 0
    for (let s = 0; s < 4; s++) {
      const at = (sun.first + s) * perSun + view.first * n
      let inner = 0
      for (let i = 0; i < used; i++) inner += (path[at + i] ?? NaN) * (direction[i] ?? NaN)
      sum += (sun.weights[s] ?? NaN) * inner
    }
    return sum
  }

  function transmittanceOf({ transmittance }: ScatteringState, at: typeof sun): number {
    let sum = 0
    for (let s = 0; s < 4; s++) sum += (at.weights[s] ?? NaN) * (transmittance[at.first + s] ?? NaN)
    return sum
  }

  return { name: header.name, bandCoefficients }
}

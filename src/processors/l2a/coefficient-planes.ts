import { ProcessingError } from '../../domain/errors.js'
import type { AngleGrid, L1Scene, L1SceneBand, SpectralSensor } from '../../domain/l1-scene.js'
import type { AtmosphereModel } from './atmosphere.js'
import { closedForms } from './closed-forms.js'
import type { L2aParams } from './definition.js'

/** No detector, or one the band's metadata does not describe. */
export const NO_SLOT = 255
/** Gain, path, spherical albedo. */
export const COEFFICIENTS_PER_NODE = 3
/**
 * Sun zenith beyond which nothing is corrected, degrees. The closed forms were fitted for 20 to 60 degrees on plane layers; above 80
 * the Earth's curvature alone changes the path by more than the correction is worth.
 */
export const MAX_SUN_ZENITH_DEG = 80

/**
 * Coefficients of one band on the nodes of the angle grid:
 * `y = gain * rho_toa - path; rho_s = y / (1 + albedo * y)`,
 * bilinear between nodes, linear in pressure between `pressureHpa`, never interpolated between slots.
 */
export interface CoefficientPlanes {
  /** [256] slot by detector number (0 = none), so that any byte of a detector image finds its entry; NO_SLOT where there is none. */
  readonly slots: Uint8Array
  readonly slotCount: number
  /** Ascending, or a single value. */
  readonly pressureHpa: Float64Array
  /** Outer corner of the tile = node (0, 0), metres of the product's CRS; x grows eastwards, rows southwards. */
  readonly ulx: number
  readonly uly: number
  readonly stepXM: number
  readonly stepYM: number
  readonly nx: number
  readonly ny: number
  /** [slot][pressure][ny][nx][gain, path, albedo]. */
  readonly data: Float32Array
}

export interface PlanesInput {
  readonly band: Pick<L1SceneBand, 'id' | 'detectors'>
  readonly sun: AngleGrid
  /** `missing`: gains are divided by the cosine of the sun's zenith, so that they apply to reflectances that were not. */
  readonly sunCosine: L1Scene['sunCosine']
  readonly sensor: SpectralSensor
  readonly params: Pick<L2aParams, 'aot' | 'wv' | 'ozone' | 'aerosol'>
  /** Ascending, at least one (see `pressureNodes`). */
  readonly pressureNodesHpa: readonly number[]
  /** The closed forms unless told. */
  readonly model?: AtmosphereModel
}

/**
 * Evaluates the atmosphere at each angle node, detector and pressure: every detector looks fore or aft by its own azimuth, so each
 * has its own plane and no value is shared across a border.
 * @throws ProcessingError GRID_MISMATCH where a view grid is not on the sun's nodes; SUN_TOO_LOW where the sun is below 10 degrees
 * elevation at every node; SENSOR_UNKNOWN; METADATA_INVALID where the band has no detector or an angle is no number; INTERNAL for pressures that
 * do not ascend.
 * A node beyond MAX_SUN_ZENITH_DEG takes that limit's coefficients: its pixels carry the low-sun bit.
 */
export function buildCoefficientPlanes({
  band,
  sun,
  sunCosine,
  sensor,
  params,
  pressureNodesHpa,
  model = closedForms,
}: PlanesInput): CoefficientPlanes {
  const { rows: ny, cols: nx } = sun
  if (band.detectors.length === 0)
    throw new ProcessingError(
      'METADATA_INVALID',
      `Band ${band.id} has no view angles of any detector; at least one is expected.`,
    )
  assertSunHighEnough(sun)
  const pressures = Float64Array.from(pressureNodesHpa)
  if (pressures.length === 0 || pressures.some((p, i) => i > 0 && p <= (pressures[i - 1] ?? Infinity)))
    throw new ProcessingError(
      'INTERNAL',
      `Pressure nodes of band ${band.id} are [${pressureNodesHpa.join(', ')}] hPa, expected one or more in ascending order.`,
    )
  const slots = new Uint8Array(256).fill(NO_SLOT)
  const data = new Float32Array(band.detectors.length * pressures.length * ny * nx * COEFFICIENTS_PER_NODE)
  let at = 0
  for (const [slot, { detector, angles }] of band.detectors.entries()) {
    if (
      angles.rows !== ny ||
      angles.cols !== nx ||
      angles.ulx !== sun.ulx ||
      angles.uly !== sun.uly ||
      angles.stepXM !== sun.stepXM ||
      angles.stepYM !== sun.stepYM
    )
      throw new ProcessingError(
        'GRID_MISMATCH',
        `View angles of band ${band.id}, detector ${detector}: ${describe(angles)}, expected the sun's ${describe(sun)}.`,
      )
    slots[detector] = slot
    for (const pressureHpa of pressures)
      for (let node = 0; node < ny * nx; node++) {
        const sunZenithDeg = Math.min(angleAt(sun.zenith, node, 'sun zenith'), MAX_SUN_ZENITH_DEG)
        const c = model.bandCoefficients({
          platform: sensor,
          band: band.id,
          sunZenithDeg,
          viewZenithDeg: angleAt(angles.zenith, node, `view zenith of band ${band.id}, detector ${detector}`),
          relativeAzimuthDeg:
            angleAt(sun.azimuth, node, 'sun azimuth') -
            angleAt(angles.azimuth, node, `view azimuth of band ${band.id}, detector ${detector}`),
          aot550: params.aot,
          wv: params.wv,
          ozone: params.ozone,
          pressureHpa,
          aerosol: params.aerosol,
        })
        const gain = 1 / (c.gasTransmittance * c.transmittance)
        data[at++] = sunCosine === 'applied' ? gain : gain / Math.cos((sunZenithDeg * Math.PI) / 180)
        data[at++] = gain * c.gasPath
        data[at++] = c.sphericalAlbedo
      }
  }
  return {
    slots,
    slotCount: band.detectors.length,
    pressureHpa: pressures,
    ulx: sun.ulx,
    uly: sun.uly,
    stepXM: sun.stepXM,
    stepYM: sun.stepYM,
    nx,
    ny,
    data,
  }
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

import { ProcessingError } from '../../domain/errors.js'
import type { L1Scene } from '../../domain/l1-scene.js'
import type { AtmosphereModel } from './atmosphere.js'
import { CELL_BAND_IDS } from './cells.js'
import { medianOf } from './fields.js'
import type { ToaCells } from './toa-cells.js'

/** Of what air alone scatters: over black ground under the cleanest air the sensor sees all of it, and no more than a tenth is calibration, gas and angles. */
const LEAST_SHARE = 0.5

/** The cirrus band sees next to nothing of any ground at low altitude, and little of most others: a median below this is no calibration. Unit 1. */
const DARKEST_CIRRUS_BAND = -0.03

/**
 * Refuses a scene that is darker in the blue than the air before it: over half of its cells see less than half of what clean air scatters. That is what digital numbers show whose
 * offset somebody has taken off before (-1000 of baseline 04.00 is 0.1 of reflectance, twice what air scatters in B02), and no ground on Earth.
 * Over bright ground it is the cirrus band of Sentinel-2 that shows it, in which most scenes are black.
 * @param pressureHpa of cells. @throws ProcessingError METADATA_INVALID; as the model.
 */
export function mustBeBrighterThanAir(
  scene: Pick<L1Scene, 'satellite' | 'sensor' | 'sun' | 'bands' | 'productUri'>,
  { bands }: ToaCells,
  pressureHpa: Float32Array,
  model: AtmosphereModel,
): void {
  const id = CELL_BAND_IDS[scene.satellite].blue
  const band = scene.bands.find((one) => one.id === id)
  const median = medianOf(bands.get(id)?.rho ?? [])
  const view = band?.detectors[0]?.angles
  if (band === undefined || view === undefined || Number.isNaN(median)) return
  const refuse = (why: string): never => {
    throw new ProcessingError(
      'METADATA_INVALID',
      `'${scene.productUri}' is darker ${why}. Its metadata state an offset of ${band.offset} (numbers / ${band.quantification}): ` +
        'expected numbers from which nobody has taken it off before. Get the product from its producer again.',
    )
  }
  const middle = Math.floor(scene.sun.zenith.length / 2)
  const { rayleighReflectance: air } = model.bandCoefficients({
    ...{ platform: scene.sensor, band: id, aerosol: 'continental', aot550: 0, wv: 0, ozone: 0 },
    sunZenithDeg: Math.min(scene.sun.zenith[middle] ?? NaN, 80),
    viewZenithDeg: view.zenith[middle] ?? NaN,
    relativeAzimuthDeg: (scene.sun.azimuth[middle] ?? NaN) - (view.azimuth[middle] ?? NaN),
    pressureHpa: pressureHpa.reduce((least, hpa) => Math.min(least, hpa), Infinity),
  })
  if (median < LEAST_SHARE * air)
    refuse(
      `in ${id} than air alone: reflectance at the sensor has the median ${median.toFixed(3)}, clean air scatters ${air.toFixed(3)}`,
    )
  const cirrus = scene.satellite === 's2' ? medianOf(bands.get('B10')?.rho ?? []) : NaN
  if (cirrus < DARKEST_CIRRUS_BAND)
    refuse(`in B10 than black: reflectance at the sensor has the median ${cirrus.toFixed(3)}`)
}

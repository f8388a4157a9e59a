import { ProcessingError } from '../../domain/errors.js'
import type { BandNoise, SpectralSensor } from '../../domain/l1-scene.js'
import { shippedResponse, sunlightOf } from './band-integration.js'
import { OLI_NOISE_LIMIT, S2_NOISE_MODEL } from './tables/sensor-noise.js'

/** What is taken for the noise of a band whose product states none. @throws ProcessingError INTERNAL for a band that is not delivered. */
export function shippedNoise(sensor: SpectralSensor, band: string): BandNoise {
  if (sensor === 'L8' || sensor === 'L9') {
    const limit = OLI_NOISE_LIMIT[band]
    if (limit === undefined) throw unknown(sensor, band)
    // One radiance only is stated: its noise is taken at all of them. In orbit OLI has two to three times less (Morfitt et al. 2015, Remote Sensing 7, 2208).
    const [radiance, ratio] = limit
    const noise = (Math.PI * radiance) / ratio / sunlightOf(shippedResponse(sensor, band))
    return { constant: noise ** 2, slope: 0 }
  }
  const model = S2_NOISE_MODEL[band]
  if (model === undefined) throw unknown(sensor, band)
  const scale = (model.gain * model.irradiance) / Math.PI
  return { constant: (model.alpha / scale) ** 2, slope: model.beta / scale }
}

const unknown = (sensor: string, band: string): ProcessingError =>
  new ProcessingError('INTERNAL', `No noise is known for band ${band} of ${sensor}: it is not delivered.`)

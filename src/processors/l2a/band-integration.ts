import { ProcessingError } from '../../domain/errors.js'
import type { SpectralResponse, SpectralSensor } from '../../domain/l1-scene.js'
import { SOLAR_IRRADIANCE } from './tables/solar-irradiance.js'
import { SPECTRAL_RESPONSES } from './tables/spectral-responses.js'

const numbersOf = (text: string): number[] => text.split(' ').map(Number)
const SHIPPED_STEP_NM = 2.5
const solar = numbersOf(SOLAR_IRRADIANCE.values)

/** Response of a platform's band as shipped. @throws ProcessingError SENSOR_UNKNOWN naming the bands there are. */
export function shippedResponse(platform: SpectralSensor, band: string): SpectralResponse {
  const known = SPECTRAL_RESPONSES[platform][band]
  if (known !== undefined) return { startNm: known[0], stepNm: SHIPPED_STEP_NM, values: numbersOf(known[1]) }
  throw new ProcessingError(
    'SENSOR_UNKNOWN',
    `No spectral response for band '${band}' of '${platform}'. Known bands: ${Object.keys(SPECTRAL_RESPONSES[platform]).join(', ')}.`,
  )
}

/** A wavelength at which a band is looked at: between nodes `node` and `node + 1` of the table. Weights of a band add up to 1. */
export interface BandSample {
  readonly node: number
  /** Of the way from one node to the next, in the logarithm of the wavelength. */
  readonly fraction: number
  readonly weight: number
}

function solarAt(nm: number): number {
  const at = Math.min(
    Math.max((nm - SOLAR_IRRADIANCE.startNm) / SOLAR_IRRADIANCE.stepNm, 0),
    solar.length - 1.001,
  )
  const i = Math.floor(at)
  const low = solar[i] ?? 0
  return low + (at - i) * ((solar[i + 1] ?? low) - low)
}

/** Sunlight outside the atmosphere at one astronomical unit as a band sees it, W m-2 um-1. */
export function sunlightOf({ startNm, stepNm, values }: SpectralResponse): number {
  let [sum, weight] = [0, 0]
  for (const [i, value] of values.entries()) {
    sum += value * solarAt(startNm + i * stepNm)
    weight += value
  }
  return sum / weight
}

/**
 * Few wavelengths that integrate a band: in each interval of the table two, placed so that weight, mean and variance of response x sunlight
 * (over the logarithm of the wavelength) are those of the band. Exact for parabolas in that logarithm; what scatters bends less within an interval.
 * @param wavelengthsUm nodes of the table, ascending. @throws ProcessingError METADATA_INVALID where the response is nowhere above 0.
 */
export function bandSamples(response: SpectralResponse, wavelengthsUm: readonly number[]): BandSample[] {
  const nodes = wavelengthsUm.map(Math.log)
  const sums = nodes.map(() => ({ weight: 0, first: 0, second: 0 }))
  response.values.forEach((value, i) => {
    const nm = response.startNm + i * response.stepNm
    const x = Math.log(nm / 1000)
    const above = nodes.findIndex((node) => node > x)
    // Beyond the ends the outermost interval goes on.
    const interval = Math.min(Math.max((above < 0 ? nodes.length : above) - 1, 0), nodes.length - 2)
    const weight = Math.max(value, 0) * solarAt(nm)
    const sum = sums[interval]
    if (sum === undefined) return
    sum.weight += weight
    sum.first += weight * x
    sum.second += weight * x * x
  })
  const total = sums.reduce((all, { weight }) => all + weight, 0)
  if (!(total > 0))
    throw new ProcessingError(
      'METADATA_INVALID',
      `A spectral response of ${response.values.length} values from ${response.startNm} nm is nowhere above 0.`,
    )
  return sums.flatMap(({ weight, first, second }, node) => {
    if (weight <= 0) return []
    const mean = first / weight
    const spread = Math.sqrt(Math.max(second / weight - mean * mean, 0))
    const low = nodes[node] ?? 0
    const step = (nodes[node + 1] ?? 0) - low
    return [mean - spread, mean + spread].map((x) => ({
      node,
      fraction: (x - low) / step,
      weight: weight / 2 / total,
    }))
  })
}

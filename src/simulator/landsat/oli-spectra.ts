import { OLI_WEIGHTS } from '../atmosphere/sensor-tables.js'
import { S2_BANDS } from '../../domain/sentinel2.js'
import { BASE_YEAR, GROUND, VARIANTS, spectraOn } from '../spectra.js'
import { OLI_BANDS, sensorOf, type LandsatPlatform, type OliBand } from './oli.js'

/**
 * Surface reflectance of each kind and variant of ground as OLI's bands see it, [kind * VARIANTS + variant], unit 1: the spectrum is the line through
 * Sentinel-2's values at its central wavelengths, weighted with the response of the band and the light of the sun (OLI_WEIGHTS).
 */
export function oliSpectraOn(
  dayOfYear: number,
  southern: boolean,
  platform: LandsatPlatform,
  year = BASE_YEAR,
): Readonly<Record<OliBand, Float32Array>> {
  const nodes = spectraOn(dayOfYear, southern, year)
  return Object.fromEntries(
    OLI_BANDS.map((band) => {
      const weights = OLI_WEIGHTS[sensorOf(platform)]?.[band] ?? []
      const values = new Float32Array(GROUND.length * VARIANTS)
      for (let k = 0; k < values.length; k++)
        values[k] = S2_BANDS.reduce((sum, node, n) => sum + (weights[n] ?? 0) * (nodes[node][k] ?? 0), 0)
      return [band, values]
    }),
  ) as Record<OliBand, Float32Array>
}

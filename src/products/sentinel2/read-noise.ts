import { readFile, readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { BandNoise } from '../../domain/l1-scene.js'
import { S2_BANDS } from '../../domain/sentinel2.js'

/**
 * Noise by band from the metadata of the datastrip (`DATASTRIP/*\/MTD_DS.xml`): a number X of the sensor has the variance alpha^2 + beta X, and X = gain x radiance.
 * Source: Gorrono et al. (2017), Remote Sensing 9, 178 (S2-RUT), eq. of the instrument noise. Null where the product has no such file or any band lacks a number: half a noise model helps nobody.
 * Not parsed as XML: the file has 13 MB of attitudes and these numbers stand once each.
 */
export async function readNoise(granulePath: string): Promise<ReadonlyMap<string, BandNoise> | null> {
  const folder = join(dirname(dirname(granulePath)), 'DATASTRIP')
  const strips = (await readdir(folder).catch(() => [])).sort()
  for (const strip of strips) {
    const text = await readFile(join(folder, strip, 'MTD_DS.xml'), 'utf8').catch(() => null)
    const noise = text === null ? null : noiseIn(text)
    if (noise !== null) return noise
  }
  return null
}

/** The same of the file's text. */
export function noiseIn(text: string): ReadonlyMap<string, BandNoise> | null {
  const sunDistance = numberIn(/<U>([^<]*)<\/U>/.exec(text))
  const found = new Map<string, BandNoise>()
  for (const [id, band] of S2_BANDS.entries()) {
    const within = (element: string, pattern: string) =>
      numberIn(new RegExp(`<${element} bandId="${id}"[^>]*>\\s*${pattern}`).exec(text))
    const gain = within('Spectral_Band_Information', '<PHYSICAL_GAINS[^>]*>([^<]*)<')
    const irradiance = within('SOLAR_IRRADIANCE', '([^<]*)<')
    const alpha = within('Radiometric_Quality', '<Noise_Model>\\s*<ALPHA>([^<]*)<')
    const beta = within('Radiometric_Quality', '<Noise_Model>\\s*<ALPHA>[^<]*</ALPHA>\\s*<BETA>([^<]*)<')
    // Numbers of the sensor for mu x rho = 1.
    const scale = (gain * irradiance * sunDistance) / Math.PI
    if (!(scale > 0 && alpha >= 0 && beta >= 0)) return null
    found.set(band, { constant: (alpha / scale) ** 2, slope: beta / scale })
  }
  return found
}

/** NaN for what is not there or no number. */
const numberIn = (match: RegExpExecArray | null): number =>
  match?.[1] === undefined || match[1].trim() === '' ? NaN : Number(match[1])

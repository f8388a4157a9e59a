import type { SpectralResponse } from '../../domain/l1-scene.js'
import { S2_BANDS } from '../../domain/sentinel2.js'
import type { MetadataReader } from './metadata-reader.js'

/**
 * Spectral responses of Spectral_Information_List by bandId 0..12, null where a band has none: old products and the simulator's say nothing of it.
 * @throws ProcessingError METADATA_INVALID where one is there and makes no sense: no other response could be meant.
 */
export function readResponses(r: MetadataReader, characteristics: string): (SpectralResponse | null)[] {
  const responses = new Array<SpectralResponse | null>(S2_BANDS.length).fill(null)
  for (const element of r.root.findAll(`${characteristics}/Spectral_Information_List/Spectral_Information`)) {
    const bandId = Number(element.attribute('bandId') ?? NaN)
    const text = element.find('Spectral_Response/VALUES')?.text ?? ''
    if (text === '') continue
    const startNm = Number(element.find('Wavelength/MIN')?.text ?? NaN)
    const stepNm = Number(element.find('Spectral_Response/STEP')?.text ?? NaN)
    const values = text.trim().split(/\s+/).map(Number)
    if (
      !(Number.isInteger(bandId) && bandId >= 0 && bandId < responses.length) ||
      !(startNm > 300 && startNm < 3000 && stepNm > 0 && stepNm <= 10) ||
      values.some((value) => !Number.isFinite(value)) ||
      !values.some((value) => value > 0)
    )
      r.fail(
        `Spectral_Response of bandId '${element.attribute('bandId')}' has ${values.length} values from ${startNm} nm in steps of ${stepNm} nm, expected bandId 0 to 12, 300 to 3000 nm, a step up to 10 nm and numbers of which one is above 0`,
      )
    responses[bandId] = { startNm, stepNm, values }
  }
  return responses
}

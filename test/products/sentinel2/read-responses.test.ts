import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { DATA } from '../../../bench/reference-table.js'
import { ProcessingError } from '../../../src/domain/errors.js'
import { S2_BANDS } from '../../../src/domain/sentinel2.js'
import { shippedResponse } from '../../../src/processors/l2a/band-integration.js'
import { MetadataReader } from '../../../src/products/sentinel2/metadata-reader.js'
import { parseXml } from '../../../src/products/sentinel2/parse-xml.js'
import { readResponses } from '../../../src/products/sentinel2/read-responses.js'

const real = join(DATA, 's2-sr-reference/T53JQJ_20201031_S2A/l1c_metadata/MTD_MSIL1C.xml')
const characteristics = 'General_Info/Product_Image_Characteristics'
const read = (text: string) =>
  readResponses(new MetadataReader(parseXml(text, 'MTD.xml'), 'MTD.xml'), characteristics)
const xml = (inner: string) =>
  `<P><General_Info><Product_Image_Characteristics>${inner}</Product_Image_Characteristics></General_Info></P>`
const one = (id: string, min: string, step: string, values: string) =>
  xml(
    `<Spectral_Information_List><Spectral_Information bandId="${id}"><Wavelength><MIN unit="nm">${min}</MIN></Wavelength><Spectral_Response><STEP unit="nm">${step}</STEP><VALUES>${values}</VALUES></Spectral_Response></Spectral_Information></Spectral_Information_List>`,
  )

const centroid = ({ startNm, stepNm, values }: ReturnType<typeof shippedResponse>): number =>
  values.reduce((sum, v, i) => sum + v * (startNm + i * stepNm), 0) / values.reduce((sum, v) => sum + v, 0)

test.skipIf(!existsSync(real))(
  'a real product states all bands, where the shipped responses have them too',
  () => {
    const responses = read(readFileSync(real, 'utf8'))
    expect(responses).toHaveLength(13)
    for (const [i, band] of S2_BANDS.entries()) {
      expect(responses[i]!.stepNm).toBe(1)
      // The product's are rounded to whole nm and cut where they are small.
      expect(Math.abs(centroid(responses[i]!) - centroid(shippedResponse('S2A', band))), band).toBeLessThan(1)
    }
  },
)

describe('responses of an invented product', () => {
  test('are null where the product says nothing of a band', () => {
    expect(read(xml(''))).toEqual(new Array(13).fill(null))
    const responses = read(one('3', '646', '1', '0.1 1 0.2'))
    expect(responses[3]).toEqual({ startNm: 646, stepNm: 1, values: [0.1, 1, 0.2] })
    expect(responses.filter((r) => r !== null)).toHaveLength(1)
  })

  test.each([
    ['13', '646', '1', '1'],
    ['x', '646', '1', '1'],
    ['3', '0.646', '1', '1'],
    ['3', '646', '0', '1'],
    ['3', '646', '1', '0 0'],
    ['3', '646', '1', '1 much'],
  ])('bandId %s from %s nm, step %s, values %j make no sense and are refused', (...of) => {
    expect(() => read(one(...of))).toThrow(ProcessingError)
    expect(() => read(one(...of))).toThrow(/MTD\.xml.*Spectral_Response of bandId/)
  })
})

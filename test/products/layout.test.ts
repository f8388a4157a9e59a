import fc from 'fast-check'
import { expect, test } from 'vitest'
import { S2_BANDS } from '../../src/domain/sentinel2.js'
import {
  bandFile,
  parseBandFile,
  parseProductName,
  productFolder,
  productName,
  revisionFolder,
} from '../../src/products/layout.js'

const id = {
  platform: 'S2A',
  level: 'L2A',
  tile: '55JEJ',
  sensedAt: '2017-12-07T00:20:51.026Z',
  relativeOrbit: 116,
}

test('a product is named by platform, level, tile, second and orbit, and lies in its month', () => {
  expect(productName(id)).toBe('S2A_L2A_55JEJ_20171207T002051_R116')
  expect(productFolder(id)).toBe('L2A/55JEJ/2017/12/S2A_L2A_55JEJ_20171207T002051_R116')
  expect(revisionFolder(id, { stepId: 42, attempt: 3 })).toBe(`${productFolder(id)}/r42-3`)
  expect(productName({ ...id, relativeOrbit: 8, sensedAt: '2017-12-07T02:20:51+02:00' })).toBe(
    'S2A_L2A_55JEJ_20171207T002051_R008',
  )
})

test('a name parses back to what made it', () => {
  const part = fc.stringMatching(/^[A-Z0-9]{2,12}$/)
  const time = fc.date({ min: new Date('1972-01-01'), max: new Date('2099-12-31'), noInvalidDate: true })
  fc.assert(
    fc.property(
      part,
      part,
      part,
      time,
      fc.integer({ min: 1, max: 999 }),
      (platform, level, tile, date, relativeOrbit) => {
        const sensedAt = `${date.toISOString().slice(0, 19)}Z`
        const made = { platform, level, tile, sensedAt, relativeOrbit }
        expect(parseProductName(productName(made))).toEqual(made)
        const composite = { ...made, relativeOrbit: null, halfDays: relativeOrbit }
        expect(parseProductName(productName(composite))).toEqual(composite)
        expect(productName(composite)).not.toBe(productName(made))
      },
    ),
  )
})

test('no text can name a folder outside the archive', () => {
  for (const bad of ['..', '../X', 'A/B', 'a', '', 'A B', 'A\0', 'TOOLONGATILENAME', 'A_B'])
    expect(() => productFolder({ ...id, tile: bad })).toThrow(/product name/)
  expect(() => productFolder({ ...id, relativeOrbit: 0 })).toThrow(/R0 of a product name/)
  expect(() => productFolder({ ...id, relativeOrbit: null })).toThrow(/product name/)
  expect(() => productFolder({ ...id, sensedAt: '../2017' })).toThrow(/ISO 8601/)
  expect(() => productFolder({ ...id, sensedAt: '2017-12-07T00:20:51' })).toThrow(/zone/)
  expect(() => revisionFolder(id, { stepId: 1, attempt: -1 })).toThrow(/revision/)
  fc.assert(
    fc.property(fc.string(), (tile) => {
      let folder: string
      try {
        folder = productFolder({ ...id, tile })
      } catch {
        return
      }
      expect(folder).toMatch(/^L2A\/[A-Z0-9]+\/2017\/12\/[A-Z0-9_]+R116$/)
    }),
  )
})

test('names that nothing here writes are not parsed', () => {
  for (const bad of [
    '',
    'S2A_L2A_55JEJ_20170230T002051_R116',
    'S2A_L2A_55JEJ_20171207T002051_R000',
    'S2A_L2A_55JEJ_20171207T002051_H000',
    'S2A_L2A_55JEJ_20171207T002051_X116',
    'S2A_L2A_55JEJ_20171207T002051_R116/..',
  ])
    expect(parseProductName(bad)).toBeUndefined()
})

test('band files parse back, other files do not', () => {
  for (const band of S2_BANDS)
    for (const kind of ['sre', 'fre'] as const)
      expect(parseBandFile(bandFile(band, kind))).toEqual({ band, kind })
  for (const bad of ['B13_sre.tif', 'B02_xre.tif', 'AOT.tif', 'B02_sre.tif.aux.xml'])
    expect(parseBandFile(bad)).toBeUndefined()
})

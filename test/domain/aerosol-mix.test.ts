import fc from 'fast-check'
import { expect, test } from 'vitest'
import { AEROSOL_MODELS, parseAerosolMix, wrongWithAerosolMix } from '../../src/domain/aerosol-mix.js'
import { ProcessingError } from '../../src/domain/errors.js'

test('a model by itself is all of the aerosol', () => {
  for (const model of AEROSOL_MODELS) expect(parseAerosolMix(model)).toEqual([{ model, weight: 1 }])
})

test('a mix has the weights as they are written, whatever the order', () => {
  expect(parseAerosolMix('continental-average:0.6,desert:0.4')[0]).toEqual({
    model: 'continental-average',
    weight: 0.6,
  })
  expect(parseAerosolMix('continental:0.7,maritime:0.3')).toEqual([
    { model: 'continental', weight: 0.7 },
    { model: 'maritime', weight: 0.3 },
  ])
  expect(parseAerosolMix('desert:1')).toEqual([{ model: 'desert', weight: 1 }])
})

test('three thirds add up to 1 although they are written with three digits', () => {
  const parts = parseAerosolMix('continental:0.333,maritime:0.333,urban:0.333')
  expect(parts.reduce((sum, { weight }) => sum + weight, 0)).toBeCloseTo(1, 12)
})

test.each([
  ['', 'no model'],
  ['dust', "'dust' is no model"],
  ['continental,maritime', "'continental' is not model:weight"],
  ['continental:0.7', 'add up to 0.7'],
  ['continental:0.7,maritime:0.4', 'add up to 1.1'],
  ['continental:0.5,continental:0.5', 'named twice'],
  ['continental:0,maritime:1', 'is 0, not above 0'],
  ['continental:-0.5,maritime:1.5', 'not model:weight'],
  ['continental:1e-1,maritime:0.9', 'not model:weight'],
  ['continental:0.5:0.5,maritime:0.5', 'not model:weight'],
  ['continental:0.5, maritime:0.5', "' maritime' is no model"],
])('%j is refused: %s', (text, why) => {
  expect(() => parseAerosolMix(text)).toThrow(ProcessingError)
  expect(wrongWithAerosolMix(text)).toContain(why)
  // What was expected is said too.
  expect(wrongWithAerosolMix(text)).toContain('continental:0.7,maritime:0.3')
})

test('any text is either a mix whose weights add up to 1, or refused', () => {
  const text = fc.oneof(
    fc.string(),
    fc.stringMatching(/^(continental|maritime|urban)(:0?\.\d{1,3})?(,desert:0?\.\d)?$/),
  )
  fc.assert(
    fc.property(text, (value) => {
      if (wrongWithAerosolMix(value) !== null) return
      const parts = parseAerosolMix(value)
      expect(parts.reduce((sum, { weight }) => sum + weight, 0)).toBeCloseTo(1, 12)
    }),
  )
})

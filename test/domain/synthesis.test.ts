import fc from 'fast-check'
import { expect, test } from 'vitest'
import { GROUND_CLASSES, groundClass } from '../../src/domain/ground-class.js'
import { MASK_BITS } from '../../src/domain/mask-bits.js'
import { dateWeight, daysFromSynthesis, synthesisWindow } from '../../src/domain/synthesis.js'

test('weights are 1 in the middle, the least at both edges, and divided as real numbers between', () => {
  expect(dateWeight(0, 25, 0.5)).toBe(1)
  expect(dateWeight(25, 25, 0.5)).toBe(0.5)
  expect(dateWeight(-25, 25, 0.5)).toBe(0.5)
  // Whole-number division would give 1 here: 12 / 25 is 0 of a whole.
  expect(dateWeight(12, 25, 0.5)).toBeCloseTo(1 - (12 / 25) * 0.5, 12)
  expect(dateWeight(-0.5, 25, 0.5)).toBeCloseTo(0.99, 12)
  fc.assert(
    fc.property(
      fc.double({ min: -25, max: 25, noNaN: true }),
      fc.double({ min: 0.01, max: 1, noNaN: true }),
      (days, least) => {
        const weight = dateWeight(days, 25, least)
        expect(weight).toBeGreaterThanOrEqual(least - 1e-12)
        expect(weight).toBeLessThanOrEqual(1)
        expect(dateWeight(-days, 25, least)).toBe(weight)
      },
    ),
  )
})

test('a day stands for its noon, UTC; hours count', () => {
  expect(daysFromSynthesis('2025-06-15', '2025-06-15T12:00:00Z')).toBe(0)
  expect(daysFromSynthesis('2025-06-15', '2025-06-14T18:00:00Z')).toBe(-0.75)
  expect(synthesisWindow({ day: '2025-03-01', halfDays: 2 })).toEqual({
    from: new Date('2025-02-27T12:00:00Z'),
    to: new Date('2025-03-03T12:00:00Z'),
  })
})

test('the class of a mask is the first that matches: none, cloud, snow, saturated as cloud, water, land', () => {
  const of = (...names: (keyof typeof MASK_BITS)[]) =>
    groundClass(names.reduce((sum, name) => sum | (1 << MASK_BITS[name]), 0))
  const { none, cloud, snow, water, land } = GROUND_CLASSES
  expect(of()).toBe(land)
  expect(of('defaultAtmosphere', 'lowSun')).toBe(land)
  expect(of('water', 'sunGlint')).toBe(water)
  expect(of('snow', 'water', 'saturatedVisible')).toBe(snow)
  expect(of('snow', 'cirrus')).toBe(cloud)
  expect(of('saturatedVisible')).toBe(cloud)
  expect(of('noData', 'cloud')).toBe(none)
  for (const name of [
    'cloudOrShadow',
    'cloud',
    'shadowInside',
    'shadowOutside',
    'thin',
    'cirrus',
    'topographicShadow',
  ] as const)
    expect(of(name, 'water'), name).toBe(cloud)
})

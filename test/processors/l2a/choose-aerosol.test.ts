import fc from 'fast-check'
import { expect, test } from 'vitest'
import { AEROSOL_MODELS, parseAerosolMix, type AerosolModel } from '../../../src/domain/aerosol-mix.js'
import type { WindowFit } from '../../../src/processors/l2a/aot.js'
import {
  aotRatios,
  chooseAerosol,
  DEFAULT_AEROSOL as USUAL,
  type ChosenAerosol,
} from '../../../src/processors/l2a/choose-aerosol.js'

type Fits = readonly (WindowFit | null)[]

/** A window whose residual is `rms`, unit 1. */
const fit = (rms: number, aot = 0.3): WindowFit => ({ aot, cost: 40 * rms ** 2, weight: 40 })
/** Windows whose residuals differ by a half from one to another. */
const ground = (windows: number, factor = 1): Fits =>
  Array.from({ length: windows }, (_, i) => fit(factor * (0.004 + 0.001 * (i % 5))))
const choose = (fits: Partial<Record<AerosolModel, Fits>>): ChosenAerosol => {
  const models = AEROSOL_MODELS.filter((model) => fits[model] !== undefined)
  const chosen = chooseAerosol(new Map(models.map((model) => [model, fits[model]!])))
  if (chosen === null) throw new Error('nothing chosen')
  return chosen
}

test('aerosols are compared over the same ground: one that has an AOT over the easy windows only does not win by them', () => {
  // Three windows of even ground, in which alone urban has an AOT, and explains them less well.
  const usual = [...ground(22, 2), fit(0.003), fit(0.003), fit(0.003)]
  const urban = [...Array<null>(22).fill(null), fit(0.004), fit(0.004), fit(0.004)]
  const own = (fits: Fits) => Math.sqrt(fits.reduce((sum, one) => sum + (one?.cost ?? 0), 0) / fits.length)
  expect(own(urban)).toBeLessThan(own(usual))
  const { aerosol, residuals, evidence } = choose({ [USUAL]: usual, urban })
  expect(aerosol).toBe(USUAL)
  expect(evidence['urban']).toMatchObject({ windows: 3 })
  expect(residuals['urban']! / residuals[USUAL]!).toBeCloseTo(4 / 3, 2)
})

test('another is taken where it wins by a tenth for certain, and then the image tells it', () => {
  const won = choose({ [USUAL]: ground(20), maritime: ground(20, 0.8) })
  expect(won).toMatchObject({ isTold: true, evidence: { maritime: { windows: 20 } } })
  expect(won.evidence['maritime']!.ratio).toBeCloseTo(0.8, 3)
  // By as much, but in too few windows.
  expect(choose({ [USUAL]: ground(7), maritime: ground(7, 0.8) })).toMatchObject({
    ...{ aerosol: USUAL, isTold: false },
  })
  // By as much in the sum, because of one window of twenty.
  const odd = [...ground(19), fit(0.03)]
  const { isTold, evidence } = choose({ [USUAL]: odd, maritime: [...ground(19), fit(0.018)] })
  expect(evidence['maritime']!.ratio).toBeLessThan(0.85)
  expect([isTold, evidence['maritime']!.high! > 0.9]).toEqual([false, true])
})

test('what the image does not speak against is averaged, each by how near its residual comes to the least', () => {
  // Residuals of 0.00616 and 0.00801: exp(-(0.00801^2 - 0.00616^2) / (2 x 0.003^2)) = 0.233 against 1.
  expect(choose({ [USUAL]: ground(20), maritime: ground(20, 1.3) }).aerosol).toBe(
    'maritime:0.19,continental-average:0.81',
  )
  const alike = choose({ [USUAL]: ground(20), maritime: ground(20), continental: ground(20) })
  expect(alike.aerosol).toBe('continental:0.34,maritime:0.33,continental-average:0.33')
  // Over dark ground it is the size of what is left that counts: nobody knows it to 0.001.
  expect(choose({ [USUAL]: ground(20, 0.2), maritime: ground(20, 0.1) }).aerosol).toBe(
    'maritime:0.52,continental-average:0.48',
  )
  // Not in it: what is far worse; urban air where it has not won, however well it does; what says something in a few windows only.
  expect(choose({ [USUAL]: ground(20), maritime: ground(20, 3) }).aerosol).toBe(USUAL)
  expect(choose({ [USUAL]: ground(20), urban: ground(20, 0.95) }).aerosol).toBe(USUAL)
  const few: Fits = [...ground(7), ...Array<null>(13).fill(null)]
  expect(choose({ [USUAL]: ground(20), maritime: few }).aerosol).toBe(USUAL)
})

test('the weights of any ground add up to 1 and make a mix that can be read', () => {
  const factor = fc.double({ min: 0.7, max: 1.4, noNaN: true })
  fc.assert(
    fc.property(fc.tuple(factor, factor, factor, factor, fc.integer({ min: 1, max: 30 })), (factors) => {
      const [a, b, c, d, windows] = factors
      const of = (x: number) => ground(windows, x)
      const { aerosol, weights } = choose({
        ...{ [USUAL]: of(1), continental: of(a), maritime: of(b), desert: of(c), urban: of(d) },
      })
      expect([...weights.values()].reduce((sum, w) => sum + w, 0)).toBeCloseTo(windows < 8 ? 0 : 1, 9)
      expect(parseAerosolMix(aerosol)).toHaveLength(Math.max(1, weights.size))
    }),
  )
})

test('a rarer aerosol has to win against the commoner one that stands', () => {
  const fits = { [USUAL]: ground(30), maritime: ground(30, 0.8) }
  expect(choose({ ...fits, urban: ground(30, 0.78) }).weights.get('urban')).toBeUndefined()
  expect(choose({ ...fits, urban: ground(30, 0.6) }).weights.get('urban')).toBeGreaterThan(0.33)
})

test('a rarer aerosol has to win against each commoner one, not only against the default', () => {
  // Desert is better than the default by a seventh, but than continental, which is commoner and better by a little, by less than a tenth.
  const fits = { [USUAL]: ground(30), continental: ground(30, 0.92), desert: ground(30, 0.86) }
  expect(choose(fits).isTold).toBe(false)
  expect(choose({ ...fits, continental: ground(30) }).isTold).toBe(true)
  expect(choose({ ...fits, desert: ground(30, 0.7) }).isTold).toBe(true)
})

test('the default is told by the image where all others have lost', () => {
  const lost = { [USUAL]: ground(30), maritime: ground(30, 1.3), desert: ground(30, 1.2) }
  expect(choose({ ...lost, urban: ground(30, 2) })).toMatchObject({ isTold: true })
  expect(choose({ ...lost, urban: ground(30, 1.01) })).toMatchObject({ isTold: false })
})

test('AOT is compared over the windows that both have', () => {
  const taken = [fit(0.004, 0.2), fit(0.004, 0.9)]
  const fits = new Map<AerosolModel, Fits>([
    [USUAL, taken],
    ['maritime', [fit(0.004, 0.15), null]],
    ['urban', [null, null]],
  ])
  const ratios = aotRatios(fits, taken)
  expect(ratios).toEqual({ [USUAL]: 1, maritime: expect.closeTo(0.75, 6) as number })
})

test('nothing is chosen where the default says nothing, or nothing was left unexplained', () => {
  expect(chooseAerosol(new Map([[USUAL, [null, null]]]))).toBeNull()
  const exact = choose({ [USUAL]: ground(20, 0), desert: ground(20, 0) })
  expect([exact.isTold, exact.evidence['desert']!.ratio]).toEqual([false, 1])
})

test('where no other says anything the image does not tell the aerosol, and what is no number counts for nothing', () => {
  const alone = choose({ [USUAL]: ground(20), maritime: Array<null>(20).fill(null) })
  expect(alone).toMatchObject({ aerosol: USUAL, isTold: false })
  expect(choose({ [USUAL]: ground(20), maritime: ground(20, NaN) }).aerosol).toBe(USUAL)
  const below = Array.from({ length: 20 }, () => ({ aot: 0.3, cost: -1e-9, weight: 40 }))
  expect(choose({ [USUAL]: below, maritime: below }).aerosol).toBe('maritime:0.5,continental-average:0.5')
})

test('in whatever order the windows come', () => {
  const rms = fc.double({ min: 0.001, max: 0.02, noNaN: true })
  const window = fc.tuple(rms, fc.option(rms), fc.option(rms), fc.double())
  fc.assert(
    fc.property(fc.array(window, { minLength: 1, maxLength: 40 }), (windows) => {
      const of = (all: typeof windows) =>
        choose({
          [USUAL]: all.map(([a]) => fit(a)),
          maritime: all.map(([, b]) => (b === null ? null : fit(b))),
          urban: all.map(([, , c]) => (c === null ? null : fit(c))),
        })
      const [one, other] = [of(windows), of([...windows].sort((a, b) => a[3] - b[3]))]
      expect(other.aerosol).toBe(one.aerosol)
      for (const { low, ratio, high } of Object.values(one.evidence)) {
        expect(low ?? ratio).toBeLessThanOrEqual(ratio)
        expect(high ?? ratio).toBeGreaterThanOrEqual(ratio)
      }
    }),
  )
})

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { AEROSOL_MODELS, type AerosolModel } from '../../../src/domain/aerosol-mix.js'
import type { WindowFit } from '../../../src/processors/l2a/aot.js'
import {
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
  const { model, residuals, evidence } = choose({ [USUAL]: usual, urban })
  expect(model).toBe(USUAL)
  expect(evidence['urban']).toMatchObject({ windows: 3 })
  expect(residuals['urban']! / residuals[USUAL]!).toBeCloseTo(4 / 3, 2)
})

test('another is taken where it wins by a tenth for certain, and then the image tells it', () => {
  const won = choose({ [USUAL]: ground(20), maritime: ground(20, 0.8) })
  expect(won).toMatchObject({ model: 'maritime', isTold: true, evidence: { maritime: { windows: 20 } } })
  expect(won.evidence['maritime']!.ratio).toBeCloseTo(0.8, 3)
  // By less than a tenth.
  expect(choose({ [USUAL]: ground(20), maritime: ground(20, 0.93) })).toMatchObject({
    ...{ model: USUAL, isTold: false },
  })
  // By as much, but in too few windows.
  expect(choose({ [USUAL]: ground(7), maritime: ground(7, 0.8) }).model).toBe(USUAL)
  // By as much in the sum, because of one window of twenty.
  const odd = [...ground(19), fit(0.03)]
  const { model, evidence } = choose({ [USUAL]: odd, maritime: [...ground(19), fit(0.018)] })
  expect(evidence['maritime']!.ratio).toBeLessThan(0.85)
  expect([model, evidence['maritime']!.high! > 0.9]).toEqual([USUAL, true])
})

test('a rarer aerosol has to win against the commoner one that stands', () => {
  const fits = { [USUAL]: ground(30), maritime: ground(30, 0.8) }
  expect(choose({ ...fits, urban: ground(30, 0.78) }).model).toBe('maritime')
  expect(choose({ ...fits, urban: ground(30, 0.6) }).model).toBe('urban')
})

test('a rarer aerosol has to win against each commoner one, not only against the default', () => {
  // Desert is better than the default by a seventh, but than continental, which is commoner and better by a little, by less than a tenth.
  const fits = { [USUAL]: ground(30), continental: ground(30, 0.92), desert: ground(30, 0.86) }
  expect(choose(fits).model).toBe(USUAL)
  expect(choose({ ...fits, continental: ground(30) }).model).toBe('desert')
  expect(choose({ ...fits, desert: ground(30, 0.7) })).toMatchObject({ model: 'desert', isTold: true })
})

test('the default is told by the image where all others have lost', () => {
  const lost = { [USUAL]: ground(30), maritime: ground(30, 1.3), desert: ground(30, 1.2) }
  expect(choose({ ...lost, urban: ground(30, 2) })).toMatchObject({ model: USUAL, isTold: true })
  expect(choose({ ...lost, urban: ground(30, 1.01) })).toMatchObject({ model: USUAL, isTold: false })
})

test('AOT is compared over the windows that both have', () => {
  const { aotRatios } = choose({
    [USUAL]: [fit(0.004, 0.2), fit(0.004, 0.9)],
    maritime: [fit(0.004, 0.15), null],
  })
  expect(aotRatios['maritime']).toBeCloseTo(0.75, 6)
})

test('nothing is chosen where the default says nothing, or nothing was left unexplained', () => {
  expect(chooseAerosol(new Map([[USUAL, [null, null]]]))).toBeNull()
  const exact = choose({ [USUAL]: ground(20, 0), desert: ground(20, 0) })
  expect([exact.model, exact.evidence['desert']!.ratio]).toEqual([USUAL, 1])
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
      expect(other.model).toBe(one.model)
      for (const { low, ratio, high } of Object.values(one.evidence)) {
        expect(low ?? ratio).toBeLessThanOrEqual(ratio)
        expect(high ?? ratio).toBeGreaterThanOrEqual(ratio)
      }
    }),
  )
})

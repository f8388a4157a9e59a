import { describe, expect, test } from 'vitest'
import { checkRound } from '../../src/cli/demo/season/check.js'
import type { RoundFacts } from '../../src/cli/demo/season/collect.js'
import { FAULTS, planScenario, type Scenario } from '../../src/cli/demo/season/scenario.js'
import type { InputProduct } from '../../src/cli/demo/season/simulate-inputs.js'

describe('the scenario', () => {
  const { passes, season, until, sites, cloudMax } = planScenario('full', 1)
  const clear = passes.filter(({ listedCloud }) => listedCloud === null)

  test('is the same for the same seed and another for another', () => {
    expect(planScenario('full', 1).passes).toEqual(passes)
    expect(planScenario('full', 2).passes).not.toEqual(passes)
  })

  test('has 3 sites, 8 tiles, about 120 acquisitions, 5 % of them broken in every way, some late', () => {
    expect(sites.map(({ parts }) => parts)).toEqual([3, null, null])
    expect(new Set(passes.map(({ tile }) => tile)).size).toBe(8)
    expect(clear).toHaveLength(122)
    expect(clear.flatMap(({ fault }) => fault ?? []).sort()).toEqual(Object.keys(FAULTS).sort())
    expect(passes.every(({ listedCloud }) => listedCloud === null || listedCloud > cloudMax)).toBe(true)
    expect(clear.filter(({ isLate }) => isLate)).toHaveLength(9)
    for (const late of clear.filter(({ isLate }) => isLate))
      expect(
        clear.some(
          ({ tile, date, publishedMs }) =>
            tile === late.tile && date > late.date && publishedMs < late.publishedMs,
        ),
        `${late.tile} ${late.date}`,
      ).toBe(true)
  })

  test('sensing lies in the season, publication after it and before the clock stops, out of order', () => {
    for (const { date, publishedMs } of passes) {
      expect(date >= season.start && date <= season.end).toBe(true)
      expect(publishedMs).toBeGreaterThan(Date.parse(date))
      expect(publishedMs).toBeLessThan(Date.parse(until))
    }
    const days = passes.map(({ date }) => date)
    expect(days).not.toEqual([...days].sort())
  })
})

describe('the check of a round', () => {
  const scenario: Scenario = { ...planScenario('small', 1) }
  const pass = scenario.passes.find(
    ({ listedCloud, fault, satellite }) => listedCloud === null && fault === null && satellite === 's2',
  )
  if (pass === undefined) throw new Error('no clear pass')
  const only: Scenario = { ...scenario, passes: [pass], until: scenario.season.start }
  const input: InputProduct = {
    ...{ pass, name: 'S2A_MSIL1C_X', path: '/x', sensedAt: `${pass.date}T10:50:31Z`, cloudPercent: 3 },
    bbox: [0, 0, 1, 1],
  }
  const l2a = `S2A_L2A_${pass.tile}_T_R051`
  const step = {
    ...{
      id: 1,
      processor: 'ndvi',
      state: 'succeeded',
      errorCode: null,
      errorMessage: null,
      attempt: 1,
      products: ['N'],
    },
    ...{ acquisitionId: null, parameters: {}, inputs: ['A@1'], cpuS: 1, wallS: 1, maxRssKb: 1 },
    events: [{ id: 1, attempt: 1, kind: 'succeeded' }],
  } as const
  const good = {
    acquisitions: [{ acquisitionId: 7, name: 'S2A_MSIL1C_X.SAFE', standing: 'corrected', product: l2a }],
    products: [l2a, l2a.replace('L2A', 'L3B')].map((name) => ({
      name,
      level: name.slice(4, 7),
      tile: pass.tile,
      staleReason: null,
    })),
    steps: [step],
    starts: new Map(),
    answers: new Map(),
    missing: new Map(),
  } as unknown as RoundFacts
  const faultsOf = (facts: Partial<Record<keyof RoundFacts, unknown>>, inputs = [input]) =>
    checkRound(only, inputs, { ...good, ...facts } as RoundFacts, false).faults

  test('finds nothing where all is there', () => {
    expect(faultsOf({})).toEqual([])
  })

  test('finds what is missing, unexplained, unknown, twice, stale, open or lost', () => {
    expect(faultsOf({ acquisitions: [] })).toEqual(['S2A_MSIL1C_X is 0 acquisitions, expected 1'])
    expect(faultsOf({ products: good.products.slice(0, 1) })).toEqual([
      `S2A_MSIL1C_X has L2A, and no NDVI ${l2a.replace('L2A', 'L3B')}`,
    ])
    const failed = [{ ...good.acquisitions[0], standing: 'failed' }]
    expect(faultsOf({ acquisitions: failed, answers: new Map([[7, 'it failed']]) })).toEqual([
      'S2A_MSIL1C_X is failed, expected corrected; `tilth why` says: it failed',
    ])
    const broken = [{ ...good.acquisitions[0], standing: 'broken' }]
    const wrong = [{ ...input, pass: { ...pass, fault: 'wrong XML' as const } }]
    expect(faultsOf({ acquisitions: broken, answers: new Map([[7, 'no idea']]) }, wrong)).toEqual([
      'S2A_MSIL1C_X is broken and `tilth why` does not say METADATA_INVALID; `tilth why` says: no idea',
    ])
    expect(faultsOf({ acquisitions: broken, answers: new Map([[7, 'METADATA_INVALID: x']]) }, wrong)).toEqual(
      [],
    )
    expect(faultsOf({}, [])).toEqual(['acquisition 7 (S2A_MSIL1C_X.SAFE) was never published'])
    expect(faultsOf({ steps: [step, { ...step, id: 2 }] })).toEqual(['steps 1 and 2 made N of the same: A@1'])
    expect(faultsOf({ steps: [step, { ...step, id: 2, inputs: ['A@2'] }] })).toEqual([])
    expect(faultsOf({ products: good.products.map((one) => ({ ...one, staleReason: 'old' })) })).toHaveLength(
      2,
    )
    expect(faultsOf({ steps: [{ ...step, state: 'ready' }] })).toEqual(['step 1 (ndvi) is ready:'])
    expect(faultsOf({ steps: [{ ...step, attempt: 2 }] })).toEqual([
      '1 attempts were lost although nothing was killed',
    ])
  })

  test('asks for a composite of each tile and month with L2A in the window, and for no other', () => {
    const day = `${pass.date.slice(0, 7)}-15`
    const year: Scenario = { ...only, season: { ...only.season, start: day, end: day }, until: '2025-08-05' }
    const products = good.products.map((one) => ({ ...one, sensedAt: new Date(input.sensedAt) }))
    const name = `S2_L3A_${pass.tile}_${day.replaceAll('-', '')}T120000_H025`
    const composite = (named: string) => ({ ...products[0], name: named, level: 'L3A', staleReason: null })
    const check = (of: readonly unknown[], said = '') =>
      checkRound(
        year,
        [input],
        { ...good, products: of, missing: new Map([[name, said]]) } as RoundFacts,
        false,
      ).faults
    expect(check(products)).toEqual([`composite ${name} is not there:`])
    expect(check([...products, composite(name)])).toEqual([])
    expect(check([...products, composite(name), composite('S2_L3A_32TQQ_20250115T120000_H025')])).toEqual([
      'composite S2_L3A_32TQQ_20250115T120000_H025 was not asked for',
    ])
    const [, ndviOnly] = products
    expect(check([ndviOnly], 'no idea')).toEqual([
      `\`tilth why\` does not say why there is no ${name}: no idea`,
    ])
    expect(check([ndviOnly], 'no L2A product of its tile lies in its window')).toEqual([])
    expect(check([ndviOnly, composite(name)])).toEqual([`composite ${name} was made of nothing`])
  })
})

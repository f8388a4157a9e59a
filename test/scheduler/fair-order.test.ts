import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  enter,
  fairOrder,
  nodesOf,
  pathKey,
  type FairStep,
  type Share,
} from '../../src/scheduler/fair-order.js'

const RULES = { weight: () => 1, priorityS: 3600, ageing: 1 }
let ids = 0
const step = (path: string, change: Partial<FairStep> = {}): FairStep => ({
  id: ++ids,
  priority: 100,
  waitedS: 0,
  path: path.split('/'),
  costS: 60,
  ...change,
})
const repeat = (count: number, make: () => FairStep): FairStep[] => Array.from({ length: count }, make)

/** Slots that always have work: `arrivals` come when so many steps have started. Returns the starts in order. */
function play(
  queue: FairStep[],
  starts: number,
  {
    weight = () => 1,
    arrivals = [],
  }: {
    weight?: (path: readonly string[]) => number
    arrivals?: readonly { after: number; steps: FairStep[] }[]
  } = {},
): FairStep[] {
  const shares = new Map<string, Share>()
  const started: FairStep[] = []
  let waiting = [...queue]
  while (started.length < starts && waiting.length > 0) {
    for (const { after, steps } of arrivals) if (after === started.length) waiting.push(...steps)
    const now = started.length * 1000
    // Nothing was given before: all begin at 0.
    const entered = enter(waiting, shares, now)
    for (const [key, share] of entered) shares.set(key, share)
    const [first] = fairOrder(waiting, entered, { ...RULES, weight })
    if (first === undefined) break
    for (const [i, key] of nodesOf(first.path).entries()) {
      const share = shares.get(key)
      if (share !== undefined)
        shares.set(key, {
          ...share,
          virtualS: share.virtualS + first.costS / weight(first.path.slice(0, i + 1)),
        })
    }
    started.push(first)
    waiting = waiting.filter((each) => each !== first)
  }
  return started
}
const count = (steps: readonly FairStep[], prefix: string) =>
  steps.filter(({ path }) => pathKey(path).startsWith(prefix)).length

describe('a backlog of 1,000 acquisitions of Sentinel-2', () => {
  const backlog = () => repeat(1000, () => step('s2/big/big/31TCJ'))

  test('lets a new acquisition of Landsat and a new site start next', () => {
    const landsat = step('landsat/big/big/198030')
    const site = step('s2/new/new/30TYP')
    const started = play(backlog(), 60, {
      arrivals: [
        { after: 40, steps: [landsat] },
        { after: 50, steps: [site] },
      ],
    })
    // Two slots: within their turnover is within two starts.
    expect(started.indexOf(landsat)).toBeLessThan(42)
    expect(started.indexOf(site)).toBeLessThan(52)
  })

  test('a site that had nothing to do for a while gets no more than its share when it comes back', () => {
    const late = repeat(100, () => step('s2/new/new/30TYP'))
    const started = play(backlog(), 140, { arrivals: [{ after: 100, steps: late }] }).slice(100)
    expect(count(started, 's2/new')).toBe(20)
  })
})

describe('weights', () => {
  test.each([
    ['of sites', 's2/a', 's2/b'],
    ['of satellites', 's2', 'landsat'],
    ['of sub-sites', 's2/a/x', 's2/a/y'],
  ])('%s 3 to 1 are shares 3 to 1', (_, heavy, light) => {
    const fill = (path: string) => [...path.split('/'), 'a', 'a', 't'].slice(0, 4).join('/')
    const queue = [...repeat(400, () => step(fill(light))), ...repeat(400, () => step(fill(heavy)))]
    const weight = (path: readonly string[]) => (pathKey(path) === heavy ? 3 : 1)
    const started = play(queue, 400, { weight })
    expect(count(started, heavy) / count(started, light)).toBeCloseTo(3, 1)
  })

  test('count in slot time: steps that take four times as long start a quarter as often', () => {
    const queue = [
      ...repeat(400, () => step('s2/a/a/t', { costS: 240 })),
      ...repeat(400, () => step('s2/b/b/t', { costS: 60 })),
    ]
    const started = play(queue, 200)
    expect(count(started, 's2/b') / count(started, 's2/a')).toBeCloseTo(4, 1)
  })
})

describe('priority', () => {
  test('within a node the better one is first, else as the queue has them', () => {
    const [a, b, c] = [step('s2/a/a/t', { priority: 110 }), step('s2/a/a/t'), step('s2/a/a/t')]
    expect(fairOrder([a, b, c], new Map(), RULES)).toEqual([b, c, a])
  })

  test('puts the work of another site back by its slot time, and waiting makes that good', () => {
    const urgent = repeat(100, () => step('s2/a/a/t', { priority: 99 }))
    const usual = () => step('s2/b/b/t')
    // One point is 3600 s, which are 60 steps of 60 s.
    const started = play([...urgent, usual()], 100)
    expect(count(started.slice(0, 60), 's2/b')).toBe(0)
    expect(count(started.slice(0, 62), 's2/b')).toBe(1)
    const old = { ...usual(), waitedS: 3600 }
    expect(count(play([...urgent, old], 2), 's2/b')).toBe(1)
  })
})

test('every step comes once, and the same input gives the same order whatever the order of sites in it', () => {
  const path = fc.constantFrom('s2/a/a/t', 's2/a/x/t', 's2/b/b/t', 's2/b/b/u', 'landsat/a/a/v')
  const made = fc.record({
    path,
    priority: fc.integer({ min: 98, max: 102 }),
    waitedS: fc.nat(9000),
    costS: fc.integer({ min: 1, max: 500 }),
  })
  fc.assert(
    fc.property(fc.array(made, { maxLength: 60 }), (drawn) => {
      const steps = drawn.map((each, i) => ({ ...each, id: i, path: each.path.split('/') }))
      const ordered = fairOrder(steps, enter(steps, new Map(), 0), RULES)
      expect([...ordered].sort((a, b) => a.id - b.id)).toEqual(steps)
      expect(fairOrder(steps, enter(steps, new Map(), 0), RULES)).toEqual(ordered)
    }),
  )
})

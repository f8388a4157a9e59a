import { expect, test } from 'vitest'
import { checkHistory, type History, type RecordedEvent } from '../../bench/chaos/check.js'
import { planSteps, seededRandom, type Effect } from '../../bench/chaos/plan.js'
import { valueOf } from '../../bench/chaos/steps.js'

/** Step 11 needs step 10; both took two attempts. */
function sound(): History {
  const first = valueOf(0, [])
  const events: [number, number, string][] = [
    [10, 1, 'claimed'],
    [10, 1, 'failed'],
    [10, 2, 'claimed'],
    [10, 2, 'succeeded'],
    [11, 0, 'unblocked'],
    [11, 1, 'claimed'],
    [11, 1, 'released'],
    [11, 2, 'claimed'],
    [11, 2, 'succeeded'],
  ]
  const effect = (step: number, attempt: number, what: Effect['what']): Effect => ({
    step,
    attempt,
    pid: 1,
    what,
  })
  return {
    steps: [
      { id: 10, index: 0, state: 'succeeded', attempt: 2, predecessors: [] },
      { id: 11, index: 1, state: 'succeeded', attempt: 2, predecessors: [10] },
    ],
    events: events.map(([step, attempt, kind], i): RecordedEvent => ({ id: i + 1, step, attempt, kind })),
    products: [
      { step: 10, attempt: 2, name: 'A', value: first },
      { step: 11, attempt: 2, name: 'B', value: valueOf(1, [first]) },
    ],
    effects: [
      effect(10, 1, 'begin'),
      effect(10, 2, 'begin'),
      effect(10, 2, 'done'),
      // Killed after its work and before it could publish: it had an effect outside, but not one that counts.
      effect(11, 1, 'begin'),
      effect(11, 1, 'done'),
      effect(11, 2, 'begin'),
      effect(11, 2, 'done'),
    ],
    left: { processes: [], folders: [], leases: [], locks: [], revisions: [] },
  }
}

const event = (step: number, attempt: number, kind: string, id = 100): RecordedEvent => ({
  id,
  step,
  attempt,
  kind,
})

test('a sound round has no faults', () => {
  expect(checkHistory(sound())).toEqual([])
})

const doctored: [string, (history: History) => Partial<History>, RegExp][] = [
  ['a second success', (h) => ({ events: [...h.events, event(11, 2, 'succeeded')] }), /succeeded 2 times/],
  [
    'a success that was never claimed',
    (h) => ({
      events: h.events.filter(
        ({ step, attempt, kind }) => !(step === 10 && attempt === 2 && kind === 'claimed'),
      ),
    }),
    /attempt 2 succeeded, open was none/,
  ],
  [
    'two attempts at once',
    (h) => ({ events: h.events.filter(({ kind }) => kind !== 'released') }),
    /attempt 2 was claimed while attempt 1 had not ended/,
  ],
  [
    'a write of an attempt that was over',
    (h) => ({ events: [...h.events, event(10, 1, 'failed')] }),
    /attempt 1 failed, open was none/,
  ],
  [
    'an attempt after the success',
    (h) => ({ events: [...h.events, event(10, 3, 'claimed')] }),
    /attempt 3 never ended/,
  ],
  [
    'a step that never ran',
    (h) => ({
      steps: [...h.steps, { id: 12, index: 2, state: 'ready', attempt: 0, predecessors: [] }],
    }),
    /step 12 is ready/,
  ],
  ['no product', (h) => ({ products: h.products.slice(1) }), /step 10 has published nothing/],
  [
    'two products',
    (h) => ({ products: [...h.products, { step: 10, attempt: 2, name: 'C', value: h.products[0]!.value }] }),
    /published 2 products/,
  ],
  [
    'a product of an attempt that did not succeed',
    (h) => ({ products: h.products.map((p) => (p.step === 10 ? { ...p, attempt: 1 } : p)) }),
    /of attempt 1, expected 2/,
  ],
  [
    'a product whose folder is gone',
    (h) => ({ products: h.products.map((p) => (p.step === 10 ? { ...p, value: null } : p)) }),
    /A holds nothing/,
  ],
  [
    'a product made from other inputs',
    (h) => ({ products: h.products.map((p) => (p.step === 11 ? { ...p, value: valueOf(1, []) } : p)) }),
    /B holds /,
  ],
  [
    'a product of nobody',
    (h) => ({ products: [...h.products, { step: null, attempt: 1, name: 'C', value: '' }] }),
    /of no step/,
  ],
  [
    'an effect of nobody',
    (h) => ({ effects: [...h.effects, { ...h.effects[0]!, step: 99 }] }),
    /names step 99/,
  ],
  ['an attempt that ran twice', (h) => ({ effects: [...h.effects, h.effects[6]!] }), /'done 2' 2 times/],
  [
    'an attempt that counts and never ran',
    (h) => ({ effects: h.effects.slice(0, -1) }),
    /no 'done' of attempt 2/,
  ],
  [
    'a successor claimed before its predecessor had succeeded',
    (h) => ({
      events: h.events.map((e) => (e.step === 10 && e.kind === 'succeeded' ? { ...e, id: 6.5 } : e)),
    }),
    /step 11 was claimed before step 10 had succeeded/,
  ],
  [
    'a successor that began before its predecessor was done',
    (h) => ({ effects: [h.effects[3]!, ...h.effects.filter((_, i) => i !== 3)] }),
    /by the log, step 11 began before step 10 was done/,
  ],
  ['an orphan', (h) => ({ left: { ...h.left, processes: ['4711 node run-step'] } }), /process left: 4711/],
  ['a staging folder', (h) => ({ left: { ...h.left, folders: ['.staging/10-1'] } }), /folder left/],
  ['a lease', (h) => ({ left: { ...h.left, leases: ['step 10'] } }), /lease left/],
  ['an advisory lock', (h) => ({ left: { ...h.left, locks: ['1'] } }), /advisory lock left/],
  [
    'a revision of a dead attempt',
    (h) => ({ left: { ...h.left, revisions: ['archive:x/r10-1'] } }),
    /no product names/,
  ],
]

test.each(doctored)('%s is found', (_, change, fault) => {
  const history = sound()
  const faults = checkHistory({ ...history, ...change(history) })
  expect(faults.join('\n')).toMatch(fault)
})

test('the same seed makes the same round, and predecessors come before', () => {
  const [one, two] = [1, 2].map(() => planSteps(200, 3, seededRandom(7)))
  expect(one).toEqual(two)
  expect(planSteps(200, 3, seededRandom(8))).not.toEqual(one)
  for (const { index, predecessors } of one!)
    for (const before of predecessors) {
      expect(before).toBeGreaterThanOrEqual(0)
      expect(before).toBeLessThan(index)
    }
  expect(new Set(one!.map(({ product }) => product)).size).toBe(200)
  expect(one!.filter(({ predecessors }) => predecessors.length > 1).length).toBeGreaterThan(60)
})

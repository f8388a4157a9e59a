import fc from 'fast-check'
import { expect, test } from 'vitest'
import { admit, type Candidate, type Caps, type RunningStep } from '../../src/scheduler/admission.js'

const caps = (over: { global?: number; site?: Record<number, number>; hint?: number } = {}): Caps => ({
  globalParallelism: () => over.global ?? 0,
  siteParallelism: (_, siteId) => (siteId === null ? 0 : (over.site?.[siteId] ?? 0)),
  threadsHint: () => over.hint ?? 4,
})
const step = (id: number, more: Partial<Candidate> = {}): Candidate => ({
  id,
  processor: 'l2a',
  siteId: 1,
  memoryMb: 100,
  ...more,
})
const runs = (id: number, threads: number, more: Partial<Candidate> = {}): RunningStep => ({
  ...step(id, more),
  threads,
})
const roomy = { slots: 8, memoryMb: 10_000 }

test('automatic parallelism gives each step about its hint: 8 slots, hint 4, two steps of 4', () => {
  const { start, waiting } = admit([], [step(1), step(2), step(3)], roomy, caps())
  expect(start).toEqual([
    { id: 1, threads: 4 },
    { id: 2, threads: 4 },
  ])
  expect(waiting).toEqual([
    { id: 3, reason: '2 run with 4 threads in mind on 8 slots; processor.l2a.max_parallelism is automatic' },
  ])
})

test('slots below the hint bound it: one step with both of 2 slots', () => {
  expect(admit([], [step(1), step(2)], { ...roomy, slots: 2 }, caps()).start).toEqual([{ id: 1, threads: 2 }])
})

test('an explicit max_parallelism shares the slots evenly', () => {
  const { start } = admit([], [step(1), step(2), step(3), step(4)], roomy, caps({ global: 3 }))
  expect(start).toEqual([
    { id: 1, threads: 3 },
    { id: 2, threads: 3 },
    { id: 3, threads: 2 },
  ])
})

test('threads that a finished step leaves go to the last running one when nothing waits', () => {
  expect(admit([runs(7, 4)], [], roomy, caps()).budgets).toEqual([{ id: 7, threads: 8 }])
})

test('a step that had all slots gives them back when another comes', () => {
  const { start, budgets } = admit([runs(7, 8)], [step(1)], roomy, caps())
  expect(start).toEqual([{ id: 1, threads: 4 }])
  expect(budgets).toEqual([{ id: 7, threads: 4 }])
})

test('the global cap bounds the sum over sites, the site row its share', () => {
  const candidates = [
    step(1),
    step(2),
    step(3, { siteId: 2 }),
    step(4, { siteId: 2 }),
    step(5, { siteId: 3 }),
  ]
  const { start, waiting } = admit([], candidates, roomy, caps({ global: 3, site: { 1: 1 } }))
  expect(start.map(({ id }) => id)).toEqual([1, 3, 4])
  expect(waiting.map(({ id }) => id)).toEqual([2, 5])
  expect(waiting[0]!.reason).toContain('of the site is 1')
})

test('steps on other hosts count for the cap but take no slots here', () => {
  const elsewhere = [step(90), step(91)]
  expect(admit([], [step(1), step(2)], { ...roomy, slots: 1 }, caps({ global: 3 }), elsewhere).start).toEqual(
    [{ id: 1, threads: 1 }],
  )
  expect(admit([], [step(1)], roomy, caps({ global: 2 }), elsewhere).start).toEqual([])
})

test('a step that waits for memory is not overtaken by a smaller one, or it would starve', () => {
  const { start, waiting } = admit(
    [runs(9, 4, { memoryMb: 6000 })],
    [step(1, { memoryMb: 5000 }), step(2)],
    roomy,
    caps({ global: 8 }),
  )
  expect(start).toEqual([])
  expect(waiting[0]!.reason).toBe('needs 5000 MiB, 4000 of 10000 are free')
})

test('a step that needs more memory than there is runs alone instead of never', () => {
  const large = step(1, { memoryMb: 99_000 })
  expect(admit([], [large, step(2)], roomy, caps()).start.map(({ id }) => id)).toEqual([1])
  expect(admit([runs(9, 1)], [large], roomy, caps({ global: 8 })).start).toEqual([])
})

test('slots taken away shrink budgets to one thread at least and stop nothing', () => {
  expect(admit([runs(1, 4), runs(2, 4)], [step(3)], { ...roomy, slots: 1 }, caps({ global: 8 }))).toEqual({
    start: [],
    budgets: [
      { id: 1, threads: 1 },
      { id: 2, threads: 1 },
    ],
    waiting: [{ id: 3, reason: 'all 1 slots are taken' }],
  })
})

test('whatever runs and waits: no cap, slot or memory is exceeded by a start, and no slot idles while a step runs', () => {
  const candidate = fc.record({
    processor: fc.constantFrom('l2a', 'l3a'),
    siteId: fc.constantFrom(null, 1, 2),
    memoryMb: fc.integer({ min: 1, max: 4000 }),
  })
  const queue = fc.array(candidate, { maxLength: 20 })
  fc.assert(
    fc.property(
      queue,
      queue,
      fc.integer({ min: 1, max: 16 }),
      fc.integer({ min: 0, max: 6 }),
      fc.integer({ min: 0, max: 3 }),
      fc.integer({ min: 1, max: 6 }),
      (before, queued, slots, global, site, hint) => {
        const limits = caps({ global, site: { 1: site }, hint })
        const running = before.slice(0, slots).map((c, i) => ({ ...c, id: i + 1, threads: 1 }))
        const candidates = queued.map((c, i) => ({ ...c, id: 100 + i }))
        const { start, budgets, waiting } = admit(running, candidates, { slots, memoryMb: 5000 }, limits)
        const started = candidates.filter(({ id }) => start.some((s) => s.id === id))
        expect(start.length + waiting.length).toBe(candidates.length)
        const all = [...running, ...started]
        const threads = all.map(
          ({ id }) => [...start, ...budgets, ...running].find((s) => s.id === id)!.threads,
        )
        expect(threads.reduce((a, b) => a + b, 0)).toBe(all.length === 0 ? 0 : slots)
        if (started.length > 0 && all.length > 1)
          expect(all.reduce((a, b) => a + b.memoryMb, 0)).toBeLessThanOrEqual(5000)
        for (const processor of ['l2a', 'l3a']) {
          const same = all.filter((s) => s.processor === processor)
          const own = started.filter((s) => s.processor === processor)
          if (global > 0 && own.length > 0) expect(same.length).toBeLessThanOrEqual(global)
          const ofSite = (s: Candidate) => s.siteId === 1
          if (site > 0 && own.some(ofSite)) expect(same.filter(ofSite).length).toBeLessThanOrEqual(site)
        }
      },
    ),
  )
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { admit, type Candidate, type Caps, type RunningStep } from '../../src/scheduler/admission.js'
import { simulate } from '../support/simulate-queue.js'

/** Sites 1 and 2 stand alone; 11 and 12 are sub-sites of 10. */
const PARENTS: Readonly<Record<number, number>> = { 11: 10, 12: 10 }
const lineage = (siteId: number | null): string[] =>
  siteId === null ? [] : [`${siteId}`, ...lineage(PARENTS[siteId] ?? null)]
const caps = (over: { global?: number; site?: Record<number, number>; hint?: number } = {}): Caps => ({
  bounds: (_, siteId) =>
    [
      { cap: over.global ?? 0, site: null },
      ...lineage(siteId).map((site) => ({ cap: over.site?.[Number(site)] ?? 0, site })),
    ].filter(({ cap }) => cap > 0),
  lineage,
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

test('automatic parallelism gives each step about its hint, and lets one more hide what they do with one thread', () => {
  const { start, waiting } = admit([], [step(1), step(2), step(3), step(4)], roomy, caps())
  expect(start).toEqual([
    { id: 1, threads: 3 },
    { id: 2, threads: 3 },
    { id: 3, threads: 2 },
  ])
  expect(waiting).toEqual([
    {
      id: 4,
      reason:
        '3 run, as many as 8 slots take with processor.l2a.tile_threads_hint 4 while processor.l2a.max_parallelism is automatic',
    },
  ])
})

test('slots below the hint bound it: two steps on 2 slots, one on 1', () => {
  const ids = (slots: number) =>
    admit([], [step(1), step(2), step(3)], { ...roomy, slots }, caps()).start.map(({ id }) => id)
  expect(ids(2)).toEqual([1, 2])
  expect(ids(1)).toEqual([1])
})

test('where such steps make use of fewer threads than the hint, more of them run and none gets what it cannot use', () => {
  const one = { usableThreads: 1 }
  const admitted = admit([runs(1, 3)], [step(2, one), step(3, one), step(4, one)], roomy, caps())
  // Beside what declares no less than its hint: the four slots of that, one for each other, and the last one to who can use it.
  expect(admitted.start).toEqual([2, 3, 4].map((id) => ({ id, threads: 1 })))
  expect(admitted.budgets).toEqual([{ id: 1, threads: 5 }])
  const all = Array.from({ length: 7 }, (_, i) => step(i + 1, { usableThreads: 2 }))
  const { start, waiting } = admit([], all, roomy, caps())
  expect(start).toHaveLength(5)
  expect(waiting[0]?.reason).toMatch(
    /^5 run, as many as 8 slots take with the 2 threads that such steps make use of while/,
  )
  // More than the hint counts for nothing.
  expect(admit([], all.slice(0, 4).map((s) => ({ ...s, usableThreads: 9 })), roomy, caps()).start).toHaveLength(3) // prettier-ignore
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
  expect(waiting[0]!.reason).toBe('processor.l2a.max_parallelism of site 1 is 1, and 1 run')
})

test('the cap of a parent site bounds the sum of its sub-sites, each of which has its own share, and the global cap holds too', () => {
  const candidates = [
    ...[step(1, { siteId: 11 }), step(2, { siteId: 11 }), step(3, { siteId: 11 })],
    ...[step(4, { siteId: 12 }), step(5, { siteId: 12 }), step(6, { siteId: 10 })],
    ...[step(7, { siteId: 2 }), step(8, { siteId: 2 })],
  ]
  const started = (limits: Caps) => admit([], candidates, roomy, limits).start.map(({ id }) => id)
  expect(started(caps({ site: { 10: 3, 11: 2, 2: 8 } }))).toEqual([1, 2, 4, 7, 8])
  // A share of the parent's own does not widen that of a child, nor a child's that of the parent.
  expect(started(caps({ site: { 10: 1, 11: 3 }, global: 9 }))).toEqual([1, 7, 8])
  expect(started(caps({ site: { 10: 3, 11: 2 }, global: 4 }))).toEqual([1, 2, 4, 7])
  const { waiting } = admit([], candidates, roomy, caps({ site: { 10: 2, 2: 1 } }))
  expect(waiting.find(({ id }) => id === 4)?.reason).toBe(
    'processor.l2a.max_parallelism of site 10 is 2, and 2 run',
  )
})

test('what runs of a sub-site on another host counts for its parent', () => {
  const elsewhere = [step(90, { siteId: 12 }), step(91, { siteId: 2 })]
  const { start } = admit(
    [],
    [step(1, { siteId: 11 }), step(2, { siteId: 11 })],
    roomy,
    caps({ site: { 10: 2 } }),
    elsewhere,
  )
  expect(start.map(({ id }) => id)).toEqual([1])
})

test('automatic parallelism is that of each host: what runs elsewhere leaves its slots', () => {
  const elsewhere = [step(90), step(91)]
  const queue = [step(1), step(2), step(3), step(4)]
  expect(admit([], queue, roomy, caps(), elsewhere).start.map(({ id }) => id)).toEqual([1, 2, 3])
})

test('a cap that is lowered below what runs starts nothing and stops nothing', () => {
  const running = [runs(1, 2), runs(2, 2), runs(3, 2)]
  const { start, budgets } = admit(running, [step(4)], roomy, caps({ global: 1 }))
  expect(start).toEqual([])
  expect(budgets).toEqual([
    { id: 1, threads: 3 },
    { id: 2, threads: 3 },
  ])
  expect(admit(running.slice(0, 1), [step(4)], roomy, caps({ global: 1 })).start).toEqual([])
  expect(admit([], [step(4)], roomy, caps({ global: 1 })).start).toHaveLength(1)
})

test('steps on other hosts count for the cap but take no slots here', () => {
  const elsewhere = [step(90), step(91)]
  expect(admit([], [step(1), step(2)], { ...roomy, slots: 1 }, caps({ global: 3 }), elsewhere).start).toEqual(
    [{ id: 1, threads: 1 }],
  )
  expect(admit([], [step(1)], roomy, caps({ global: 2 }), elsewhere).start).toEqual([])
})

describe('behind a step that waits for memory', () => {
  const limits = caps({ global: 8, hint: 1 })
  const head = step(1, { memoryMb: 5000 })

  test('one that leaves the head its room whichever step ends first may start', () => {
    // 4000 are free. When step 9 (6000) ends, 10,000 are: the head leaves 5000 of them.
    const running = [runs(9, 1, { memoryMb: 6000 })]
    const { start, waiting } = admit(
      running,
      [head, step(2, { memoryMb: 3000 }), step(3, { memoryMb: 1001 }), step(4, { memoryMb: 1000 })],
      roomy,
      limits,
    )
    expect(start.map(({ id }) => id)).toEqual([2, 4])
    expect(waiting.map(({ reason }) => reason)).toEqual([
      'needs 5000 MiB, 4000 of 10000 are free',
      'needs 1001 MiB, 1000 of 10000 are free',
    ])
  })

  test('one that would make the head wait for a second step to end may not', () => {
    const running = [runs(8, 1, { memoryMb: 1500 }), runs(9, 1, { memoryMb: 4500 })]
    // With 8 ended 5500 are free, 500 more than the head needs.
    const { start, waiting } = admit(
      running,
      [head, step(2, { memoryMb: 501 }), step(3, { memoryMb: 500 })],
      roomy,
      limits,
    )
    expect(start.map(({ id }) => id)).toEqual([3])
    expect(waiting[1]!.reason).toBe('it could delay step 1, which needs 5000 MiB, 4000 of 10000 are free')
  })

  test('one that takes threads of running steps may not: they would end later', () => {
    const running = [runs(9, 8, { memoryMb: 6000 })]
    const small = step(2, { memoryMb: 10 })
    expect(admit(running, [head, small], roomy, caps({ global: 8, hint: 8 })).start).toEqual([])
    expect(admit(running, [head, small], roomy, caps({ global: 8, hint: 6 })).start).toHaveLength(1)
  })

  test('the head begins no later than if nothing ran beside it, whatever ends when', () => {
    const size = fc.integer({ min: 1, max: 6 })
    const sized = fc.record({ memoryMb: size, diskMb: size, ioWeight: size })
    const timed = fc.record({ needs: sized, lasts: fc.integer({ min: 1, max: 20 }) })
    fc.assert(
      fc.property(
        fc.array(timed, { minLength: 1, maxLength: 6 }),
        fc.record({ memoryMb: fc.integer({ min: 1, max: 10 }), diskMb: size, ioWeight: size }),
        fc.array(timed, { maxLength: 8 }),
        (before, large, queued) => {
          const room = { slots: 12, memoryMb: 12, diskMb: 14, ioWeight: 14 }
          // What runs at the beginning: as many as fit together.
          const fitting = (steps: typeof before) =>
            steps.filter((_, i) =>
              (['memoryMb', 'diskMb', 'ioWeight'] as const).every(
                (name) =>
                  steps.slice(0, i + 1).reduce((sum, { needs }) => sum + needs[name], 0) <= room[name],
              ),
            )
          const begins = (behindIt: typeof queued): number => {
            const all = [
              ...fitting(before).map(({ needs, lasts }, i) => ({ ...step(100 + i), ...needs, lasts })),
              { ...step(1), ...large, lasts: 1 },
              ...behindIt.map(({ needs, lasts }, i) => ({ ...step(200 + i), ...needs, lasts })),
            ]
            return simulate(all, room, caps({ global: 99, hint: 1 }), () => 1).started.get(1)!
          }
          expect(begins(queued)).toBeLessThanOrEqual(begins([]))
        },
      ),
      { numRuns: 500 },
    )
  })
})

test('disk and I/O weight are packed as memory is', () => {
  const room = { ...roomy, diskMb: 1000, ioWeight: 2 }
  const writes = (id: number, diskMb: number, ioWeight: number) => step(id, { diskMb, ioWeight })
  const { waiting } = admit([], [writes(1, 600, 1), writes(2, 600, 0)], room, caps({ global: 8 }))
  expect(waiting[0]!.reason).toBe(
    'needs 600 MiB of disk, 400 are free beyond storage.min_free_mb and what running steps will write',
  )
  expect(admit([], [writes(1, 1, 1.5), writes(2, 1, 1)], room, caps({ global: 8 })).waiting[0]!.reason).toBe(
    'weighs 1 in I/O, 0 of 2 are free',
  )
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

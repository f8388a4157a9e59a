import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ReportEvent, ReportStep } from '../../src/db/report/list-job-events.js'
import { describeTimes, jobTimes } from '../../src/scheduler/job-report/job-times.js'
import { buildTimeline } from '../../src/scheduler/job-report/timeline.js'

const createdAt = new Date('2026-01-01T00:00:00Z')
const at = (s: number) => new Date(createdAt.getTime() + s * 1000)
const step = (id: number, over: Partial<ReportStep> = {}): ReportStep => ({
  ...{ id, processor: 'l2a', tile: '31TCJ', state: 'succeeded', attempt: 1, node: 'a', slots: 2 },
  ...{ resources: { cpu_s: 10 }, predecessors: [] },
  ...over,
})
const event = (stepId: number, s: number, kind: string, over: Partial<ReportEvent> = {}): ReportEvent => ({
  ...{
    stepId,
    attempt: 1,
    at: at(s),
    kind,
    node: kind === 'claimed' ? 'a' : null,
    threads: null,
    code: null,
  },
  ...{ delayS: null, cpuS: null },
  ...over,
})
const spans = (timeline: ReturnType<typeof buildTimeline>) =>
  timeline.map(({ intervals }) => intervals.map((i) => [i.kind, i.fromS, i.toS, i.outcome ?? i.waitedFor]))

test('waiting for a place names the step that made it, waiting for predecessors the one that ended last', () => {
  const events = [
    event(1, 1, 'claimed'),
    event(2, 1, 'claimed'),
    event(1, 11, 'succeeded'),
    event(3, 11, 'claimed'),
    event(2, 21, 'succeeded'),
    event(4, 21, 'unblocked'),
    event(4, 22, 'claimed'),
    event(3, 31, 'succeeded'),
    event(4, 42, 'succeeded'),
  ]
  const steps = [step(1), step(2), step(3), step(4, { predecessors: [1, 2] })]
  const timeline = buildTimeline(steps, events, { createdAt, now: at(42) })
  expect(spans(timeline)).toEqual([
    [
      ['queued', 0, 1, null],
      ['running', 1, 11, 'succeeded'],
    ],
    [
      ['queued', 0, 1, null],
      ['running', 1, 21, 'succeeded'],
    ],
    [
      ['queued', 0, 11, 1],
      ['running', 11, 31, 'succeeded'],
    ],
    [
      ['blocked', 0, 21, 2],
      ['queued', 21, 22, null],
      ['running', 22, 42, 'succeeded'],
    ],
  ])
  const times = jobTimes(timeline, events, 42)
  // First claim at 1 s, last end at 42 s; four times 10 s of CPU.
  expect(times).toMatchObject({ wallS: 41, cpuS: 40, slots: 2, speedUp: 40 / 41, efficiency: 20 / 41 })
  expect(describeTimes(times)).toBe('wall 41.0 s, CPU 40.0 s, speed-up 0.98 on 2 slots (efficiency 49 %)')
})

test('a failure waits out its delay, then for a place; a lost claim is ready at once; lost CPU time is kept apart', () => {
  const events = [
    event(1, 0, 'claimed'),
    event(1, 5, 'failed', { code: 'IO_ERROR', delayS: 10, cpuS: 3 }),
    event(1, 20, 'claimed', { attempt: 2 }),
    event(1, 25, 'released', { attempt: 2 }),
    event(1, 26, 'claimed', { attempt: 3 }),
  ]
  const running = step(1, { state: 'running', attempt: 3, resources: {} })
  const timeline = buildTimeline([running], events, { createdAt, now: at(30) })
  expect(spans(timeline)).toEqual([
    [
      ['running', 0, 5, 'failed'],
      ['backoff', 5, 15, null],
      ['queued', 15, 20, null],
      ['running', 20, 25, 'given back'],
      ['queued', 25, 26, null],
      ['running', 26, 30, 'runs'],
    ],
  ])
  expect(jobTimes(timeline, events, 30)).toMatchObject({ cpuS: 0, lostCpuS: 3, speedUp: null })
})

test('a job that has not begun has no wall time', () => {
  const waiting = step(1, { state: 'ready', node: null, slots: null, resources: {} })
  const timeline = buildTimeline([waiting], [], { createdAt, now: at(9) })
  expect(spans(timeline)).toEqual([[['queued', 0, 9, null]]])
  expect(describeTimes(jobTimes(timeline, [], 9))).toBe('nothing has run yet')
})

test('intervals of a step follow each other without gap or overlap, whatever its events', () => {
  const kinds = fc.constantFrom(
    'claimed',
    'failed',
    'released',
    'unblocked',
    'retried',
    'cancelled',
    'succeeded',
  )
  const history = fc.array(
    fc.tuple(kinds, fc.integer({ min: 0, max: 50 }), fc.option(fc.integer({ min: 0, max: 60 }))),
  )
  fc.assert(
    fc.property(history, (drawn) => {
      let s = 0
      const events = drawn.map(([kind, by, delayS], i) => event(1, (s += by), kind, { delayS, attempt: i }))
      const timeline = buildTimeline([step(1, { state: 'ready' })], events, { createdAt, now: at(s + 1) })
      const intervals = timeline[0]?.intervals ?? []
      for (const [i, { fromS, toS }] of intervals.entries()) {
        expect(toS).toBeGreaterThanOrEqual(fromS)
        const before = intervals[i - 1]
        if (before !== undefined) expect(fromS).toBeGreaterThanOrEqual(before.toS)
      }
    }),
  )
})

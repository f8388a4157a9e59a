import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseDeadline } from '../../src/domain/deadline.js'
import { favourUrgent, remainingS, slackS } from '../../src/scheduler/deadline-order.js'

interface Step {
  readonly id: number
  readonly slack: number | undefined
  readonly cost: number
}
const of = { slack: (step: Step) => step.slack, cost: (step: Step) => step.cost }
const NONE = { urgentS: 0, otherS: 0 }
const slackOf = fc.option(fc.integer({ min: -100, max: 100 }), { nil: undefined })
const steps = fc
  .array(fc.record({ slack: slackOf, cost: fc.integer({ min: 1, max: 50 }) }), { maxLength: 40 })
  .map((list) => list.map((step, id): Step => ({ ...step, id })))

test('what is left takes no longer than the bound, in whatever order the slots take what is ready', () => {
  const chain = fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 6 })
  fc.assert(
    fc.property(
      fc.array(chain, { minLength: 1, maxLength: 12 }),
      fc.integer({ min: 1, max: 6 }),
      fc.infiniteStream(fc.nat()),
      (chains, slots, picks) => {
        const left = chains.map((costs) => [...costs])
        const running = new Map<number, number>()
        let now = 0
        for (;;) {
          for (;;) {
            const ready = left.flatMap((costs, i) => (costs.length > 0 && !running.has(i) ? [i] : []))
            const next = ready[Number(picks.next().value) % Math.max(1, ready.length)]
            if (next === undefined || running.size === slots) break
            running.set(next, now + left[next]!.shift()!)
          }
          if (running.size === 0) break
          now = Math.min(...running.values())
          for (const [i, end] of running) if (end === now) running.delete(i)
        }
        const open = chains.flat().map((costS) => ({ steps: 1, costS }))
        const depth = Math.max(...chains.map(({ length }) => length))
        expect(now).toBeLessThanOrEqual(remainingS({ open, depth }, slots))
      },
    ),
  )
})

test('slack is the time left less one and a half times the bound; without work it is the time left', () => {
  // 10 x 60 / 4 + 60 = 210
  expect(slackS({ inS: 400, open: [{ steps: 10, costS: 60 }], depth: 1 }, 4)).toBe(400 - 1.5 * 210)
  expect(slackS({ inS: -5, open: [], depth: 1 }, 4)).toBe(-5)
})

test('nothing is lost or doubled, each kind keeps its own order, and without urgent steps nothing moves', () => {
  fc.assert(
    fc.property(steps, fc.double({ min: 0, max: 0.95, noNaN: true }), (list, share) => {
      const ordered = favourUrgent(list, of, NONE, share)
      expect([...ordered].sort((a, b) => a.id - b.id)).toEqual(list)
      const isUrgent = ({ slack }: Step) => slack !== undefined && slack < 0
      expect(ordered.filter((step) => !isUrgent(step))).toEqual(list.filter((step) => !isUrgent(step)))
      if (share > 0) {
        const slacks = ordered.filter(isUrgent).map(({ slack }) => slack!)
        expect(slacks).toEqual([...slacks].sort((a, b) => a - b))
      }
      if (!list.some(isUrgent) || share === 0) expect(ordered).toEqual(list)
    }),
  )
})

test('the urgent get their share of slot time and no more than one step beyond it while others wait', () => {
  fc.assert(
    fc.property(steps, fc.double({ min: 0.05, max: 0.95, noNaN: true }), (list, share) => {
      const ordered = favourUrgent(list, of, NONE, share)
      let [urgentS, otherS, othersLeft, urgentLeft] = [0, 0, 0, 0]
      for (const { slack } of ordered)
        if (slack !== undefined && slack < 0) urgentLeft++
        else othersLeft++
      for (const { slack, cost } of ordered) {
        if (slack !== undefined && slack < 0) {
          if (othersLeft > 0) expect(urgentS * (1 - share)).toBeLessThanOrEqual(otherS * share)
          urgentS += cost
          urgentLeft--
        } else {
          if (urgentLeft > 0) expect(urgentS * (1 - share)).toBeGreaterThan(otherS * share)
          otherS += cost
          othersLeft--
        }
      }
    }),
  )
})

test('what was given before counts', () => {
  const list = [1, 2, 3].map((id): Step => ({ id, slack: id === 3 ? -1 : undefined, cost: 10 }))
  const ids = (urgentS: number) => favourUrgent(list, of, { urgentS, otherS: 10 }, 0.8).map(({ id }) => id)
  expect(ids(0)).toEqual([3, 1, 2])
  // 80 x 0.2 = 16 > 10 x 0.8 = 8; after another 10, 16 <= 16.
  expect(ids(80)).toEqual([1, 3, 2])
})

test('a deadline is a time with its zone or a duration, and lies ahead', () => {
  const now = new Date('2026-05-01T12:00:00Z')
  expect(parseDeadline('2026-05-01T16:00+02:00', now)).toEqual({ at: new Date('2026-05-01T14:00:00Z') })
  expect(['90min', '36h', '1.5d'].map((text) => parseDeadline(text, now))).toEqual([
    { inS: 5400 },
    { inS: 129_600 },
    { inS: 129_600 },
  ])
  for (const text of ['2026-05-01', '2026-05-01T16:00', 'tomorrow', '36', '-3h', '1w', '2026-13-01T00:00Z'])
    expect(() => parseDeadline(text, now), text).toThrow(/expected a time with its zone/)
  for (const [text, why] of [
    ['2026-05-01T12:00Z', 'has passed'],
    ['0h', 'has passed'],
    ['9999d', 'ten years'],
  ] as const)
    expect(() => parseDeadline(text, now), text).toThrow(why)
})

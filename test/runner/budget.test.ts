import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Budget } from '../../src/runner/budget.js'

/** A task that counts how many run at once and ends when told. */
function controlled(budget: Budget, running: { now: number; most: number }, priority = 0) {
  let end: () => void = () => undefined
  const ended = new Promise<void>((resolve) => {
    end = resolve
  })
  const done = budget.run(async () => {
    running.now++
    running.most = Math.max(running.most, running.now)
    await ended
    running.now--
  }, priority)
  return { end, done }
}
const settle = () => new Promise((resolve) => setImmediate(resolve))

test('never runs more at once than it has threads, and runs everything', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 0, max: 20 }),
      async (threads, tasks) => {
        const budget = new Budget(threads)
        const running = { now: 0, most: 0 }
        const all = Array.from({ length: tasks }, () => controlled(budget, running))
        for (const task of all) {
          await settle()
          task.end()
        }
        await Promise.all(all.map((t) => t.done))
        expect(running.now).toBe(0)
        expect(running.most).toBeLessThanOrEqual(threads)
        expect(running.most).toBe(Math.min(threads, tasks))
      },
    ),
    { numRuns: 30 },
  )
})

test('a larger budget starts waiting work at once; a smaller one lets running work end', async () => {
  const budget = new Budget(1)
  const running = { now: 0, most: 0 }
  const all = Array.from({ length: 4 }, () => controlled(budget, running))
  await settle()
  expect(running.now).toBe(1)
  budget.setCapacity(3)
  await settle()
  expect(running.now).toBe(3)
  budget.setCapacity(1)
  await settle()
  expect(running.now).toBe(3)
  all[0]!.end()
  all[1]!.end()
  await settle()
  expect(running.now).toBe(1)
  all[2]!.end()
  await settle()
  expect(running.now).toBe(1)
  all[3]!.end()
  await Promise.all(all.map((t) => t.done))
})

test('a task that fails gives its slot back', async () => {
  const budget = new Budget(1)
  await expect(budget.run(() => Promise.reject(new Error('no')))).rejects.toThrow('no')
  expect(await budget.run(() => Promise.resolve(7))).toBe(7)
  expect(budget.inUse).toBe(0)
})

test('work of higher priority goes first among those that wait', async () => {
  const budget = new Budget(1)
  const order: string[] = []
  const running = { now: 0, most: 0 }
  const first = controlled(budget, running)
  await settle()
  const note = (name: string) => () => {
    order.push(name)
    return Promise.resolve()
  }
  const waiting = [budget.run(note('a')), budget.run(note('b'), 1), budget.run(note('c'))]
  first.end()
  await Promise.all([first.done, ...waiting])
  expect(order).toEqual(['b', 'a', 'c'])
})

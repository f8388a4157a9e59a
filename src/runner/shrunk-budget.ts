import type { ThreadBudget } from './step-context.js'

/** Blocks in flight follow the threads: with smaller blocks there are fewer of them too. */
export function shrunkBudget(threads: ThreadBudget, shrink: number): ThreadBudget {
  if (shrink === 0) return threads
  const shrunk = (value: number) => Math.max(1, Math.floor(value / 2 ** shrink))
  return {
    get value() {
      return shrunk(threads.value)
    },
    onChange: (callback) =>
      threads.onChange((value) => {
        callback(shrunk(value))
      }),
  }
}

import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { allOrNone } from '../../src/domain/all-done.js'

describe('work of which one part may end the others', () => {
  const never = new AbortController().signal

  it('gives all results in order', async () => {
    const made = await allOrNone<[number, string]>(never, [
      async () => {
        await sleep(5)
        return 1
      },
      () => Promise.resolve('two'),
    ])
    expect(made).toEqual([1, 'two'])
  })

  it('ends the rest with the first error, and waits until they have ended', async () => {
    let hasEnded = false
    const wrong = new Error('the model is in feet')
    const made = allOrNone<[undefined, undefined]>(never, [
      async (signal) => {
        await sleep(60_000, undefined, { signal }).catch(() => undefined)
        await sleep(5)
        hasEnded = true
        signal.throwIfAborted()
        return undefined
      },
      () => Promise.reject(wrong),
    ])
    await expect(made).rejects.toBe(wrong)
    expect(hasEnded).toBe(true)
  })

  it('hands down that all of it is stopped', async () => {
    const stop = new AbortController()
    const made = allOrNone<[undefined]>(stop.signal, [
      async (signal) => {
        await sleep(60_000, undefined, { signal }).catch(() => undefined)
        signal.throwIfAborted()
        return undefined
      },
    ])
    stop.abort(new Error('stopped'))
    await expect(made).rejects.toThrow('stopped')
  })
})

import { PassThrough } from 'node:stream'
import { setTimeout as wait } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { encodeLine, ORPHAN_GRACE_S, RUN_STEP_EXIT } from '../../src/runner/protocol.js'
import { serveSteps } from '../../src/runner/serve-steps.js'
import type { AttemptOptions } from '../../src/runner/run-step.js'

function serve(opening: Promise<AttemptOptions>) {
  const input = new PassThrough()
  const output: string[] = []
  const exits: number[] = []
  const ended = serveSteps(opening, {
    input,
    output: { write: (text: string) => output.push(text) },
    exit: (status) => exits.push(status),
  })
  return { input, output, exits, ended }
}
const never = new Promise<AttemptOptions>(() => undefined)
const runLine = encodeLine({ type: 'run', id: 7, attempt: 2, threads: 1 })

test('a process without a parent ends at once, also while it waits for Postgres', async () => {
  const { input, ended } = serve(never)
  input.end()
  expect(await ended).toBe(0)
})

test('one that was given a step before Postgres could be reached is gone within 2 s of its parent', async () => {
  const { input, exits } = serve(never)
  input.write(runLine)
  await wait(50)
  input.end()
  const closed = performance.now()
  while (exits.length === 0 && performance.now() - closed < 60_000) await wait(20)
  expect(exits).toEqual([RUN_STEP_EXIT.interrupted])
  // Its timer is a tenth shorter than these 2 s; what a busy machine adds to it says nothing.
  expect(ORPHAN_GRACE_S).toBe(2)
  expect(performance.now() - closed).toBeLessThan(20_000)
})

test('if Postgres answers in time after all, the step is given back', async () => {
  const released: unknown[] = []
  let open: (options: AttemptOptions) => void = () => undefined
  const { input, output, ended } = serve(new Promise((resolve) => (open = resolve)))
  input.end(runLine)
  await wait(100)
  const yes = () => Promise.resolve(true)
  open({
    store: {
      read: () =>
        Promise.resolve({
          ...{
            processor: 'p',
            params: {},
            threads: 1,
            blockShrink: 0,
            leaseSeconds: 30,
            isSuperseded: false,
            codec: 'deflate',
            memoryMb: null,
          },
        }),
      chain: () => Promise.resolve({ previous: null, following: [] }),
      renew: () => Promise.resolve({ threads: 1, cancelRequested: false }),
      place: yes,
      succeed: () => Promise.resolve({ kind: 'published' }),
      supersede: () => Promise.resolve(undefined),
      fail: yes,
      cancel: yes,
      release: (key, reason) => {
        released.push([key, reason])
        return yes()
      },
    },
    proveRoots: () => Promise.resolve({ archive: '/nowhere', scratch: '/nowhere' }),
    toolsFile: '/nowhere/external.json',
    loadProcessor: () => Promise.reject(new Error('never asked')),
  })
  expect(await ended).toBe(RUN_STEP_EXIT.interrupted)
  expect(released).toEqual([[{ id: 7, attempt: 2 }, 'shutdown']])
  expect(output.join('')).toContain('"outcome":"interrupted"')
})

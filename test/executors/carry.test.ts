import { expect, onTestFinished, test, vi } from 'vitest'
import { Carrier, type CarryOptions } from '../../src/executors/slurm/carry.js'
import { SettingsInForce } from '../../src/scheduler/settings-in-force.js'
import { ProcessingError } from '../../src/domain/errors.js'
import type { AttemptEnd, ClaimedStep, Executor, StepLimits } from '../../src/scheduler/executor.js'
import type { Begun, LoadRow, SlurmStore } from '../../src/scheduler/slurm-store.js'

/** expect.poll gives up after a second by itself. */
const PATIENT = { timeout: 60_000 }

const DIED: AttemptEnd = {
  ...{ kind: 'died', code: 'STEP_KILLED', message: 'gone', lastLines: [], resources: {} },
  evidence: { argv: [], pid: 1, exitCode: null, signal: 'SIGKILL' },
}
const begun = (id: number, more: Partial<Extract<Begun, { kind: 'begun' }>> = {}): Begun => ({
  kind: 'begun',
  claim: { id, attempt: 1, processor: 'l2a', threads: 2 },
  ...{ siteId: null, memoryMb: 100, diskMb: 0, replaced: null },
  ...more,
})

/** A carrier over a script of what the database answers; `ends` says how each started step ends, `undefined`: not by itself. */
function carrier(
  answers: (Begun | Error)[],
  ends: (AttemptEnd | (() => AttemptEnd) | undefined)[],
  more: Partial<CarryOptions> & {
    settings?: Record<string, unknown>
    row?: { threads: number; cancelRequested: boolean }
  } = {},
) {
  const calls: string[] = []
  const limits: StepLimits[] = []
  let onEnd: (step: ClaimedStep, end: AttemptEnd) => void = () => undefined
  let current: ClaimedStep | undefined
  const finish = (end: AttemptEnd) => {
    const step = current
    current = undefined
    if (step !== undefined)
      setImmediate(() => {
        onEnd(step, end)
      })
  }
  const note = (name: string) => (key: { id: number }, what: unknown) => {
    calls.push(`${name} ${key.id}${typeof what === 'string' ? `: ${what}` : ''}`)
    return Promise.resolve(true)
  }
  const held = (id: number, element: number): Partial<LoadRow> => ({
    ...{ batchId: 'b', element, id, attempt: 1, isHeld: true, begunRun: null },
  })
  const store = {
    settings: () => Promise.resolve(new SettingsInForce(() => ({ sites: [], global: more.settings ?? {} }))),
    begin: () => {
      const next = answers.shift() ?? { kind: 'done' as const }
      return next instanceof Error ? Promise.reject(next) : Promise.resolve(next)
    },
    carried: () => Promise.resolve(more.row ?? { threads: 2, cancelRequested: false }),
    loads: () => Promise.resolve([held(8, 0), held(9, 0), held(7, 1)]),
    release: note('release'),
    cancel: note('cancel'),
    fail: note('fail'),
    grant: (key: { id: number }, threads: number) => note('grant')(key, String(threads)),
  } as unknown as SlurmStore
  const executor: Partial<Executor> = {
    onEnd: (callback) => (onEnd = callback),
    start: (step, granted) => {
      calls.push(`start ${step.id}`)
      limits.push(granted)
      current = step
      const end = ends.shift()
      if (end !== undefined) finish(typeof end === 'function' ? end() : end)
    },
    cancel: () => {
      calls.push('told to cancel')
      finish(DIED)
    },
    setThreads: (_, __, threads) => calls.push(`threads ${threads}`),
    setLimits: (_, __, now) => limits.push(now),
    close: () => {
      finish({ kind: 'interrupted' })
      return Promise.resolve()
    },
  }
  let change = (): void => undefined
  const one = new Carrier({
    ...{ store, executor: executor as Executor, cpus: 2, minutes: 0 },
    run: { batchId: 'b', element: 0, run: 0, node: 'n1', pid: 1, leaseSeconds: 30, jobId: 5 },
    unfitness: () => Promise.resolve(null),
    endSilent: () => Promise.resolve(),
    listen: (onChange) => {
      change = onChange
      return () => Promise.resolve()
    },
    log: { info: () => undefined, warn: () => undefined },
    ...more,
  })
  return {
    one,
    calls,
    limits,
    change: () => {
      change()
    },
  }
}
const SUCCEEDED: AttemptEnd = { kind: 'reported', outcome: 'succeeded' }
const steps = (calls: string[]) => calls.filter((call) => !call.startsWith('threads'))

test('steps run one after the other; one that died is recorded and the next one begins', async () => {
  const { one, calls } = carrier([begun(1), begun(2), begun(3)], [SUCCEEDED, DIED, SUCCEEDED])
  expect(await one.carry()).toBe(0)
  expect(steps(calls)).toEqual(['start 1', 'start 2', 'fail 2', 'start 3'])
})

test('what is cancelled or paused before it begins is not begun, and a superseded run ends without touching anything', async () => {
  const refused = (id: number, reason: 'cancelled' | 'paused'): Begun => ({
    kind: 'refused',
    claim: { id, attempt: 1 },
    reason,
  })
  const { one, calls } = carrier([refused(1, 'cancelled'), refused(2, 'paused'), { kind: 'superseded' }], [])
  expect(await one.carry()).toBe(0)
  expect(steps(calls)).toEqual(['cancel 1', 'release 2: paused before it began'])
})

test('an unfit node gives back its own element, names itself, and ends with another status', async () => {
  const { one, calls } = carrier([begun(1)], [], {
    unfitness: () => Promise.resolve('ROOT_UNAVAILABLE: gone'),
  })
  expect(await one.carry()).toBe(75)
  expect(steps(calls)).toEqual([
    'release 8: node n1: ROOT_UNAVAILABLE: gone',
    'release 9: node n1: ROOT_UNAVAILABLE: gone',
  ])
})

test('a cancel on the row reaches the step, and its death then counts as cancelled', async () => {
  const { one, calls, change } = carrier([begun(1)], [undefined], {
    row: { threads: 2, cancelRequested: true },
  })
  const carried = one.carry()
  await expect
    .poll(() => {
      change()
      return calls.includes('told to cancel')
    }, PATIENT)
    .toBe(true)
  expect(await carried).toBe(0)
  expect(steps(calls)).toEqual(['start 1', 'told to cancel', 'cancel 1'])
})

test('a hint that goes down takes threads from the running step and from its row, and never gives more than Slurm did', async () => {
  for (const [hint, expected] of [
    [1, 1],
    [16, 2],
  ] as const) {
    const { one, calls, change } = carrier([begun(1)], [undefined], {
      settings: { 'processor.l2a.tile_threads_hint': hint },
    })
    const carried = one.carry()
    await expect
      .poll(() => {
        change()
        return calls.includes(`threads ${expected}`)
      }, PATIENT)
      .toBe(true)
    expect(calls.includes('grant 1: 1')).toBe(expected === 1)
    one.stop('enough')
    expect(await carried).toBe(0)
  }
})

test('the end of the job interrupts the step and gives all back', async () => {
  const { one, calls } = carrier([begun(1), begun(2)], [undefined])
  const carried = one.carry()
  await expect.poll(() => calls.includes('start 1'), PATIENT).toBe(true)
  one.stop('SIGTERM')
  expect(await carried).toBe(0)
  expect(steps(calls)).toEqual([
    'start 1',
    'release 1: the Slurm job ends',
    'release 8: the Slurm job on node n1 ends',
    'release 9: the Slurm job on node n1 ends',
  ])
})

test('a time limit of the job bounds its steps, and a database that is away is waited for', async () => {
  const away = new ProcessingError('DATABASE_UNAVAILABLE', 'away')
  const { one, limits } = carrier([away, begun(1)], [SUCCEEDED], { minutes: 10 })
  expect(await one.carry()).toBe(0)
  expect(limits[0]?.timeS).toBeGreaterThan(530)
  expect(limits[0]?.timeS).toBeLessThanOrEqual(540)
})

test('what is left of the job when a step begins is its limit to its end', async () => {
  const { one, limits, change } = carrier([begun(1)], [undefined], { minutes: 10 })
  const carried = one.carry()
  await expect
    .poll(() => {
      change()
      return limits.length
    }, PATIENT)
    .toBeGreaterThan(3)
  expect(new Set(limits.map(({ timeS }) => timeS)).size).toBe(1)
  one.stop('enough')
  expect(await carried).toBe(0)
})

test('once half of the time of the job is over no further step begins: the others go back', async () => {
  let passedMs = 0
  const real = performance.now.bind(performance)
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => real() + passedMs)
  onTestFinished(() => {
    clock.mockRestore()
  })
  const slow = (): AttemptEnd => {
    passedMs += 200_000
    return SUCCEEDED
  }
  const { one, calls } = carrier([begun(1), begun(2), begun(3)], [slow, slow, slow], { minutes: 10 })
  expect(await one.carry()).toBe(0)
  expect(steps(calls)).toEqual([
    ...['start 1', 'start 2'],
    'release 8: the Slurm job on node n1 ends',
    'release 9: the Slurm job on node n1 ends',
  ])
})

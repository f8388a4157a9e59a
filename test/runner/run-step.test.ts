import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ProcessingError } from '../../src/domain/errors.js'
import { AttemptLog } from '../../src/runner/attempt-log.js'
import { resolveRootPath } from '../../src/runner/root-paths.js'
import { Attempt } from '../../src/runner/run-step.js'
import type { StepContext, StepResult } from '../../src/runner/step-context.js'
import type { Completion, StepStore } from '../../src/runner/step-store.js'

let home: string
let calls: string[]
const NAMES = ['archive', 'scratch', 'l1'] as const
const proveRoots = () => Promise.resolve(Object.fromEntries(NAMES.map((name) => [name, join(home, name)])))
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tilth run-'))
  for (const name of NAMES) mkdirSync(join(home, name))
  calls = []
})
afterEach(() => {
  rmSync(home, { recursive: true, force: true })
})

const away = new ProcessingError('DATABASE_UNAVAILABLE', 'away')

const STORED = {
  processor: 'p',
  params: {},
  threads: 2,
  blockShrink: 0,
  leaseSeconds: 30,
  isSuperseded: false,
  codec: 'deflate' as const,
  memoryMb: null,
}
const PUBLISHED: Completion = { kind: 'published' }

/** A store that notes its calls; `over` replaces some. */
function storeWith(over: Partial<StepStore> = {}): StepStore {
  const noted = (name: string) => () => {
    calls.push(name)
    return Promise.resolve(true)
  }
  return {
    read: () => Promise.resolve(STORED),
    chain: () => Promise.resolve({ previous: null, following: [] }),
    renew: () => Promise.resolve({ threads: 2, cancelRequested: false }),
    place: () => Promise.resolve(true),
    succeed: () => Promise.resolve(PUBLISHED),
    supersede: () => Promise.resolve(undefined),
    fail: (_key, { code }) => noted(`fail ${code}`)(),
    cancel: noted('cancel'),
    release: noted('release'),
    ...over,
  }
}

const attemptOf = (run: (context: StepContext) => Promise<StepResult>, store: StepStore = storeWith()) =>
  new Attempt(
    { id: 7, attempt: 3 },
    {
      store,
      proveRoots,
      loadProcessor: () => Promise.resolve(run),
      toolsFile: '/nowhere/external.json',
      log: new AttemptLog(() => undefined),
      orphanWaitMs: 100,
    },
  )

const publishes = (context: StepContext): Promise<StepResult> => {
  const folder = join(context.stagingDir, 'out')
  mkdirSync(folder)
  writeFileSync(join(folder, 'B02_sre.tif'), 'pixels')
  writeFileSync(join(context.scratchDir, 'scratch'), '')
  return Promise.resolve({
    products: [
      {
        name: 'S2A_L2A_31TCJ_20260102T000000_R051',
        level: 'L2A',
        processor: 'p',
        processorVersion: 1,
        satellite: 's2',
        platform: 'S2A',
        tile: '31TCJ',
        sensedAt: '2026-01-02T00:00:00Z',
        relativeOrbit: 51,
        acquisitionId: null,
        folder,
        bbox: null,
        provenance: { parameters: {} },
      },
    ],
  })
}
const revision = () =>
  join(home, 'archive', 'L2A', '31TCJ', '2026', '01', 'S2A_L2A_31TCJ_20260102T000000_R051', 'r7-3')
const untilAborted = async (context: StepContext): Promise<StepResult> => {
  await wait(60_000, undefined, { signal: context.signal })
  return { products: [] }
}

test('a product is in place before it is registered, under the name that is registered; staging and scratch are gone after', async () => {
  let registered = ''
  const store = storeWith({
    succeed: (_key, [product]) => {
      registered = product!.location
      expect(readFileSync(join(revision(), 'B02_sre.tif'), 'utf8')).toBe('pixels')
      return Promise.resolve(PUBLISHED)
    },
  })
  expect((await attemptOf(publishes, store).run()).outcome).toBe('succeeded')
  expect(join(home, registered.replace(':', '/'))).toBe(revision())
  expect(readdirSync(join(home, 'archive', '.staging'))).toEqual([])
  expect(readdirSync(join(home, 'scratch'))).toEqual([])
})

test('a claim that is lost before the end leaves no folder behind', async () => {
  const store = storeWith({ succeed: () => Promise.resolve({ kind: 'lost' }) })
  expect((await attemptOf(publishes, store).run()).outcome).toBe('lost')
  expect(existsSync(revision())).toBe(false)
})

test('a product that is refused for a newer one ends its attempt as superseded and leaves no folder behind', async () => {
  const reason = 'superseded by S2_L1C:newer'
  const store = storeWith({ succeed: () => Promise.resolve({ kind: 'superseded', reason }) })
  const { outcome, error } = await attemptOf(publishes, store).run()
  expect([outcome, error?.code, error?.message]).toEqual(['cancelled', 'SUPERSEDED', `Step 7 was ${reason}.`])
  expect(existsSync(revision())).toBe(false)
  expect(readdirSync(join(home, 'archive', '.staging'))).toEqual([])
  expect(calls).toEqual([])
})

test('a step that is superseded when it starts does not begin, unless it counts again by then', async () => {
  let begun = 0
  const run = (answer: string | undefined) =>
    attemptOf(
      (context) => {
        begun += 1
        return publishes(context)
      },
      storeWith({
        read: () => Promise.resolve({ ...STORED, isSuperseded: true }),
        supersede: () => Promise.resolve(answer),
      }),
    ).run()
  expect(await run('superseded by S2_L1C:newer')).toMatchObject({
    outcome: 'cancelled',
    error: { code: 'SUPERSEDED' },
  })
  expect(begun).toBe(0)
  expect((await run(undefined)).outcome).toBe('succeeded')
  expect(begun).toBe(1)
})

test('the end is written when Postgres comes back', async () => {
  let tries = 0
  const store = storeWith({
    succeed: () => (++tries < 4 ? Promise.reject(away) : Promise.resolve(PUBLISHED)),
  })
  expect((await attemptOf(publishes, store).run()).outcome).toBe('succeeded')
  expect(tries).toBe(4)
})

test('a failure is recorded with its code; what a failed allocation says is out of memory', async () => {
  const failing = (error: Error) => attemptOf(() => Promise.reject(error)).run()
  expect((await failing(new ProcessingError('SUN_TOO_LOW', 'night'))).outcome).toBe('failed')
  await failing(new RangeError('Array buffer allocation failed'))
  await failing(Object.assign(new Error('no space'), { code: 'ENOSPC' }))
  await failing(new TypeError('x is undefined'))
  expect(calls).toEqual(['fail SUN_TOO_LOW', 'fail OUT_OF_MEMORY', 'fail DISK_FULL', 'fail INTERNAL'])
})

test('a cancel that the row asks for reaches the signal and ends the step as cancelled', async () => {
  const store = storeWith({ renew: () => Promise.resolve({ threads: 2, cancelRequested: true }) })
  expect((await attemptOf(untilAborted, store).run()).outcome).toBe('cancelled')
  expect(calls).toEqual(['cancel'])
})

test('a lost lease stops the work, and nothing is written', async () => {
  const store = storeWith({ renew: () => Promise.resolve(undefined) })
  expect((await attemptOf(untilAborted, store).run()).outcome).toBe('lost')
  expect(calls).toEqual([])
})

test('an orphan gives its step back soon even if its processor never looks at the signal', async () => {
  const attempt = attemptOf(() => new Promise(() => undefined))
  const ended = attempt.run()
  await wait(100)
  const started = performance.now()
  attempt.stop('orphan')
  expect((await ended).outcome).toBe('interrupted')
  expect(performance.now() - started).toBeLessThan(10_000)
  expect(calls).toEqual(['release'])
})

test('the thread budget of the row reaches a running step', async () => {
  const seen: number[] = []
  const store = storeWith({ renew: () => Promise.resolve({ threads: 5, cancelRequested: false }) })
  const attempt = attemptOf(async (context) => {
    seen.push(context.threads.value)
    await new Promise<void>((resolve) => {
      if (context.threads.value === 5) resolve()
      context.threads.onChange((threads) => {
        seen.push(threads)
        resolve()
      })
    })
    return { products: [] }
  }, store)
  await attempt.run()
  expect(seen.at(-1)).toBe(5)
})

test('a product outside the staging folder is refused', async () => {
  const ended = await attemptOf(async (context) => {
    const { products } = await publishes(context)
    return { products: [{ ...products[0]!, folder: home }] }
  }).run()
  expect(ended.error?.message).toContain('expected a folder below')
})

test('paths are resolved below their root only', () => {
  const roots = { l1: '/data/l1' }
  expect(resolveRootPath(roots, 'l1:a b/c.SAFE')).toBe('/data/l1/a b/c.SAFE')
  expect(() => resolveRootPath(roots, 'l1:../secret')).toThrow('leads out')
  expect(() => resolveRootPath(roots, 'other:x')).toThrow('names no storage root')
})

test('a product whose name is not that of its level and tile is refused as a bug, and the one placed before it is gone', async () => {
  const attempt = attemptOf(async (context) => {
    const { products } = await publishes(context)
    const second = join(context.stagingDir, 'second')
    mkdirSync(second)
    return { products: [...products, { ...products[0]!, folder: second, tile: '31TDJ' }] }
  })
  const { outcome, error } = await attempt.run()
  expect({ outcome, code: error?.code, calls }).toEqual({
    outcome: 'failed',
    code: 'INTERNAL',
    calls: ['fail INTERNAL'],
  })
  expect(existsSync(revision())).toBe(false)
})

test('a revision left by another database is not replaced: the step fails with CONFLICT and the folder stays', async () => {
  mkdirSync(revision(), { recursive: true })
  writeFileSync(join(revision(), 'B02_sre.tif'), 'older pixels')
  const { outcome, error } = await attemptOf(publishes).run()
  expect({ outcome, code: error?.code }).toEqual({ outcome: 'failed', code: 'CONFLICT' })
  expect(readFileSync(join(revision(), 'B02_sre.tif'), 'utf8')).toBe('older pixels')
})

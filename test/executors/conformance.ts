import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { cancel } from '../../src/scheduler/queue-view.js'
import { eventually, insertSteps, setSetting, stepOf } from '../support/queue.js'

/** A scheduler with the executor under test. */
export interface ConformingScheduler {
  run(options: { untilIdle: boolean }): Promise<void>
  drain(): void
}

export interface Conforming {
  app(): App
  scheduler(): Promise<ConformingScheduler>
}

/** What steps, schedulers and users may rely on, whichever executor runs the steps. Settings are those of `beforeEach` of the caller. */
export function executorConforms(tested: Conforming): void {
  const app = () => tested.app()
  const scheduler = () => tested.scheduler()
  const archive = (location: string) =>
    join(app().config.roots.archive, location.replace(/^archive:/, ''), 'B02_sre.tif')
  const logOf = (id: number, attempt: number) =>
    readFileSync(join(app().config.home, 'logs', `step-${id}-${attempt}.log`), 'utf8')
  const productsOf = (id: number) =>
    app().db.selectFrom('product').select(['location', 'attempt']).where('step_id', '=', id).execute()
  const eventsOf = async (id: number) =>
    (
      await app()
        .db.selectFrom('step_history')
        .select(['kind', 'attempt'])
        .where('step_id', '=', id)
        .orderBy('id')
        .execute()
    )
      // When an attempt begins after its claim is the executor's affair.
      .filter(({ kind }) => kind !== 'begun')
      .map(({ kind, attempt }) => `${kind} ${attempt}`)

  test('steps publish once, a killed process is tried again, a permanent failure is not, and all leave logs', async () => {
    const { id: job, stepIds } = await insertSteps(app().db, [
      { act: 'publish' },
      { act: 'publish' },
      { act: 'kill-once' },
      { act: 'fail', message: 'this can never work' },
      { act: 'kill', signal: 'SIGSEGV' },
    ])
    await setSetting(app().db, 'retry.max_failures', 2)
    await (await scheduler()).run({ untilIdle: true })
    const [first, second, killed, failed, poison] = stepIds as [number, number, number, number, number]
    for (const id of [first, second]) {
      expect(await stepOf(app().db, id)).toMatchObject({ state: 'succeeded', attempt: 1, failures: 0 })
      expect(await eventsOf(id)).toEqual(['claimed 1', 'succeeded 1'])
      const products = await productsOf(id)
      expect(products).toHaveLength(1)
      expect(readFileSync(archive(products[0]!.location), 'utf8')).toBe('attempt 1')
      expect(logOf(id, 1)).toContain('published archive:')
    }
    expect(await stepOf(app().db, killed)).toMatchObject({ state: 'succeeded', attempt: 2, failures: 1 })
    expect(await eventsOf(killed)).toEqual(['claimed 1', 'failed 1', 'claimed 2', 'succeeded 2'])
    const [again] = await productsOf(killed)
    expect(readFileSync(archive(again!.location), 'utf8')).toBe('attempt 2')
    expect(existsSync(archive(again!.location.replace(/-2$/, '-1')))).toBe(false)
    expect(await stepOf(app().db, failed)).toMatchObject({
      state: 'failed',
      attempt: 1,
      error_code: 'INTERNAL',
    })
    expect(logOf(failed, 1)).toContain('this can never work')
    expect(await stepOf(app().db, poison)).toMatchObject({ state: 'quarantined', error_code: 'STEP_KILLED' })
    expect(logOf(poison, 2)).toContain('about to end by SIGSEGV')
    expect(readdirSync(join(app().config.roots.archive, '.staging'))).toEqual([])
    const { state } = await app()
      .db.selectFrom('job')
      .select('state')
      .where('id', '=', job)
      .executeTakeFirstOrThrow()
    expect(state).toBe('failed')
  })

  test('a running step hears of cancels, of a new budget and of a time limit; pause holds back what has not begun', async () => {
    const folder = app().config.home
    await setSetting(app().db, 'executor.cpu_slots', 4)
    await setSetting(app().db, 'processor.l2a.max_parallelism', 3)
    await setSetting(app().db, 'processor.l2a.tile_threads_hint', 2)
    await setSetting(app().db, 'executor.grace_s', 1)
    const [record, release] = [join(folder, 'budgets'), join(folder, 'release')]
    const { stepIds } = await insertSteps(app().db, [
      { act: 'wait', release: join(folder, 'never') },
      { act: 'threads', record, release },
    ])
    const [cancelled, budgeted] = stepIds as [number, number]
    const running = await scheduler()
    const ended = running.run({ untilIdle: false })
    const lines = () => (existsSync(record) ? readFileSync(record, 'utf8').trim().split('\n') : [])
    await eventually(() => Promise.resolve(lines().length === 1), 'the second step runs')
    await eventually(async () => (await stepOf(app().db, cancelled)).progress === 0.5, 'the first one runs')
    await setSetting(app().db, 'processor.l2a.tile_threads_hint', 1)
    await setSetting(app().db, 'executor.cpu_slots', 2)
    await eventually(() => Promise.resolve(lines().at(-1) === '1'), 'the budget goes down to one thread')
    await cancel(app().db, { kind: 'step', id: cancelled })
    await eventually(
      async () => (await stepOf(app().db, cancelled)).state === 'cancelled',
      'the cancelled step ends',
    )
    expect(await productsOf(cancelled)).toEqual([])
    writeFileSync(release, '')
    await eventually(
      async () => (await stepOf(app().db, budgeted)).state === 'succeeded',
      'the other one ends',
    )
    await setSetting(app().db, 'limits.time_s', 1)
    await setSetting(app().db, 'retry.max_failures', 1)
    // One at a time: what is to be paused must not begin before it is.
    await setSetting(app().db, 'processor.l2a.max_parallelism', 1)
    const { stepIds: deaf } = await insertSteps(app().db, [{ act: 'deaf' }])
    await eventually(async () => (await stepOf(app().db, deaf[0]!)).state === 'running', 'the deaf step runs')
    const { id: pausedJob, stepIds: paused } = await insertSteps(app().db, [{ act: 'publish' }])
    await app().db.updateTable('job').set({ paused: true }).where('id', '=', pausedJob).execute()
    await setSetting(app().db, 'processor.l2a.max_parallelism', 3)
    await eventually(
      async () => (await stepOf(app().db, deaf[0]!)).state === 'quarantined',
      'the deaf step is ended',
    )
    expect((await stepOf(app().db, deaf[0]!)).error_code).toBe('TIME_LIMIT')
    expect((await stepOf(app().db, paused[0]!)).state).toBe('ready')
    running.drain()
    await ended
    expect(await eventsOf(paused[0]!)).not.toContain('succeeded 1')
  })
}

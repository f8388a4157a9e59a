import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { App } from '../../../src/app.js'
import { claimReadySteps } from '../../../src/db/steps/claim-ready-steps.js'
import { completeStep } from '../../../src/db/steps/complete-step.js'
import { failStep, releaseSteps } from '../../../src/db/steps/end-attempt.js'
import { listReadySteps } from '../../../src/db/steps/list-ready-steps.js'
import { settleEnds } from '../../../src/db/steps/settle-ends.js'
import { createTestDatabase, type TestDatabase } from '../../support/database.js'
import { insertSteps } from '../../support/queue.js'

let database: TestDatabase
let app: App
beforeAll(async () => {
  database = await createTestDatabase()
  app = await database.open()
})
afterAll(() => database.close())

type Act = 'succeed' | 'fail' | 'retry' | 'release'
const claim = (ids: readonly number[]) =>
  claimReadySteps(app.db, {
    ...{ executor: 'local', node: 'here', pid: 1, leaseSeconds: 30 },
    grants: ids.map((id) => ({ id, threads: 1, settingsId: 0 })),
  })
const error = { code: 'WRITE_FAILED', failure: 'transient' as const, message: 'm', lastLines: [] }
const listed = async () =>
  (await listReadySteps(app.db, { executor: 'local', limit: 100 })).map(({ id }) => id)

/** Steps by their predecessors, which come before them; what each attempt does in turn, success when the list is empty. */
const graph = fc.integer({ min: 1, max: 14 }).chain((n) =>
  fc.tuple(
    ...Array.from({ length: n }, (_, i) =>
      fc.record({
        predecessors: fc.uniqueArray(fc.nat(Math.max(0, i - 1)), { maxLength: i === 0 ? 0 : 4 }),
        /** Of the predecessors from this place on the end suffices. */
        ends: fc.nat(4),
        acts: fc.array(
          fc.oneof(
            { weight: 6, arbitrary: fc.constant<Act>('succeed') },
            { weight: 1, arbitrary: fc.constant<Act>('fail') },
            { weight: 1, arbitrary: fc.constant<Act>('retry') },
            { weight: 1, arbitrary: fc.constant<Act>('release') },
          ),
          { maxLength: 3 },
        ),
      }),
    ),
  ),
)

/** How a step ends, by the rules on paper: cancelled behind one that does not succeed and whose end does not suffice, else as its acts say. */
function expectedStates(
  steps: readonly { predecessors: readonly number[]; ends: number; acts: readonly Act[] }[],
): string[] {
  const states: string[] = []
  for (const { predecessors, ends, acts } of steps) {
    const last = acts.find((act) => act === 'succeed' || act === 'fail') ?? 'succeed'
    const isHopeless = predecessors.some((p, n) => n < ends && states[p] !== 'succeeded')
    states.push(isHopeless ? 'cancelled' : last === 'fail' ? 'failed' : 'succeeded')
  }
  return states
}

test('any graph under concurrent workers: each step ends once, after its predecessors, none stays blocked, the job ends right', async () => {
  await fc.assert(
    fc.asyncProperty(graph, fc.integer({ min: 1, max: 6 }), async (steps, workers) => {
      const { id: job, stepIds } = await insertSteps(
        app.db,
        steps.map(() => ({})),
      )
      const at = (i: number): number => stepIds[i] ?? 0
      const edges = steps.flatMap(({ predecessors, ends }, i) =>
        predecessors.map((p, n) => ({ step_id: at(i), predecessor_id: at(p), end_suffices: n >= ends })),
      )
      if (edges.length > 0) {
        await app.db.insertInto('step_dependency').values(edges).execute()
        await app.db
          .updateTable('step')
          .set({ state: 'blocked' })
          .where(
            'id',
            'in',
            edges.map(({ step_id }) => step_id),
          )
          .execute()
      }
      const active = async () =>
        (await app.db.selectFrom('job').select('state').where('id', '=', job).executeTakeFirstOrThrow())
          .state === 'active'
      const worker = async () => {
        for (let idle = 0; idle < 200 && (await active());) {
          // All workers want the same steps; each claim goes to one of them.
          const claims = await claim(await listed())
          idle = claims.length === 0 ? idle + 1 : 0
          await Promise.all(
            claims.map(async (key) => {
              switch (steps[stepIds.indexOf(key.id)]?.acts[key.attempt - 1] ?? 'succeed') {
                case 'succeed':
                  expect(await completeStep(app.db, key, [], {})).toEqual({ kind: 'published' })
                  return
                case 'fail':
                  expect(await failStep(app.db, key, error, () => ({ kind: 'fail' }), {})).toBe(true)
                  return
                case 'retry': {
                  const again = () => ({ kind: 'retry' as const, delayS: 0, memoryFactor: 1 })
                  expect(await failStep(app.db, key, error, again, {})).toBe(true)
                  return
                }
                case 'release':
                  expect(await releaseSteps(app.db, { kind: 'claim', ...key }, 'test')).toHaveLength(1)
              }
            }),
          )
          await settleEnds(app.db)
        }
      }
      await Promise.all(Array.from({ length: workers }, worker))

      const rows = await app.db
        .selectFrom('step')
        .select(['id', 'state'])
        .where('job_id', '=', job)
        .orderBy('id')
        .execute()
      const expected = expectedStates(steps)
      expect(rows.map(({ state }) => state)).toEqual(expected)
      const ended = await app.db
        .selectFrom('job')
        .select('state')
        .where('id', '=', job)
        .executeTakeFirstOrThrow()
      const has = (state: string) => expected.includes(state)
      expect(ended.state).toBe(has('failed') ? 'failed' : has('cancelled') ? 'cancelled' : 'succeeded')
      expect(await app.db.selectFrom('step_ended').selectAll().execute()).toEqual([])

      const events = await app.db
        .selectFrom('step_event')
        .select(['step_id', 'kind', 'attempt', 'id'])
        .where('step_id', 'in', [...stepIds])
        .orderBy('id')
        .execute()
      const of = (id: number, ...kinds: string[]) =>
        events.filter((event) => event.step_id === id && kinds.includes(event.kind))
      stepIds.forEach((id, i) => {
        expect(of(id, 'succeeded')).toHaveLength(expected[i] === 'succeeded' ? 1 : 0)
        expect(of(id, 'cancelled')).toHaveLength(expected[i] === 'cancelled' ? 1 : 0)
        expect(of(id, 'unblocked').length).toBe(
          expected[i] !== 'cancelled' && (steps[i]?.predecessors.length ?? 0) > 0 ? 1 : 0,
        )
        // Claims are fenced: one for each attempt.
        const attempts = of(id, 'claimed').map(({ attempt }) => attempt)
        expect(attempts).toEqual(attempts.map((_, n) => n + 1))
        const began = of(id, 'claimed')[0]?.id
        for (const p of steps[i]?.predecessors ?? [])
          if (began !== undefined)
            expect(of(at(p), 'succeeded', 'failed', 'cancelled').at(-1)?.id).toBeLessThan(began)
      })
    }),
    { numRuns: 40 },
  )
})

test('ready steps of one kind never hide those of another, whatever their number', async () => {
  await app.db.deleteFrom('job').execute()
  await insertSteps(
    app.db,
    Array.from({ length: 300 }, () => ({})),
    { priority: 1 },
  )
  const other = await insertSteps(app.db, [{}], { processor: 'testing', priority: 100 })
  const found = await listReadySteps(app.db, { executor: 'local', limit: 10 })
  expect(found).toHaveLength(6)
  expect(found.at(-1)?.id).toBe(other.stepIds[0])
  expect(new Set(found.slice(0, -1).map(({ processor }) => processor))).toEqual(new Set(['l2a']))
})

test('a row that breaks a rule of its state is refused by name', async () => {
  const {
    stepIds: [id],
  } = await insertSteps(app.db, [{}])
  const change = (values: object) => app.db.updateTable('step').set(values).where('id', '=', id!).execute()
  const rules = [
    [{ state: 'running' }, 'running_iff_leased'],
    [{ lease_expires_at: new Date() }, 'running_iff_leased'],
    [{ state: 'failed', failures: 1 }, 'failed_has_code'],
    [{ cpu: 0 }, 'step_cpu'],
    [{ memory_mb: 0 }, 'step_memory'],
    [{ scratch_mb: -1 }, 'step_scratch'],
    [{ block_shrink: 9 }, 'step_block_shrink'],
  ] as const
  for (const [values, constraint] of rules)
    await expect(change(values)).rejects.toMatchObject({ code: '23514', constraint })
})

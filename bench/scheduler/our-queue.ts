import pg from 'pg'
import { openApp, type App } from '../../src/app.js'
import { loadConfig } from '../../src/config/config.js'
import { claimReadySteps } from '../../src/db/steps/claim-ready-steps.js'
import { completeStep } from '../../src/db/steps/complete-step.js'
import { listReadySteps } from '../../src/db/steps/list-ready-steps.js'
import type { Queryable } from '../../src/db/steps/queryable.js'
import { SettingSnapshots } from '../../src/db/steps/setting-snapshots.js'
import { settleEnds } from '../../src/db/steps/settle-ends.js'
import { readSettings } from '../../src/scheduler/settings-in-force.js'
import { withAdmissionLock } from '../../src/db/steps/with-admission-lock.js'

/** Steps of a layer: each waiting step has two predecessors in the layer before. */
export const LAYER = 1000
export const IN_FLIGHT = 10
export const BATCH = 100
/** Candidates that the scheduler looks at in a round. */
const CANDIDATES = 200

/** Opens the program on a database of its own, the schema applied. */
export async function openBenchApp(url: string, home: string): Promise<App> {
  return openApp({ config: loadConfig({ DATABASE_URL: url, TILTH_HOME: home }), poolSize: IN_FLIGHT + 2 })
}

/** One job: a layer of ready steps, then `waiting` blocked ones of in-degree 2, written with SQL because the planner makes no such job yet. */
export async function loadSteps(url: string, waiting: number): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const layer = Math.min(LAYER, Math.max(2, Math.floor(waiting / 4)))
    const total = waiting + layer
    await client.query('begin')
    const job = await client.query<{ id: string }>(
      "insert into job (processor, created_by) values ('l2a', 'bench') returning id",
    )
    const jobId = job.rows[0]?.id
    const offset = await client.query<{ last: string }>('select coalesce(max(id), 0) as last from step')
    const last = offset.rows[0]?.last
    await client.query(
      `with made as (insert into task (job_id, processor, tile) select $1, 'l2a', '31TCJ' from generate_series(1, $2::int) returning id)
       insert into step (task_id, job_id, processor, params, state, memory_mb)
       select id, $1, 'l2a', '{"acquisition_id": 1, "input": "l1:S2A.SAFE"}',
         (case when row_number() over (order by id) <= $3 then 'ready' else 'blocked' end)::step_state, 64 from made order by id`,
      [jobId, total, layer],
    )
    await client.query('select setseed(0.5)')
    // One predecessor in each half of the layer before: never the same one twice.
    await client.query(
      `insert into step_dependency (step_id, predecessor_id)
       select $3::bigint + n, $3::bigint + ((n - 1) / $2::bigint - 1) * $2::bigint + half * ($2::bigint / 2) + 1
         + floor(random() * ($2::bigint / 2))::bigint
       from generate_series($2::bigint + 1, $1::bigint) as n cross join generate_series(0, 1) as half`,
      [total, layer, last],
    )
    await client.query('commit')
    await client.query('vacuum analyze')
  } finally {
    await client.end()
  }
}

export interface Drained {
  readonly steps: number
  readonly seconds: number
}

/**
 * Claims and completes `count` steps by the functions that scheduler and step processes use, 10 in flight. Each of the 10 works on a
 * connection of its own, as a step process does, as do those of the bare loop. What a round of the scheduler does beside (drawing consequences
 * of ends, looking at the heads of the queue) is in the time.
 * `batch` 1: each claim is a commit of its own. More: a round claims so many in one commit under the lock of admission.
 */
export async function drainOurs(app: App, count: number, batch: number): Promise<Drained> {
  const { db } = app
  const settings = await readSettings(db)
  const settingsId = await new SettingSnapshots(db).idOf(settings.shownOnStep('l2a', null, 'local'))
  const grantOf = (id: number) => ({ id, threads: 1, settingsId })
  const options = { executor: 'local', node: 'bench', pid: process.pid, leaseSeconds: 30 }
  let listed: number[] = []
  /** Claimed while the queue was looked at: they may be in that list too. */
  const taken = new Set<number>()
  const claimed: { id: number; attempt: number }[] = []
  let refilling: Promise<void> | undefined
  let inFlight = 0
  let begun = 0
  let done = 0
  const refill = async (): Promise<void> => {
    await settleEnds(db, 'bench')
    if (batch === 1) {
      taken.clear()
      const ready = await listReadySteps(db, { executor: 'local', limit: CANDIDATES })
      listed = ready.map(({ id }) => id).filter((id) => !taken.has(id))
      return
    }
    const more = await withAdmissionLock(db, async (trx) => {
      const ready = await listReadySteps(trx, { executor: 'local', limit: batch })
      const grants = ready.slice(0, count - begun).map(({ id }) => grantOf(id))
      begun += grants.length
      return claimReadySteps(trx, { ...options, grants })
    })
    claimed.push(...more)
  }
  const startRefill = () =>
    (refilling ??= refill().finally(() => {
      refilling = undefined
    }))
  const next = async (own: Queryable): Promise<{ id: number; attempt: number } | undefined> => {
    for (;;) {
      // As the rounds of the scheduler do: the queue is looked at while steps run.
      if (begun < count && claimed.length + listed.length <= (batch === 1 ? CANDIDATES / 2 : batch))
        void startRefill()
      const ready = claimed.pop()
      if (ready !== undefined) return ready
      if (begun >= count) {
        if (refilling === undefined) return undefined
        await refilling
        continue
      }
      const id = listed.shift()
      if (id !== undefined) {
        begun += 1
        taken.add(id)
        const [claim] = await claimReadySteps(own, { ...options, grants: [grantOf(id)] })
        if (claim !== undefined) return claim
        begun -= 1
        continue
      }
      // A look that was begun while steps ran may have missed what their ends set free.
      const wasIdle = inFlight === 0 && refilling === undefined
      const before = begun
      await startRefill()
      if (listed.length === 0 && claimed.length === 0) {
        if (wasIdle && begun === before) return undefined
        await new Promise((resolve) => setTimeout(resolve, 1))
      }
    }
  }
  const started = performance.now()
  const work = async (own: Queryable): Promise<void> => {
    for (let key = await next(own); key !== undefined; key = await next(own)) {
      inFlight += 1
      const { kind } = await completeStep(own, key, [], { wall_s: 0.01, cpu_s: 0.01, max_rss_kb: 50_000 })
      if (kind === 'published') done += 1
      inFlight -= 1
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, () => db.connection().execute(work)))
  await refilling
  await settleEnds(db, 'bench')
  return { steps: done, seconds: (performance.now() - started) / 1000 }
}

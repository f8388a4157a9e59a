import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { App } from '../../src/app.js'
import type { History, LeftBehind, RecordedEvent, RecordedStep } from './check.js'
import type { ChaosParams, Effect, PlannedStep } from './plan.js'
import { processesOf } from './processes.js'
import { VALUE_FILE } from './steps.js'

/** Puts a round into the queue; returns ids of the job and, by index, of its steps. */
export async function insertRound(
  db: App['db'],
  plan: readonly PlannedStep[],
  effects: string,
): Promise<{ job: number; stepIds: readonly number[] }> {
  return db.transaction().execute(async (trx) => {
    const { id: job } = await trx
      .insertInto('job')
      .values({ processor: 'l2a', created_by: 'bench chaos' })
      .returning('id')
      .executeTakeFirstOrThrow()
    const stepIds: number[] = []
    for (const step of plan) {
      const params: ChaosParams = {
        index: step.index,
        product: step.product,
        sensed_at: step.sensedAt,
        predecessors: step.predecessors.map((index) => plan[index]?.product ?? ''),
        work_ms: step.workMs,
        effects,
      }
      const task = await trx
        .insertInto('task')
        .values({ job_id: job, processor: 'l2a', tile: '31TCJ' })
        .returning('id')
        .executeTakeFirstOrThrow()
      const { id } = await trx
        .insertInto('step')
        .values({
          task_id: task.id,
          job_id: job,
          processor: 'l2a',
          params: JSON.stringify(params),
          state: step.predecessors.length === 0 ? 'ready' : 'blocked',
          memory_mb: 64,
        })
        .returning('id')
        .executeTakeFirstOrThrow()
      stepIds.push(id)
      if (step.predecessors.length > 0)
        await trx
          .insertInto('step_dependency')
          .values(step.predecessors.map((index) => ({ step_id: id, predecessor_id: stepIds[index] ?? 0 })))
          .execute()
    }
    return { job, stepIds }
  })
}

/** Everything that `checkHistory` looks at, gathered when the schedulers have ended. */
export async function collectHistory(
  { db, pool }: App,
  {
    home,
    job,
    plan,
    stepIds,
  }: { home: string; job: number; plan: readonly PlannedStep[]; stepIds: readonly number[] },
  effects: string,
): Promise<History> {
  const rows = await db
    .selectFrom('step')
    .select(['id', 'state', 'attempt'])
    .where('job_id', '=', job)
    .execute()
  const steps = rows.map(({ id, state, attempt }): RecordedStep => {
    const index = stepIds.indexOf(id)
    const predecessors = plan[index]?.predecessors ?? []
    return { id, index, state, attempt, predecessors: predecessors.map((i) => stepIds[i] ?? 0) }
  })
  const events = await db
    .selectFrom('step_history')
    .innerJoin('step', 'step.id', 'step_history.step_id')
    .select(['step_history.id', 'step_history.step_id as step', 'step_history.attempt', 'step_history.kind'])
    .where('step.job_id', '=', job)
    .orderBy('step_history.id')
    .$narrowType<RecordedEvent>()
    .execute()
  const products = await db
    .selectFrom('product')
    .select(['step_id as step', 'attempt', 'name', 'location'])
    .execute()
  return {
    steps,
    events,
    products: products.map(({ location, ...product }) => ({
      ...product,
      value: read(join(home, atHome(location), VALUE_FILE)),
    })),
    effects: readEffects(effects),
    left: await collectLeft({ db, pool }, home),
  }
}

async function collectLeft({ db, pool }: Pick<App, 'db' | 'pool'>, home: string): Promise<LeftBehind> {
  const leases = await db
    .selectFrom('step')
    .select(['id', 'state', 'attempt'])
    .where((eb) => eb.or([eb('state', '=', 'running'), eb('lease_expires_at', 'is not', null)]))
    .execute()
  return {
    processes: processesOf(home),
    folders: foldersLeft(home),
    leases: leases.map(({ id, state, attempt }) => `step ${id}, attempt ${attempt}, ${state}`),
    locks: await advisoryLocks(pool),
    revisions: await unnamedRevisions(db, home),
  }
}

/** Staging and scratch of attempts. */
export const foldersLeft = (home: string): string[] => [
  ...names(join(home, 'archive', '.staging')).map((name) => `.staging/${name}`),
  ...names(join(home, 'scratch'))
    .filter((name) => !name.startsWith('.'))
    .map((name) => `scratch/${name}`),
]

/** Revision folders on disk that no product names, as locations. Folders first, then rows: what is placed meanwhile is named by then. */
export async function unnamedRevisions(db: App['db'], home: string): Promise<string[]> {
  const archive = join(home, 'archive')
  const found = readdirSync(archive, { recursive: true, encoding: 'utf8' })
    .filter((path) => /\/r\d+-\d+$/.test(path) && !path.startsWith('.'))
    .map((path) => `archive:${path}`)
  const products = await db.selectFrom('product').select('location').execute()
  const named = new Set(products.map(({ location }) => location))
  return found.filter((location) => !named.has(location))
}

/** Advisory locks of this database, whoever holds them. */
async function advisoryLocks(pool: App['pool']): Promise<string[]> {
  const { rows } = await pool.query<{ pid: number; name: string; query: string }>(
    `select l.pid, a.application_name as name, a.query from pg_locks l
     join pg_database d on d.oid = l.database left join pg_stat_activity a on a.pid = l.pid
     where l.locktype = 'advisory' and d.datname = current_database()`,
  )
  return rows.map(({ pid, name, query }) => `by backend ${pid} of ${name}: ${query}`)
}

export function readEffects(path: string): Effect[] {
  return (read(path) ?? '')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Effect)
}

const atHome = (location: string): string => location.replace(/^archive:/, 'archive/')

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

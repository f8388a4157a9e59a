import { sql } from 'kysely'
import type { Deadline } from '../../domain/deadline.js'
import type { Json } from '../types.js'
import type { Queryable } from '../steps/queryable.js'

export interface NewTask {
  readonly tile: string | null
  readonly acquisitionId: number | null
  /** Whose caps and settings its step runs under; default: the job's site. */
  readonly siteId?: number | null
  readonly params: Json
  /** Products that its step reads, as they are now; they are kept while it is open. Default none. */
  readonly inputs?: readonly {
    readonly productId: number
    readonly revision: number
    readonly location: string
  }[]
  /** Job settings frozen for its step where they differ from the job's. */
  readonly settings?: Json
  /** What its step declares; disk and I/O weight default to none. */
  readonly memoryMb: number
  readonly cpu: number
  readonly scratchMb?: number
  readonly ioWeight?: number
  /** Steps of one processor and class learn from each other; default: nothing is learned. */
  readonly sizeClass?: string
}

export interface NewJob {
  readonly processor: string
  readonly siteId: number | null
  /** Name of a season in force for the site, for which it is asked; default: for none. */
  readonly season?: string | undefined
  readonly params: Json
  /** Job settings frozen now with their origin, see `scheduler/freeze-settings.ts`; default none. */
  readonly settings?: Json
  readonly priority: number
  readonly createdBy: string
  /** By which it should be done; default: whenever. */
  readonly deadline?: Deadline | undefined
  /** Each becomes one task with one step that is ready at once. */
  readonly tasks: readonly NewTask[]
}

/** What of a job its request says, whatever it is made of. */
export type AskedJob = Pick<NewJob, 'season' | 'priority' | 'deadline' | 'createdBy'>

/** A job that was inserted, its steps in the order of its tasks. */
export interface InsertedJob {
  readonly id: number
  readonly stepIds: number[]
}

/** Inserts a job with its tasks and steps in one transaction. Rejects an empty job: nothing would ever end it. */
export async function insertJob(db: Queryable, job: NewJob): Promise<InsertedJob> {
  return db.transaction().execute((trx) => insertJobRows(trx, job))
}

/** The same within the caller's transaction. */
export async function insertJobRows(trx: Queryable, job: NewJob): Promise<InsertedJob> {
  const [inserted] = await insertJobsRows(trx, [job])
  if (inserted === undefined) throw new RangeError('No job was inserted.')
  return inserted
}

/** The same for many jobs, in their order: a statement for each table, however many there are. */
export async function insertJobsRows(trx: Queryable, jobs: readonly NewJob[]): Promise<InsertedJob[]> {
  if (jobs.some(({ tasks }) => tasks.length === 0)) throw new RangeError('A job needs at least one task.')
  if (jobs.length === 0) return []
  const tasks = jobs.flatMap((job, of) => job.tasks.map((task) => ({ ...task, job, of })))
  const jobIds = await takeIds(trx, 'job', jobs.length)
  const taskIds = await takeIds(trx, 'task', tasks.length)
  const stepIds = await takeIds(trx, 'step', tasks.length)
  const idOf = (ids: readonly number[], i: number): number => ids[i] ?? NaN
  const jobRows = jobs.map((job, i) => ({
    id: idOf(jobIds, i),
    ...{ processor: job.processor, site_id: job.siteId, params: job.params, settings: job.settings ?? {} },
    ...{ priority: job.priority, created_by: job.createdBy, season: job.season ?? null },
    // A moment, or seconds from now by the database's clock.
    deadline_at: job.deadline !== undefined && 'at' in job.deadline ? job.deadline.at : null,
    deadline_s: job.deadline !== undefined && 'inS' in job.deadline ? job.deadline.inS : null,
  }))
  await sql`
    insert into job (id, processor, site_id, season_id, params, settings, priority, created_by, deadline_at) overriding system value
    select id, processor, site_id, (select season_id from site_season own where own.site_id = j.site_id and own.name = j.season),
      params, settings, priority, created_by, coalesce(deadline_at, now() + make_interval(secs => deadline_s)) from jsonb_to_recordset(${JSON.stringify(jobRows)}::jsonb)
      as j(id bigint, processor text, site_id bigint, season text, params jsonb, settings jsonb, priority integer, created_by text,
        deadline_at timestamptz, deadline_s float8)`.execute(trx)
  const rows = tasks.map((task, i) => ({
    ...{ task_id: idOf(taskIds, i), id: idOf(stepIds, i), job_id: idOf(jobIds, task.of) },
    ...{ processor: task.job.processor, priority: task.job.priority },
    ...{ tile: task.tile, acquisition_id: task.acquisitionId, params: task.params },
    site_id: task.siteId === undefined ? task.job.siteId : task.siteId,
    ...{ memory_mb: task.memoryMb, cpu: task.cpu, size_class: task.sizeClass ?? null },
    ...{ scratch_mb: task.scratchMb ?? 0, io_weight: task.ioWeight ?? 0, frozen: task.settings ?? {} },
  }))
  const given = sql`jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as t(id bigint, task_id bigint, job_id bigint, site_id bigint, processor text,
    tile text, acquisition_id bigint, params jsonb, priority integer, memory_mb integer, cpu integer, scratch_mb integer, io_weight real,
    size_class text, frozen jsonb)`
  await sql`
    insert into task (id, job_id, processor, tile, acquisition_id, params) overriding system value
    select task_id, job_id, processor, tile, acquisition_id, params from ${given}`.execute(trx)
  await sql`
    insert into step (id, task_id, job_id, site_id, processor, params, state, priority, memory_mb, cpu, scratch_mb, io_weight, size_class, frozen)
      overriding system value
    select id, task_id, job_id, site_id, processor, params, 'ready', priority, memory_mb, cpu, scratch_mb, io_weight, size_class, frozen from ${given}`.execute(
    trx,
  )
  const inputs = tasks.flatMap(({ inputs: read = [] }, i) =>
    read.map(({ productId, revision, location }) => ({
      ...{ step_id: idOf(stepIds, i), product_id: productId, revision, location },
    })),
  )
  if (inputs.length > 0)
    await sql`
      insert into step_input (step_id, product_id, revision, location)
      select step_id, product_id, revision, location from jsonb_to_recordset(${JSON.stringify(inputs)}::jsonb)
        as i(step_id bigint, product_id bigint, revision integer, location text)`.execute(trx)
  const inserted = jobIds.map((id) => ({ id, stepIds: [] as number[] }))
  for (const [i, { of }] of tasks.entries()) inserted[of]?.stepIds.push(idOf(stepIds, i))
  return inserted
}

/** New ids of a table, ascending: rows that refer to each other can be written without asking what ids they got. */
async function takeIds(trx: Queryable, table: 'job' | 'task' | 'step', count: number): Promise<number[]> {
  const { rows } = await sql<{ id: number }>`
    select nextval(pg_get_serial_sequence(${table}, 'id')) as id from generate_series(1, ${count}::int) order by 1`.execute(
    trx,
  )
  return rows.map(({ id }) => id)
}

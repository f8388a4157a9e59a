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
  readonly params: Json
  /** Job settings frozen now with their origin, see `scheduler/freeze-settings.ts`; default none. */
  readonly settings?: Json
  readonly priority: number
  readonly createdBy: string
  /** Each becomes one task with one step that is ready at once. */
  readonly tasks: readonly NewTask[]
}

/** Inserts a job with its tasks and steps in one transaction. Rejects an empty job: nothing would ever end it. */
export async function insertJob(db: Queryable, job: NewJob): Promise<{ id: number; stepIds: number[] }> {
  return db.transaction().execute((trx) => insertJobRows(trx, job))
}

/** The same within the caller's transaction. */
export async function insertJobRows(trx: Queryable, job: NewJob): Promise<{ id: number; stepIds: number[] }> {
  if (job.tasks.length === 0) throw new RangeError('A job needs at least one task.')
  const { id } = await trx
    .insertInto('job')
    .values({
      processor: job.processor,
      site_id: job.siteId,
      params: JSON.stringify(job.params),
      settings: JSON.stringify(job.settings ?? {}),
      priority: job.priority,
      created_by: job.createdBy,
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  const stepIds: number[] = []
  for (const {
    tile,
    acquisitionId,
    siteId,
    params,
    inputs,
    settings,
    memoryMb,
    cpu,
    ...declared
  } of job.tasks) {
    const task = await trx
      .insertInto('task')
      .values({
        job_id: id,
        processor: job.processor,
        tile,
        acquisition_id: acquisitionId,
        params: JSON.stringify(params),
      })
      .returning('id')
      .executeTakeFirstOrThrow()
    const step = await trx
      .insertInto('step')
      .values({
        task_id: task.id,
        job_id: id,
        site_id: siteId === undefined ? job.siteId : siteId,
        processor: job.processor,
        params: JSON.stringify(params),
        state: 'ready',
        priority: job.priority,
        memory_mb: memoryMb,
        cpu,
        scratch_mb: declared.scratchMb ?? 0,
        io_weight: declared.ioWeight ?? 0,
        size_class: declared.sizeClass ?? null,
        frozen: JSON.stringify(settings ?? {}),
      })
      .returning('id')
      .executeTakeFirstOrThrow()
    stepIds.push(step.id)
    if (inputs !== undefined && inputs.length > 0)
      await trx
        .insertInto('step_input')
        .values(
          inputs.map(({ productId, revision, location }) => ({
            ...{ step_id: step.id, product_id: productId, revision, location },
          })),
        )
        .execute()
  }
  return { id, stepIds }
}

import { sql } from 'kysely'
import type { ClaimKey, Queryable } from '../steps/queryable.js'

/** One claim in the element of an array that carries it. */
export interface NewLoad extends ClaimKey {
  readonly element: number
  /** Order within the element, from 0. */
  readonly place: number
}

export interface NewBatch {
  /** ClusterName of Slurm. */
  readonly cluster: string
  /** Node of the submitting scheduler. */
  readonly submittedBy: string
  /** What is asked of Slurm, for whoever looks later. */
  readonly request: unknown
  readonly loads: readonly NewLoad[]
  /** How long the claims may wait in Slurm without a scheduler that looks after them. */
  readonly waitLeaseS: number
}

/** Writes down what is about to be submitted and lengthens the leases of its claims. Returns the id of the batch. */
export async function insertBatch(db: Queryable, batch: NewBatch): Promise<string> {
  const loads = batch.loads.map(({ element, place, id, attempt }) => ({
    element,
    place,
    step_id: id,
    attempt,
  }))
  const elements = 1 + Math.max(...loads.map(({ element }) => element))
  const { rows } = await sql<{ id: string }>`
    with batch as (
      insert into slurm_batch (cluster, elements, request, submitted_by)
      values (${batch.cluster}, ${elements}, ${JSON.stringify(batch.request)}::jsonb, ${batch.submittedBy}) returning id),
    given as (
      select * from jsonb_to_recordset(${JSON.stringify(loads)}::jsonb) as l(element int, place int, step_id bigint, attempt int)),
    loaded as (
      insert into slurm_load (batch_id, element, place, step_id, attempt)
      select batch.id, element, place, step_id, attempt from given, batch),
    held as (
      update step set lease_expires_at = now() + make_interval(secs => ${batch.waitLeaseS}), progress_note = 'is being submitted to Slurm'
      from given where step.id = given.step_id and step.attempt = given.attempt and step.state = 'running')
    select id from batch`.execute(db)
  const [row] = rows
  if (row === undefined) throw new RangeError('A batch was not inserted.')
  return row.id
}

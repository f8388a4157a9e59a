import { sql } from 'kysely'
import type { Queryable } from '../steps/queryable.js'
import type { StepState } from '../../domain/states.js'

/** A step with what it was made from and how each of its attempts went. */
export interface StepHistory {
  readonly id: number
  readonly processor: string
  readonly state: StepState
  readonly errorCode: string | null
  readonly errorMessage: string | null
  readonly attempt: number
  /** What it has published, by its name. */
  readonly products: readonly string[]
  readonly acquisitionId: number | null
  readonly parameters: unknown
  /** Products that it was made for, as `name@revision`, by name; without `@` where the revision in force while it ran counts. */
  readonly inputs: readonly string[]
  /** In the order in which they happened; over steps, only the end of one and what it made possible are in the order of ids. */
  readonly events: readonly { readonly id: number; readonly attempt: number; readonly kind: string }[]
  readonly cpuS: number | null
  readonly wallS: number | null
  readonly maxRssKb: number | null
}

/** All steps that there are, in the order of their ids. */
export async function listStepHistories(db: Queryable): Promise<readonly StepHistory[]> {
  const { rows } = await sql<StepHistory>`
    select s.id, s.processor, s.state::text as state, s.error_code as "errorCode", s.error_message as "errorMessage", s.attempt,
      t.acquisition_id as "acquisitionId", s.params -> 'parameters' as parameters,
      (select coalesce(json_agg(p.name || coalesce('@' || i.revision, '') order by p.name), '[]')
       from step_input i join product p on p.id = i.product_id where i.step_id = s.id) as inputs,
      (select coalesce(json_agg(json_build_object('id', e.id, 'attempt', e.attempt, 'kind', e.kind) order by e.id), '[]')
       from step_history e where e.step_id = s.id) as events,
      (select coalesce(json_agg(made.name order by made.name), '[]')
       from step_history e cross join jsonb_array_elements_text(e.detail -> 'products') as made (name)
       where e.step_id = s.id and e.kind = 'succeeded') as products,
      (s.resources ->> 'cpu_s')::float8 as "cpuS", (s.resources ->> 'wall_s')::float8 as "wallS", (s.resources ->> 'max_rss_kb')::float8 as "maxRssKb"
    from step s join task t on t.id = s.task_id order by s.id`.execute(db)
  return rows
}

import { sql } from 'kysely'
import { STEP_STATES, type StepState } from '../../domain/states.js'
import type { Queryable } from './queryable.js'
import { selectedSteps, type StepSelection } from './selected-steps.js'

export interface SelectedCounts {
  /** In the order of the states; without those of which there is none. */
  readonly byState: readonly (readonly [StepState, number])[]
  /** Running ones that were asked to end. */
  readonly endings: number
  /** Paused by themselves, in whatever state. */
  readonly paused: number
}

/** How the steps of a selection stand. */
export async function countSelected(db: Queryable, which: StepSelection): Promise<SelectedCounts> {
  const { rows } = await sql<{ state: StepState; n: number; endings: number; paused: number }>`
    select state::text as state, count(*)::int as n, count(*) filter (where state = 'running' and cancel_requested)::int as endings,
      count(*) filter (where paused)::int as paused
    from step where ${selectedSteps(which)} group by state`.execute(db)
  const sum = (of: (row: (typeof rows)[number]) => number) => rows.reduce((total, row) => total + of(row), 0)
  return {
    byState: STEP_STATES.flatMap((state) => rows.filter((row) => row.state === state)).map(
      ({ state, n }) => [state, n] as const,
    ),
    endings: sum(({ endings }) => endings),
    paused: sum(({ paused }) => paused),
  }
}

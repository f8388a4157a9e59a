import { listDefaultSchedules, type DefaultScheduleRow } from '../../db/schedules/list-default-schedules.js'
import { updateDefaultSchedule, type ScheduleChange } from '../../db/schedules/write-schedule.js'
import type { Queryable } from '../../db/steps/queryable.js'
import { ProcessingError } from '../../domain/errors.js'
import { checkChange } from './check-change.js'

export type { DefaultScheduleRow } from '../../db/schedules/list-default-schedules.js'

/** What each new season gets, by name. */
export const viewDefaults = listDefaultSchedules

/** Changes what new seasons get; those that there are keep theirs. Throws NOT_FOUND naming those that there are, and BAD_ARGUMENT as `editSchedule`. */
export async function editDefault(
  db: Queryable,
  name: string,
  change: Omit<ScheduleChange, 'paused'>,
): Promise<DefaultScheduleRow> {
  checkChange(await findDefault(db, name), change)
  await updateDefaultSchedule(db, name, change)
  return findDefault(db, name)
}

async function findDefault(db: Queryable, name: string): Promise<DefaultScheduleRow> {
  const rows = await listDefaultSchedules(db)
  const found = rows.find((row) => row.name === name)
  if (found !== undefined) return found
  throw new ProcessingError(
    'NOT_FOUND',
    `There is no default schedule '${name}'; there is ${rows.map((row) => row.name).join(', ') || 'none'}.`,
  )
}

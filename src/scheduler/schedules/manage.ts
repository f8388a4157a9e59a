import { getSite } from '../../catalog/find-site.js'
import { listScheduleRuns, type ScheduleRunRow } from '../../db/schedules/list-runs.js'
import { listSchedules, lockSchedules, type ScheduleRow } from '../../db/schedules/list-schedules.js'
import { updateSchedule, type ScheduleChange } from '../../db/schedules/write-schedule.js'
import type { Queryable } from '../../db/steps/queryable.js'
import { ProcessingError } from '../../domain/errors.js'
import { dueDays, scheduleSpan } from '../../domain/schedule-rule.js'
import { checkChange } from './check-change.js'
import { runNow, type Looked } from './look.js'

export type { ScheduleRow } from '../../db/schedules/list-schedules.js'
export type { ScheduleChange } from '../../db/schedules/write-schedule.js'
export type { ScheduleRunRow } from '../../db/schedules/list-runs.js'

/** A schedule with what follows from its rule. */
export interface ScheduleView extends ScheduleRow {
  /** The first day on which it may run, YYYY-MM-DD. */
  readonly first: string
  readonly last: string
  /** Days that are due and wait, in order. */
  readonly due: readonly string[]
  /** The next day, if any; null for `on_product` and where none is left. */
  readonly next: string | null
}

/** Schedules of a site's seasons, of one season, or of all sites. Throws NOT_FOUND for an unknown site. */
export async function viewSchedules(
  db: Queryable,
  filter: { readonly site?: string; readonly season?: string } = {},
): Promise<ScheduleView[]> {
  const siteId = filter.site === undefined ? undefined : (await getSite(db, filter.site)).id
  const rows = await listSchedules(db, {
    ...(siteId === undefined ? {} : { siteId }),
    ...(filter.season === undefined ? {} : { season: filter.season }),
  })
  return rows.map((row) => ({
    ...row,
    ...scheduleSpan(row, row),
    ...dueDays(row, row, row, row.localNow),
  }))
}

/** Names one schedule; the season may be left out where the site has one only. */
export interface ScheduleName {
  readonly site: string
  readonly name: string
  readonly season?: string
}

/** Throws NOT_FOUND naming those that there are, BAD_ARGUMENT where the season must be said. */
export async function findSchedule(
  db: Queryable,
  { site, name, season }: ScheduleName,
): Promise<ScheduleRow> {
  const { id } = await getSite(db, site)
  const ofSite = await listSchedules(db, { siteId: id, ...(season === undefined ? {} : { season }) })
  const found = ofSite.filter((row) => row.name === name)
  if (found.length > 1)
    throw new ProcessingError(
      'BAD_ARGUMENT',
      `Site '${site}' has schedule '${name}' in the seasons ${found.map((row) => row.season).join(', ')}: say which with --season.`,
    )
  const [schedule] = found
  if (schedule !== undefined) return schedule
  const there = ofSite.map((row) => `${row.name} (${row.season})`).join(', ')
  const where = season === undefined ? '' : ` in season '${season}'`
  throw new ProcessingError(
    'NOT_FOUND',
    `Site '${site}' has no schedule '${name}'${where}; it has ${there || 'none: a season brings them, see `tilth season add`'}.`,
  )
}

/** The schedule with its last runs, newest first. Throws as `findSchedule`. */
export async function showSchedule(
  db: Queryable,
  which: ScheduleName,
): Promise<{ schedule: ScheduleRow; runs: ScheduleRunRow[] }> {
  const schedule = await findSchedule(db, which)
  return { schedule, runs: await listScheduleRuns(db, schedule.id, 20) }
}

/** Changes a schedule; it is looked at again at once. Throws as `findSchedule`, and BAD_ARGUMENT as `checkChange`. */
export async function editSchedule(
  db: Queryable,
  which: ScheduleName,
  change: ScheduleChange,
): Promise<ScheduleRow> {
  const schedule = await findSchedule(db, which)
  checkChange(schedule, change)
  await updateSchedule(db, schedule.id, change)
  return findSchedule(db, which)
}

/** Runs a schedule now, with what there is. Throws as `findSchedule`, and CONFLICT while a scheduler has it at hand. */
export async function runScheduleNow(db: Queryable, which: ScheduleName, by: string): Promise<Looked> {
  const { id } = await findSchedule(db, which)
  return db.transaction().execute(async (trx) => {
    const isMine = (await lockSchedules(trx, [id])).length > 0
    const [schedule] = await listSchedules(trx, { ids: [id] })
    if (!isMine || schedule === undefined)
      throw new ProcessingError(
        'CONFLICT',
        `Schedule '${which.name}' of '${which.site}' is being looked at by a scheduler just now: try again.`,
      )
    return runNow(trx, schedule, by)
  })
}

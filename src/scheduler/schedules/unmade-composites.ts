import { listSchedules } from '../../db/schedules/list-schedules.js'
import { listUnmadeComposites } from '../../db/schedules/list-unmade-composites.js'
import type { Queryable } from '../../db/steps/queryable.js'
import { dayOfMonthBefore, isAnswered, scheduleDays } from '../../domain/schedule-rule.js'
import { composite } from '../../processors/composite/definition.js'
import { compositeName } from '../consumers/composite-names.js'
import { readSettings } from '../settings-in-force.js'
import { halfDaysGiven } from './composite-arguments.js'

/**
 * Names of the composites of days that schedules have answered when no L2A lay in their windows, and in whose windows some lies now, by season:
 * nothing is stale there, so that nothing else would make them. Of one site, or of all.
 */
export async function unmadeComposites(
  db: Queryable,
  filter: { readonly siteId?: number; readonly season?: string } = {},
): Promise<ReadonlyMap<number, readonly string[]>> {
  /** By season and day: half of the window that its schedules give; undefined: as the settings say. */
  const given = new Map<string, Set<number | undefined>>()
  const asked = (await listSchedules(db, { ...filter, processor: composite.name })).flatMap((schedule) => {
    const { repeat, doneThrough, answeredDays, startsOn, endsOn, seasonId, siteId } = schedule
    if (repeat === 'on_product' || (doneThrough === null && answeredDays.length === 0)) return []
    const half = halfDaysGiven(schedule)
    const days = scheduleDays(schedule, schedule)
      .filter((day) => isAnswered(schedule, day))
      .map(dayOfMonthBefore)
      .filter((day) => startsOn <= day && day <= endsOn)
    for (const day of days)
      given.set(`${seasonId} ${day}`, (given.get(`${seasonId} ${day}`) ?? new Set()).add(half))
    return days.map((day) => ({ seasonId, siteId, day }))
  })
  const names = new Map<number, string[]>()
  if (asked.length === 0) return names
  const settings = await readSettings(db)
  for (const { seasonId, homeId, nearestDays, ...place } of await listUnmadeComposites(db, asked)) {
    const ofSite = settings.ofProcessor('composite', 'half_days', homeId, 25)
    for (const half of given.get(`${seasonId} ${place.day}`) ?? []) {
      const halfDays = half ?? ofSite
      if (nearestDays > halfDays) continue
      names.set(seasonId, [...(names.get(seasonId) ?? []), compositeName({ ...place, halfDays })])
    }
  }
  return names
}

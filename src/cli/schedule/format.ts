import type { ScheduleView } from '../../scheduler/schedules/manage.js'

/** As commands name a schedule. */
export const named = (site: string, name: string, season: string | undefined) => ({
  site,
  name,
  ...(season === undefined ? {} : { season }),
})

export function repeats(row: Pick<ScheduleView, 'repeat' | 'everyDays' | 'monthDay'>): string {
  switch (row.repeat) {
    case 'once':
      return 'once'
    case 'cyclic':
      return `every ${row.everyDays ?? 1} days`
    case 'on_date':
      return row.monthDay === 31 ? 'on the last of each month' : `on day ${row.monthDay ?? 1} of each month`
    case 'on_product':
      return 'whenever there is something new'
  }
}

export const nextOf = ({ due, next, repeat, first, last, localNow }: ScheduleView): string =>
  due.length > 0
    ? `due since ${due[0] ?? ''}${due.length > 1 ? ` (${due.length} days)` : ''}`
    : repeat === 'on_product'
      ? localNow.slice(0, 10) < first
        ? first
        : localNow.slice(0, 10) > last
          ? '-'
          : 'any time'
      : (next ?? '-')

export function stateOf(row: ScheduleView): string {
  if (row.paused) return 'paused'
  if (row.siteIsPaused) return 'its site is paused'
  if (row.seasonIsPaused) return 'its season is paused'
  if (row.errorCode !== null) return `${row.errorCode}: ${row.note ?? ''}`
  return row.note ?? 'has not run'
}

/** Between which days of the season it runs: `start+31 to end+120`, days. */
export const spanOf = ({
  firstBase,
  firstOffsetDays,
  lastOffsetDays,
}: Pick<ScheduleView, 'firstBase' | 'firstOffsetDays' | 'lastOffsetDays'>): string =>
  `${firstBase}${offset(firstOffsetDays)} to end${offset(lastOffsetDays)}`

const offset = (days: number): string => (days === 0 ? '' : days > 0 ? `+${days}` : String(days))

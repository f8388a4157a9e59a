import { dayNumber, dayText } from './calendar-day.js'

/** `once`: on its first day. `cyclic`: every so many days. `on_date`: on a day of each month. `on_product`: whenever there is something new. */
export const SCHEDULE_REPEATS = ['once', 'cyclic', 'on_date', 'on_product'] as const
export type ScheduleRepeat = (typeof SCHEDULE_REPEATS)[number]
/** The day of a season from which its first run counts. */
export const SCHEDULE_BASES = ['start', 'mid', 'end'] as const
export type ScheduleBase = (typeof SCHEDULE_BASES)[number]

/** When a schedule runs. Days are civil days of its time zone. */
export interface ScheduleRule {
  readonly repeat: ScheduleRepeat
  /** Of cyclic ones, >= 1. */
  readonly everyDays: number | null
  /** Of those on a date, 1..31; a shorter month has it on its last day. */
  readonly monthDay: number | null
  readonly firstBase: ScheduleBase
  /** No run before so many days after that day of the season; may be negative. */
  readonly firstOffsetDays: number
  /** None later than so many days after the season's end. */
  readonly lastOffsetDays: number
  /** HH:MM:SS. */
  readonly atTime: string
}

/** Days of a season, YYYY-MM-DD. */
export interface SeasonSpan {
  readonly startsOn: string
  readonly midOn: string
  readonly endsOn: string
}

/** First and last day on which a schedule may run, YYYY-MM-DD; none where the first is after the last. */
export function scheduleSpan(rule: ScheduleRule, season: SeasonSpan): { first: string; last: string } {
  const base = { start: season.startsOn, mid: season.midOn, end: season.endsOn }[rule.firstBase]
  return {
    first: dayText(dayNumber(base) + rule.firstOffsetDays),
    last: dayText(dayNumber(season.endsOn) + rule.lastOffsetDays),
  }
}

/** All days on which a schedule runs, in order; none for `on_product`, which has no days of its own. */
export function scheduleDays(rule: ScheduleRule, season: SeasonSpan): string[] {
  const span = scheduleSpan(rule, season)
  const [first, last] = [dayNumber(span.first), dayNumber(span.last)]
  const days: string[] = []
  switch (rule.repeat) {
    case 'on_product':
      break
    case 'once':
      if (first <= last) days.push(span.first)
      break
    case 'cyclic':
      for (let day = first; day <= last; day += rule.everyDays ?? 1) days.push(dayText(day))
      break
    case 'on_date':
      for (let month = span.first.slice(0, 7); month <= span.last.slice(0, 7); month = monthAfter(month)) {
        const day = onDayOf(month, rule.monthDay ?? 1)
        if (span.first <= day && day <= span.last) days.push(day)
      }
      break
  }
  return days
}

/** Which days of a schedule have been answered. */
export interface AnsweredDays {
  /** All up to this one, YYYY-MM-DD; null: it never ran for a day. */
  readonly doneThrough: string | null
  /** Days after it, in order: one before them waits. */
  readonly answeredDays: readonly string[]
}

export const isAnswered = ({ doneThrough, answeredDays }: AnsweredDays, day: string): boolean =>
  (doneThrough !== null && day <= doneThrough) || answeredDays.includes(day)

/** What is answered once a run has answered some of the days that are due. */
export function answeredAfter(
  { doneThrough, answeredDays }: AnsweredDays,
  due: readonly string[],
  ran: readonly string[],
): AnsweredDays {
  const left = due.find((day) => !ran.includes(day))
  const answered = [...answeredDays, ...ran].sort()
  return {
    doneThrough: answered.filter((day) => left === undefined || day < left).at(-1) ?? doneThrough,
    answeredDays: left === undefined ? [] : answered.filter((day) => day > left),
  }
}

/** What a look at a schedule finds. */
export interface DueDays {
  /** Days that are due and not answered yet, in order. */
  readonly due: readonly string[]
  /** The next one, if any. */
  readonly next: string | null
}

/**
 * Days that are due at the local civil time `localNow` (YYYY-MM-DD HH:MM:SS of the schedule's zone) and not answered. Comparing civil times
 * needs no rule for the hours that a clock change leaves out or repeats: a time that is left out is due at the first that follows, one that comes twice
 * at its first, and then it is answered.
 */
export function dueDays(
  rule: ScheduleRule,
  season: SeasonSpan,
  answered: AnsweredDays,
  localNow: string,
): DueDays {
  const open = scheduleDays(rule, season).filter((day) => !isAnswered(answered, day))
  const due = open.filter((day) => `${day} ${rule.atTime}` <= localNow)
  return { due, next: open[due.length] ?? null }
}

/** Days that a run by hand is for: those that are due, else the latest that has been answered, else the first; none for `on_product`. */
export function daysByHand(
  rule: ScheduleRule,
  season: SeasonSpan,
  answered: AnsweredDays,
  localNow: string,
): readonly string[] {
  const { due } = dueDays(rule, season, answered, localNow)
  if (due.length > 0) return due
  const days = scheduleDays(rule, season)
  const past = days.filter((day) => `${day} ${rule.atTime}` <= localNow)
  return past.length > 0 ? past.slice(-1) : days.slice(0, 1)
}

/** The same day of the month before, or its last: 2025-03-31 -> 2025-02-28. */
export function dayOfMonthBefore(day: string): string {
  const lastOfBefore = dayText(dayNumber(`${day.slice(0, 7)}-01`) - 1)
  return onDayOf(lastOfBefore.slice(0, 7), Number(day.slice(8)))
}

/** YYYY-MM of the month after. */
function monthAfter(month: string): string {
  const [year = 0, number = 0] = month.split('-').map(Number)
  return number === 12 ? `${year + 1}-01` : `${year}-${String(number + 1).padStart(2, '0')}`
}

function onDayOf(month: string, day: number): string {
  const last = dayNumber(`${monthAfter(month)}-01`) - 1
  return dayText(Math.min(dayNumber(`${month}-01`) + day - 1, last))
}

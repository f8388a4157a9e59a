import { ProcessingError } from './errors.js'

/**
 * True for `yyyy-mm-dd` of a day that exists: 2025-02-30 is none, though Date.parse takes it for 2 March. Gregorian calendar at all times. By arithmetic,
 * because a look at thousands of schedules asks for a hundred thousand days: a Date and its text took a second.
 */
export function isCalendarDay(text: string): boolean {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text)
  if (match === null) return false
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])]
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
  const last = month === 2 ? (isLeap ? 29 : 28) : [4, 6, 9, 11].includes(month) ? 30 : 31
  return month >= 1 && month <= 12 && day >= 1 && day <= last
}

const DAY_MS = 86_400_000

/** Days since 1970-01-01 of a day written YYYY-MM-DD. Throws BAD_ARGUMENT. */
export function dayNumber(text: string): number {
  if (!isCalendarDay(text))
    throw new ProcessingError('BAD_ARGUMENT', `'${text}' is no day, expected YYYY-MM-DD.`)
  return Date.parse(`${text}T00:00:00Z`) / DAY_MS
}

/** YYYY-MM-DD of a count of days since 1970-01-01. */
export const dayText = (day: number): string => new Date(day * DAY_MS).toISOString().slice(0, 10)

/** `2026-01-31 12:00:00`, UTC. */
export const secondText = (time: Date): string => time.toISOString().slice(0, 19).replace('T', ' ')

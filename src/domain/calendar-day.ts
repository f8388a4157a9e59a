import { ProcessingError } from './errors.js'

/** True for `yyyy-mm-dd` of a day that exists: 2025-02-30 is none, though Date.parse takes it for 2 March. */
export function isCalendarDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false
  const time = new Date(`${text}T00:00:00Z`)
  return !Number.isNaN(time.getTime()) && time.toISOString().startsWith(text)
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

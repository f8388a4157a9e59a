import { ProcessingError } from '../domain/errors.js'

/** The value, or BAD_ARGUMENT where it is out of the closed range. */
export function numberWithin(name: string, value: number, low: number, high: number): number {
  if (!(value >= low && value <= high))
    throw new ProcessingError(
      'BAD_ARGUMENT',
      `${name}: expected a number from ${low} to ${high}, found ${value}.`,
    )
  return value
}

/** 1 for the first of January. @param date `yyyy-mm-dd` */
export const dayOfYear = (date: string): number =>
  Math.round((Date.parse(date) - Date.parse(`${date.slice(0, 4)}-01-01`)) / 86_400_000) + 1

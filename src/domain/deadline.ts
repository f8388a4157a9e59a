import { ProcessingError } from './errors.js'

/** A moment, or so many seconds after a job is made by the database's clock. */
export type Deadline = { readonly at: Date } | { readonly inS: number }

const SECONDS = { min: 60, h: 3600, d: 86_400 } as const
const TEN_YEARS_S = 10 * 366 * SECONDS.d

/** `2026-05-01T12:00Z`, with a time zone, or `90min`, `36h`, `3d` from now. Throws BAD_ARGUMENT, also for what has passed or is ten years away. */
export function parseDeadline(text: string, now = new Date()): Deadline {
  const [, amount, unit] = /^(\d{1,9}(?:\.\d+)?)\s*(min|h|d)$/.exec(text) ?? []
  const inS =
    amount !== undefined && unit !== undefined
      ? Number(amount) * SECONDS[unit as keyof typeof SECONDS]
      : /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)$/.test(text)
        ? (Date.parse(text) - now.getTime()) / 1000
        : NaN
  if (Number.isNaN(inS))
    throw new ProcessingError(
      'BAD_ARGUMENT',
      `Deadline '${text}': expected a time with its zone such as 2026-05-01T12:00Z, or a duration such as 90min, 36h or 3d.`,
    )
  if (inS <= 0 || inS > TEN_YEARS_S)
    throw new ProcessingError(
      'BAD_ARGUMENT',
      `Deadline '${text}' ${inS <= 0 ? 'has passed' : 'is more than ten years away'}: expected one to come.`,
    )
  return amount === undefined ? { at: new Date(text) } : { inS }
}

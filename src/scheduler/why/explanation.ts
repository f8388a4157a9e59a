import { secondText } from '../../domain/calendar-day.js'
import { ERROR_CODES } from '../../domain/errors.js'

/** Why a thing is there or not, in words. */
export interface Explanation {
  /** What was asked about, as `step 12` or `acquisition 3: S2A_MSIL1C_...`. */
  readonly subject: string
  /** In few words: `waits`, `is there`, `failed`, ... */
  readonly verdict: string
  /** Most telling first. */
  readonly reasons: readonly string[]
  /** Commands that would change it, or say more. */
  readonly next: readonly string[]
  /** The parts that it hangs on, the same way. */
  readonly parts: readonly Explanation[]
}

export const explain = (
  subject: string,
  verdict: string,
  { reasons = [], next = [], parts = [] }: Partial<Omit<Explanation, 'subject' | 'verdict'>> = {},
): Explanation => ({ subject, verdict, reasons, next, parts })

/** `2026-01-31 12:00:00 UTC`; empty for null. */
export const when = (time: Date | null): string => (time === null ? '' : `${secondText(time)} UTC`)

/** What to do about an error, from the table of codes; undefined for a code of another program version. */
export const remedyOf = (code: string | null): string | undefined =>
  code !== null && Object.hasOwn(ERROR_CODES, code)
    ? ERROR_CODES[code as keyof typeof ERROR_CODES].remedy
    : undefined

/** Plain lines, parts indented below what hangs on them. */
export function formatExplanation({ subject, verdict, reasons, next, parts }: Explanation): string {
  const below = (lines: readonly string[]) => lines.map((line) => `  ${line}\n`).join('')
  const head = `${subject} ${verdict}\n${below(reasons)}${below(next.map((line) => `-> ${line}`))}`
  const inner = parts
    .flatMap((part) => formatExplanation(part).trimEnd().split('\n'))
    .map((line) => `  ${line}\n`)
    .join('')
  return `${head}${inner}`
}

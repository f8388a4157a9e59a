/** Platform part of the name of a product of many acquisitions of a family. */
export const FAMILY_NAMES = { s2: 'S2', landsat: 'LANDSAT' } as const
export type Family = keyof typeof FAMILY_NAMES

/** A day to which dates are weighted, and how far around it they count. */
export interface Synthesis {
  /** YYYY-MM-DD; stands for its noon, UTC, so that the window reaches as far into the morning as into the afternoon. */
  readonly day: string
  readonly halfDays: number
}

const DAY_MS = 86_400_000

/** Noon of the day, ISO 8601 UTC: the time in the product's name. */
export const synthesisTime = ({ day }: Pick<Synthesis, 'day'>): string => `${day}T12:00:00Z`

/** First and last moment of the window, both included. */
export function synthesisWindow({ day, halfDays }: Synthesis): { readonly from: Date; readonly to: Date } {
  const middle = Date.parse(synthesisTime({ day }))
  return { from: new Date(middle - halfDays * DAY_MS), to: new Date(middle + halfDays * DAY_MS) }
}

/** Days from the synthesis to a time, fractions kept; negative before it. */
export const daysFromSynthesis = (day: string, time: string | Date): number =>
  (new Date(time).getTime() - Date.parse(synthesisTime({ day }))) / DAY_MS

/** 1 - |dt| / half x (1 - least): 1 on the synthesis, `least` at the edge of the window. Divided as real numbers: a day of 25 counts. */
export const dateWeight = (days: number, halfDays: number, least: number): number =>
  1 - (Math.abs(days) / halfDays) * (1 - least)

import { isCalendarDay } from '../../domain/calendar-day.js'
import { ProcessingError } from '../../domain/errors.js'
import { FAMILY_NAMES, synthesisTime, type Family } from '../../domain/synthesis.js'

/** What the name of a composite says. */
export interface NamedComposite {
  readonly name: string
  readonly satellite: Family
  readonly tile: string
  /** YYYY-MM-DD */
  readonly day: string
  readonly halfDays: number
}

const NAME = /^([A-Z0-9]+)_L3A_([A-Z0-9]+)_(\d{4})(\d\d)(\d\d)T120000_H(\d{3})$/

/** The name of the composite of a tile around a day. */
export function compositeName({ satellite, tile, day, halfDays }: Omit<NamedComposite, 'name'>): string {
  const time = synthesisTime({ day }).replace(/[-:]|Z/g, '')
  return `${FAMILY_NAMES[satellite]}_L3A_${tile}_${time}_H${String(halfDays).padStart(3, '0')}`
}

/** Throws BAD_ARGUMENT for a text that is no name of a composite. */
export function parseComposite(name: string): NamedComposite {
  const [, family = '', tile = '', year = '', month = '', date = '', half = ''] = NAME.exec(name) ?? []
  const satellite = (Object.keys(FAMILY_NAMES) as Family[]).find((key) => FAMILY_NAMES[key] === family)
  const day = `${year}-${month}-${date}`
  if (satellite === undefined || !isCalendarDay(day) || Number(half) === 0)
    throw new ProcessingError(
      'BAD_ARGUMENT',
      `'${name}' is no composite: expected a name as S2_L3A_31TCJ_20250615T120000_H025.`,
    )
  return { name, satellite, tile, day, halfDays: Number(half) }
}

/** The 15th of each month from `first` to `last`, both included. */
export function monthlyDays(first: string, last: string): string[] {
  const days: string[] = []
  let [year, month] = first.split('-').map(Number) as [number, number]
  for (;;) {
    const day = `${String(year).padStart(4, '0')}-${String(month).padStart(2, '0')}-15`
    if (day > last) return days
    if (day >= first) days.push(day)
    ;[year, month] = month === 12 ? [year + 1, 1] : [year, month + 1]
  }
}

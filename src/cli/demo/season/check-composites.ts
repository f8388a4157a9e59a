import { dayNumber, dayText } from '../../../domain/calendar-day.js'
import { dayOfMonthBefore } from '../../../domain/schedule-rule.js'
import { synthesisWindow } from '../../../domain/synthesis.js'
import { compositeName } from '../../../scheduler/consumers/composite-names.js'
import type { RoundFacts } from './collect.js'
import type { Scenario } from './scenario.js'

/** A composite that the season's monthly schedule asks for. */
export interface AskedComposite {
  readonly name: string
  readonly tile: string
  readonly from: Date
  readonly to: Date
}

/** Half of a composite's window, days: the default of its setting, which the demonstration leaves alone. */
const HALF_DAYS = 25

/** Around the 15th of each month of the season whose day of the month after has come, for each tile. Pure. */
export function askedComposites({ season, until, passes }: Scenario): readonly AskedComposite[] {
  const tiles = new Map(passes.map(({ satellite, tile }) => [tile, satellite]))
  const asked: AskedComposite[] = []
  for (let due = dayNumber(season.start); due <= dayNumber(until); due++) {
    if (!dayText(due).endsWith('-15')) continue
    const day = dayOfMonthBefore(dayText(due))
    if (day < season.start || day > season.end) continue
    for (const [tile, satellite] of tiles)
      asked.push({
        name: compositeName({ satellite, tile, day, halfDays: HALF_DAYS }),
        tile,
        ...synthesisWindow({ day, halfDays: HALF_DAYS }),
      })
  }
  return asked
}

/** Each that has L2A in its window is there; of the others `tilth why` says that there is none; no other is there. Pure. */
export function checkComposites(scenario: Scenario, { products, missing }: RoundFacts): string[] {
  const asked = askedComposites(scenario)
  const there = new Set(products.filter(({ level }) => level === 'L3A').map(({ name }) => name))
  return [
    ...asked.flatMap(({ name, tile, from, to }) => {
      const hasInput = products.some(
        (one) => one.level === 'L2A' && one.tile === tile && one.sensedAt >= from && one.sensedAt <= to,
      )
      const answer = missing.get(name) ?? ''
      if (hasInput) return there.has(name) ? [] : [`composite ${name} is not there: ${answer}`.trim()]
      if (there.has(name)) return [`composite ${name} was made of nothing`]
      return answer.includes('no L2A product')
        ? []
        : [`\`tilth why\` does not say why there is no ${name}: ${answer}`]
    }),
    ...[...there]
      .filter((name) => asked.every((one) => one.name !== name))
      .map((name) => `composite ${name} was not asked for`),
  ]
}

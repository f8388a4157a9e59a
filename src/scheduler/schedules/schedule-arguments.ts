import type { z } from 'zod'
import { definitionOf, describeExpected, isSettingKey } from '../../config/settings.js'
import type { ScheduleRow } from '../../db/schedules/list-schedules.js'
import { ProcessingError } from '../../domain/errors.js'
import type { GivenParameters } from '../given-parameters.js'

/** Parameters of its processor that a schedule gives: those alone, checked one by one. */
export type ScheduleParameters = Readonly<Record<string, unknown>>

/** A schedule that may run: its arguments are checked. */
export interface ReadySchedule extends ScheduleRow {
  readonly parameters: ScheduleParameters
}

/**
 * Parameters from the `arguments` of a schedule. What is a setting of its processor too keeps the range of that: paths are absolute, for its steps run anywhere.
 * Throws BAD_ARGUMENT naming schedule and key.
 */
export function parseArguments(
  accepted: z.ZodObject,
  { name, processor }: Pick<ScheduleRow, 'name' | 'processor'>,
  given: unknown,
): ScheduleParameters {
  const parsed = accepted.safeParse(given)
  const wrong = parsed.success
    ? Object.entries(parsed.data).flatMap(([key, value]) => wrongAsSetting(processor, key, value) ?? [])
    : parsed.error.issues.map(({ path, message }) =>
        path.length === 0 ? message : `${path.join('.')}: ${message}`,
      )
  if (parsed.success && wrong.length === 0) return parsed.data
  const known = Object.keys(accepted.shape).join(', ') || 'none'
  throw new ProcessingError(
    'BAD_ARGUMENT',
    `Arguments of schedule '${name}': ${wrong.join('; ')}. It takes ${known}.`,
  )
}

function wrongAsSetting(processor: string, name: string, value: unknown): string | null {
  const key = `processor.${processor}.${name}`
  if (value === null || !isSettingKey(key)) return null
  const definition = definitionOf(key)
  return definition.schema.safeParse(value).success
    ? null
    : `${name}: expected ${describeExpected(definition)}, found ${JSON.stringify(value)}`
}

/** What a request for the jobs of a schedule says of its arguments. */
export const givenBy = ({ name, parameters }: ReadySchedule): GivenParameters => ({
  parameters,
  parametersFrom: { kind: 'schedule', schedule: name },
})

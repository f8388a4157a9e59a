import { GLOBAL, text, type SettingDefinition } from './define.js'

/** Lowest and highest number of the fields of a cron pattern, from seconds to the day of the week. */
const FIELDS = [
  [0, 59],
  [0, 59],
  [0, 23],
  [1, 31],
  [1, 12],
  [0, 7],
] as const

/** Numbers only, no names. Checked here because loading node-cron takes 20 ms, and every command reads settings. */
function isCronPattern(pattern: string): boolean {
  const fields = pattern.split(' ')
  const bounds = FIELDS.slice(FIELDS.length - fields.length)
  return (
    (fields.length === 5 || fields.length === 6) &&
    fields.every((field, i) => field.split(',').every((part) => isCronPart(part, bounds[i] ?? [0, 0])))
  )
}

/** `*`, `7` or `1-5`, each also with a step after a slash. */
function isCronPart(part: string, [min, max]: readonly [number, number]): boolean {
  const match = /^(?:\*|(\d{1,2})(?:-(\d{1,2}))?)(?:\/(\d{1,2}))?$/.exec(part)
  if (match === null) return false
  const from = Number(match[1] ?? min)
  const to = Number(match[2] ?? match[1] ?? max)
  return min <= from && from <= to && to <= max && match[3] !== '0'
}

/** Schedules of seasons. */
export const SCHEDULE_SETTINGS = {
  'schedule.cron': text({
    pattern: /^[\d*,/-]+( [\d*,/-]+){4,5}$/,
    check: isCronPattern,
    range: 'cron pattern of 5 fields of numbers, or 6 with seconds first',
    default: '*/10 * * * * *',
    scopes: GLOBAL,
    doc: 'When the leading scheduler looks at schedules (UTC). What is due then is decided by each schedule in its own time zone.',
  }),
} as const satisfies Record<string, SettingDefinition>

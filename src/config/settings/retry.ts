import { integer, number, type SettingDefinition } from './define.js'

/** What happens after a failed attempt. */
export const RETRY_SETTINGS = {
  'retry.max_failures': integer({
    unit: 'attempts',
    min: 1,
    max: 100,
    default: 3,
    doc: 'Failed attempts after which a step is quarantined.',
  }),
  'retry.backoff_s': number({
    unit: 's',
    min: 0,
    max: 86_400,
    default: 10,
    doc: 'Wait before the first retry; doubled for each further one, with jitter.',
  }),
  'retry.backoff_max_s': number({
    unit: 's',
    min: 0,
    max: 604_800,
    default: 3600,
    doc: 'Longest wait between two attempts.',
  }),
} as const satisfies Record<string, SettingDefinition>

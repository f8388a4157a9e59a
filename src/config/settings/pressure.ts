import { GLOBAL, integer, number, type SettingDefinition } from './define.js'

/** When a host starts fewer steps than its slots allow, because those that run stand in each other's way. */
export const PRESSURE_SETTINGS = {
  'pressure.memory_percent': number({
    unit: '%',
    min: 0,
    max: 100,
    default: 20,
    scopes: GLOBAL,
    doc: 'Share of time in which some task waits for memory (reclaim, swap, pages that were dropped too early) above which a host takes as large a share of the slots that it hands out away, half of them at most; 0 = never.',
  }),
  'pressure.io_percent': number({
    unit: '%',
    min: 0,
    max: 100,
    default: 60,
    scopes: GLOBAL,
    doc: 'Share of time in which all that could run waits for disks at once, above which a host takes as large a share of the slots that it hands out away, half of them at most; 0 = never.',
  }),
  'pressure.interval_s': number({
    unit: 's',
    min: 0.5,
    max: 600,
    default: 5,
    scopes: GLOBAL,
    doc: 'How long pressure is measured before a decision; in each such time without any, one slot is given back.',
  }),
  'executor.memory_reserve_mb': integer({
    unit: 'MiB',
    min: 0,
    max: 16_777_216,
    default: 512,
    scopes: GLOBAL,
    doc: 'Memory that stays free for the database, the API and others: beside running steps none is started that would leave less of what the machine has available.',
  }),
} as const satisfies Record<string, SettingDefinition>

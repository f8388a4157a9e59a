import { GLOBAL, integer, type SettingDefinition } from './define.js'

/** Disks. */
export const STORAGE_SETTINGS = {
  'storage.min_free_mb': integer({
    unit: 'MiB',
    min: 0,
    max: 1_073_741_824,
    default: 1024,
    scopes: GLOBAL,
    doc: 'Free space below which no step is started that writes to the archive or scratch root.',
  }),
  'storage.sweep_grace_s': integer({
    unit: 's',
    min: 60,
    max: 31_536_000,
    default: 86_400,
    scopes: GLOBAL,
    doc: 'Age at which a folder that no product row names is removed.',
  }),
  'storage.quota_mb': integer({
    unit: 'MiB',
    min: 0,
    max: 1_099_511_627_776,
    default: 0,
    doc: 'What products in the archive may take; 0 = as much as there is. The global row bounds the whole archive, the row of a site the tiles of that site and its sub-sites; all hold. A step that would go over waits with QUOTA.',
  }),
  'retention.interval_s': integer({
    unit: 's',
    min: 0,
    max: 31_536_000,
    default: 0,
    scopes: GLOBAL,
    doc: 'How often retention rules act by themselves; 0 = only with `tilth retention run`.',
  }),
} as const satisfies Record<string, SettingDefinition>

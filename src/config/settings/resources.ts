import { flag, integer, number, type SettingDefinition } from './define.js'

/** How declared resources are corrected by measured ones, and what no step may exceed. */
export const RESOURCE_SETTINGS = {
  'resources.learn': flag({
    default: true,
    doc: 'Correct the declared memory of a step by what recent steps of the same processor and size have used.',
  }),
  'resources.min_samples': integer({
    unit: 'steps',
    min: 1,
    max: 1000,
    default: 5,
    doc: 'Succeeded steps of one processor and size class before their use counts.',
  }),
  'resources.quantile': number({
    unit: '1',
    min: 0.5,
    max: 1,
    default: 0.95,
    doc: 'Quantile of the memory peaks of recent steps that the next one is admitted with.',
  }),
  'resources.margin': number({
    unit: '1',
    min: 1,
    max: 4,
    default: 1.25,
    doc: 'Factor on that quantile: no two inputs are quite the same.',
  }),
  'resources.memory_floor_mb': integer({
    unit: 'MiB',
    min: 1,
    max: 1_048_576,
    default: 256,
    doc: 'Least memory that learning may come to for a step.',
  }),
  'resources.memory_ceiling_mb': integer({
    unit: 'MiB',
    min: 0,
    max: 16_777_216,
    default: 0,
    doc: 'Most memory that learning may come to for a step; 0 = what the executor has.',
  }),
  'limits.time_s': integer({
    unit: 's',
    min: 0,
    max: 31_536_000,
    default: 21_600,
    doc: 'Wall time after which an attempt is ended with TIME_LIMIT; 0 = never.',
  }),
  'limits.memory_factor': number({
    unit: '1',
    min: 0,
    max: 100,
    default: 2,
    doc: 'Resident memory of all processes of a step, relative to what it was admitted with, above which it is ended with MEMORY_LIMIT before the kernel ends others; 0 = never.',
  }),
  'limits.disk_factor': number({
    unit: '1',
    min: 0,
    max: 100,
    default: 3,
    doc: 'Files of a step below staging and scratch, relative to what it declared, above which it is ended with DISK_LIMIT; 0 = never. A step that declares none is not watched.',
  }),
  'limits.log_mb': integer({
    unit: 'MiB',
    min: 1,
    max: 65_536,
    default: 64,
    doc: 'Size at which the log of an attempt is cut, with a notice.',
  }),
  'limits.log_flood_mb': integer({
    unit: 'MiB',
    min: 1,
    max: 1_048_576,
    default: 1024,
    doc: 'Text written by one attempt after which it is ended with LOG_LIMIT.',
  }),
} as const satisfies Record<string, SettingDefinition>

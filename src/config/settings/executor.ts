import { machineLimits } from '../cgroup-limits.js'
import { GLOBAL, integer, number, type SettingDefinition } from './define.js'

/** What a host hands out to running steps, and how long it waits for them. */
export const EXECUTOR_SETTINGS = {
  'executor.cpu_slots': integer({
    unit: 'slots',
    min: 1,
    max: 4096,
    default: () => machineLimits().cpus,
    defaultText: 'CPUs of the cgroup',
    scopes: GLOBAL,
    doc: 'CPU slots that the local executor hands out to running steps.',
  }),
  'executor.memory_mb': integer({
    unit: 'MiB',
    min: 256,
    max: 16_777_216,
    default: () => Math.max(256, Math.floor(machineLimits().memoryMb * 0.85)),
    defaultText: "85 % of the cgroup's memory",
    scopes: GLOBAL,
    doc: 'Memory that the local executor hands out to running steps.',
  }),
  'executor.oversubscription': number({
    unit: '1',
    min: 0.25,
    max: 4,
    default: 1,
    scopes: GLOBAL,
    doc: 'Factor on executor.cpu_slots: above 1 where steps wait for I/O, below 1 to leave CPUs for others.',
  }),
  'executor.io_weight': number({
    unit: '1',
    min: 1,
    max: 4096,
    default: 16,
    scopes: GLOBAL,
    doc: 'Sum of the I/O weights of steps that run at once on a host; a step that does little but read and write weighs 1 a thread.',
  }),
  'executor.lease_s': integer({
    unit: 's',
    min: 5,
    max: 3600,
    default: 30,
    scopes: GLOBAL,
    doc: 'How long a running step may stay silent before another scheduler may take it.',
  }),
  'executor.grace_s': integer({
    unit: 's',
    min: 0,
    max: 3600,
    default: 10,
    scopes: GLOBAL,
    doc: 'How long a step may take to end after a cancel or a broken limit before it is killed.',
  }),
} as const satisfies Record<string, SettingDefinition>

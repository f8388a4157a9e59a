import {
  ANY_SITE,
  choice,
  GLOBAL,
  integer,
  number,
  OF_PROCESSOR,
  text,
  type SettingDefinition,
} from './define.js'

const NAME = { pattern: /^[A-Za-z0-9_.,-]{0,255}$/, range: 'letters, digits, _ . - and commas, or empty' }

const FEATURES = {
  pattern: /^[A-Za-z0-9_.&|()[\]*:-]{0,255}$/,
  range: 'features with & | ( ) [ ] * between them, or empty',
}

/** Where and how steps of one processor run that differs from the others: the same four keys for each of them. */
const placing = <const N extends string>(name: N) =>
  Object.fromEntries([
    [
      `processor.${name}.executor`,
      choice({
        values: ['inherit', 'local', 'slurm'],
        default: 'inherit',
        scopes: OF_PROCESSOR,
        doc: `Where steps of ${name} run; inherit = as executor.kind says.`,
      }),
    ],
    [
      `processor.${name}.slurm_partition`,
      text({
        ...NAME,
        default: '',
        scopes: OF_PROCESSOR,
        doc: `Partitions for Slurm jobs of ${name}; empty = slurm.partition.`,
      }),
    ],
    [
      `processor.${name}.slurm_constraint`,
      text({
        ...FEATURES,
        default: '',
        scopes: OF_PROCESSOR,
        doc: `Features that a node must have for ${name}; empty = slurm.constraint.`,
      }),
    ],
    [
      `processor.${name}.slurm_gpus`,
      integer({
        ...{ unit: 'GPUs', min: -1, max: 64, default: -1, scopes: OF_PROCESSOR },
        doc: `GPUs of a Slurm job of ${name}; -1 = slurm.gpus.`,
      }),
    ],
  ]) as unknown as Record<`processor.${N}.executor`, SettingDefinition<'inherit' | 'local' | 'slurm'>> &
    Record<`processor.${N}.${'slurm_partition' | 'slurm_constraint'}`, SettingDefinition<string>> &
    Record<`processor.${N}.slurm_gpus`, SettingDefinition<number>>

/** Where steps run, and what is asked of Slurm for them. */
export const SLURM_SETTINGS = {
  'executor.kind': choice({
    values: ['local', 'slurm'],
    default: 'local',
    scopes: ANY_SITE,
    doc: 'Where steps run: on the machines of `tilth up`, or as Slurm jobs (docs/slurm.md). Steps that do not run yet move at once.',
  }),
  'slurm.partition': text({
    ...NAME,
    default: '',
    doc: 'Partitions for Slurm jobs (--partition), separated by commas; empty = the default of the cluster.',
  }),
  'slurm.qos': text({
    ...NAME,
    default: '',
    doc: 'Quality of service of Slurm jobs (--qos); empty = the default.',
  }),
  'slurm.account': text({
    ...NAME,
    default: '',
    doc: 'Account that Slurm jobs are charged to (--account); empty = the default of the user.',
  }),
  'slurm.constraint': text({
    ...FEATURES,
    default: '',
    doc: 'Features that a node must have (--constraint), such as avx2&scratch; empty = any node.',
  }),
  'slurm.gpus': integer({
    unit: 'GPUs',
    min: 0,
    max: 64,
    default: 0,
    doc: 'GPUs of a Slurm job (--gpus-per-node).',
  }),
  'slurm.time_limit_min': integer({
    unit: 'min',
    min: 0,
    max: 1_000_000,
    default: 0,
    doc: 'Time limit of a Slurm job (--time); 0 = limits.time_s and what the other steps that it carries are expected to take, or where that is off the default of the partition. No more than the partition allows is asked for.',
  }),
  'slurm.memory_extra_mb': integer({
    unit: 'MiB',
    min: 0,
    max: 65_536,
    default: 256,
    scopes: GLOBAL,
    doc: 'Memory asked of Slurm beyond what a step is admitted with, for the process that watches it.',
  }),
  'slurm.nice_factor': number({
    unit: '1',
    min: 0,
    max: 1_000_000,
    default: 1,
    scopes: GLOBAL,
    doc: 'The nice value of a Slurm job is the priority of its steps times this.',
  }),
  'slurm.pending_steps': integer({
    unit: 'steps',
    min: 1,
    max: 100_000,
    default: 1000,
    scopes: GLOBAL,
    doc: 'Steps that are submitted at most and have not begun; the others stay in our own queue, where their order can still change.',
  }),
  'slurm.element_target_s': integer({
    unit: 's',
    min: 0,
    max: 86_400,
    default: 60,
    scopes: GLOBAL,
    doc: 'An element of a job array carries as many steps, one after the other, as were measured to take so long; 0 = one.',
  }),
  'slurm.element_max_steps': integer({
    unit: 'steps',
    min: 1,
    max: 1000,
    default: 50,
    scopes: GLOBAL,
    doc: 'Steps that one element of a job array carries at most.',
  }),
  'slurm.poll_s': integer({
    unit: 's',
    min: 1,
    max: 600,
    default: 5,
    scopes: GLOBAL,
    doc: 'How often Slurm is asked for the states of our jobs.',
  }),
  'slurm.bad_node_s': integer({
    unit: 's',
    min: 0,
    max: 604_800,
    default: 600,
    scopes: GLOBAL,
    doc: 'How long a node that lacked a storage root or had another program gets no further jobs of ours (--exclude).',
  }),
  ...placing('l2a'),
  ...placing('import_l2a'),
  ...placing('ndvi'),
  ...placing('composite'),
} as const satisfies Record<string, SettingDefinition>

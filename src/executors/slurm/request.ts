import type { SettingsInForce } from '../../scheduler/settings-in-force.js'
import type { ClaimFacts } from '../../scheduler/slurm-store.js'
import { COMMENT_MARK } from './read-queue.js'

/** What is asked of Slurm for one step; steps that ask for the same go into one array. */
export interface Wishes {
  readonly cpus: number
  readonly memoryMb: number
  /** That the step itself may take, seconds; Infinity: as long as it likes. */
  readonly timeS: number
  /** Of the job whatever it carries, minutes; 0: from `timeS`. */
  readonly timeLimitMin: number
  readonly partition: string
  readonly qos: string
  readonly account: string
  readonly constraint: string
  readonly gpus: number
  readonly nice: number
}

/** Steps with nearly the same memory shall share an array, MiB. */
const MEMORY_STEP_MB = 64

/** Most memory that a request can ask for so that some node has it, MiB; 0 where no node says what it has. Pure. */
export function largestRequestMb(nodes: readonly { readonly memoryMb: number }[]): number {
  const sizes = nodes.map(({ memoryMb }) => memoryMb).filter((mb) => mb > 0)
  return Math.floor(Math.max(0, ...sizes) / MEMORY_STEP_MB) * MEMORY_STEP_MB
}

/** Most CPUs that some node has; Infinity where no node says what it has. Pure. */
export function largestRequestCpus(nodes: readonly { readonly cpus: number }[]): number {
  const most = Math.max(0, ...nodes.map(({ cpus }) => cpus))
  return most > 0 ? most : Infinity
}

/** Most that some node has; `memoryMb` as `largestRequestMb`. */
export interface LargestNode {
  readonly cpus: number
  readonly memoryMb: number
}

/** What a claim asks for, by the settings in force: no more than the largest node has, for a hint that no node can fulfil is a wish and what is declared an estimate, and Slurm refuses such a job again and again. Pure. */
export function wishesOf(claim: ClaimFacts, settings: SettingsInForce, most?: LargestNode): Wishes {
  const { processor, siteId } = claim
  const own = (
    name: 'slurm_partition' | 'slurm_constraint',
    general: 'slurm.partition' | 'slurm.constraint',
  ) => settings.textOfProcessor(processor, name, siteId) || settings.resolve(general, siteId).value
  const gpus = settings.ofProcessor(processor, 'slurm_gpus', siteId, -1)
  const memoryMb = claim.memoryMb + settings.resolve('slurm.memory_extra_mb').value
  const timeS = settings.resolve('limits.time_s', siteId).value
  return {
    cpus: Math.min(claim.threads, most?.cpus ?? Infinity),
    memoryMb: Math.min(Math.ceil(memoryMb / MEMORY_STEP_MB) * MEMORY_STEP_MB, most?.memoryMb || Infinity),
    timeS: timeS > 0 ? timeS : Infinity,
    timeLimitMin: settings.resolve('slurm.time_limit_min', siteId).value,
    partition: own('slurm_partition', 'slurm.partition'),
    qos: settings.resolve('slurm.qos', siteId).value,
    account: settings.resolve('slurm.account', siteId).value,
    constraint: own('slurm_constraint', 'slurm.constraint'),
    gpus: gpus >= 0 ? gpus : settings.resolve('slurm.gpus', siteId).value,
    nice: Math.round(Math.max(0, claim.priority) * settings.resolve('slurm.nice_factor').value),
  }
}

/** One array of elements, each a list of claims that are run one after the other. */
export interface Batch {
  readonly wishes: Wishes
  readonly elements: readonly (readonly ClaimFacts[])[]
}

/** Of steps whose duration is not known yet, so many elements are made for each CPU of the cluster: the last ones still even it out. */
const ELEMENTS_A_CPU = 4

/**
 * Packs claims, in their order, into as few arrays as there are different wishes. An element takes one claim after the other while what they are
 * expected to take together stays within `targetS`. Those of which nothing is known are spread over a few elements for each CPU, which runs
 * them in no other order than the cluster could anyhow. `targetS` 0: one claim an element. Pure.
 */
export function packClaims(
  claims: readonly ClaimFacts[],
  wishes: (claim: ClaimFacts) => Wishes,
  limits: {
    readonly targetS: number
    readonly maxSteps: number
    readonly maxElements: number
    readonly cpus: number
  },
): readonly Batch[] {
  const groups = new Map<string, { wishes: Wishes; elements: { claims: ClaimFacts[]; s: number }[] }>()
  const unknown = claims.filter(({ expectedS }) => expectedS === null).length
  const together = Math.max(1, Math.ceil(unknown / (ELEMENTS_A_CPU * limits.cpus)))
  for (const claim of claims) {
    const wish = wishes(claim)
    const key = JSON.stringify(wish)
    const group = groups.get(key) ?? { wishes: wish, elements: [] }
    groups.set(key, group)
    const last = group.elements.at(-1)
    // A little less than its part, so that rounding leaves no one out.
    const s = claim.expectedS ?? (limits.targetS / together) * 0.999
    if (
      last !== undefined &&
      last.claims.length < limits.maxSteps &&
      limits.targetS > 0 &&
      last.s + s <= limits.targetS
    ) {
      last.claims.push(claim)
      last.s += s
    } else group.elements.push({ claims: [claim], s })
  }
  return [...groups.values()].flatMap(({ wishes: wish, elements }) => {
    const lists = elements.map((element) => element.claims)
    const chunks = Math.ceil(lists.length / limits.maxElements)
    return Array.from({ length: chunks }, (_, i) => ({
      wishes: wish,
      elements: lists.slice(i * limits.maxElements, (i + 1) * limits.maxElements),
    }))
  })
}

export interface Submission {
  readonly batchId: string
  readonly batch: Batch
  /** Nodes that get nothing. */
  readonly exclude: readonly string[]
  /** Absolute folder of the elements' own logs. */
  readonly logFolder: string
  /** Absolute path of the batch script: a fixed file, the same for all jobs. */
  readonly script: string
  /** MaxTime of the partition or MaxWall of the QOS: a job that asks for more would wait for ever, or be refused. Infinity: none is known. */
  readonly maxMinutes: number
}

/** A step's end is waited for so much longer than it may take, minutes: the job also starts, publishes and cleans up. */
const TIME_MARGIN_MIN = 5

/**
 * Time limit of a job, minutes; Infinity: none is asked for. One step of an element may need all that a step may take, the others what such
 * steps take: the whole for each of them would come to days, which no scheduler fits in and few partitions allow. What then has not begun
 * when half of the time is over goes back to the queue. Pure.
 */
export function minutesOf({ wishes, elements }: Batch, maxMinutes: number): number {
  const othersS = elements.map((element) =>
    element.slice(1).reduce((sum, { expectedS }) => sum + (expectedS ?? 0), 0),
  )
  const minutes =
    wishes.timeLimitMin > 0
      ? wishes.timeLimitMin
      : Math.ceil((wishes.timeS + Math.max(0, ...othersS)) / 60) + TIME_MARGIN_MIN
  return Number.isFinite(minutes) ? Math.min(minutes, maxMinutes) : Infinity
}

/** Slurm cuts longer comments. */
const COMMENT_BYTES = 1000

/** Arguments of sbatch. Nothing of them is read by a shell, and no secret is among them: the environment carries the rest. Pure. */
export function sbatchArguments({
  batchId,
  batch,
  exclude,
  logFolder,
  script,
  maxMinutes,
}: Submission): readonly string[] {
  const { wishes, elements } = batch
  const claims = elements.flat()
  const first = claims[0]
  const more = claims.length > 1 ? `+${claims.length - 1}` : ''
  const minutes = minutesOf(batch, maxMinutes)
  const option = (name: string, value: string): string[] => (value === '' ? [] : [`--${name}=${value}`])
  return [
    '--parsable',
    `--array=0-${elements.length - 1}`,
    `--job-name=tilth-${first?.processor ?? 'none'}-${first?.id ?? 0}.${first?.attempt ?? 0}${more}`,
    `--comment=${COMMENT_MARK}${batchId} steps=${claims.map(({ id, attempt }) => `${id}.${attempt}`).join(',')}`.slice(
      0,
      COMMENT_BYTES,
    ),
    ...['--nodes=1', '--ntasks=1', `--cpus-per-task=${wishes.cpus}`, `--mem=${wishes.memoryMb}M`],
    ...(Number.isFinite(minutes) ? [`--time=${minutes}`] : []),
    // The element is told half a minute before its time is up, and gives its steps back.
    ...['--requeue', '--signal=B:TERM@30', '--open-mode=append', '--export=ALL', '--chdir=/'],
    `--output=${logFolder}/slurm-%A_%a.log`,
    `--nice=${wishes.nice}`,
    ...option('partition', wishes.partition),
    ...option('qos', wishes.qos),
    ...option('account', wishes.account),
    ...option('constraint', wishes.constraint),
    ...option('gpus-per-node', wishes.gpus > 0 ? String(wishes.gpus) : ''),
    ...option('exclude', exclude.join(',')),
    script,
  ]
}

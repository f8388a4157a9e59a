import { runSlurm } from './run-command.js'

/** What is read of a cluster once, when a scheduler begins to use it. */
export interface ClusterFacts {
  /** ClusterName. */
  readonly name: string
  /** Elements that one array may have. */
  readonly maxArraySize: number
  /** Absolute path of the log of jobcomp/filetxt; null: there is none. */
  readonly completionLog: string | null
  readonly nodes: readonly SlurmNode[]
  readonly partitions: readonly SlurmPartition[]
  /** Qualities of service whose limits are enforced; null: there are such, and sacctmgr did not tell them. */
  readonly qos: readonly SlurmQos[] | null
  /** Everything of `scontrol show config`, by key. */
  readonly config: ReadonlyMap<string, string>
}

export interface SlurmNode {
  readonly name: string
  /** As sinfo writes it: idle, mixed, down*, idle~ ... */
  readonly state: string
  readonly cpus: number
  readonly memoryMb: number
}

export interface SlurmPartition {
  readonly name: string
  /** Of the cluster, for jobs that name none. */
  readonly isDefault: boolean
  /** MaxTime, minutes; Infinity: jobs may take as long as they like. */
  readonly maxMinutes: number
}

export interface SlurmQos {
  readonly name: string
  /** MaxWall, minutes; Infinity: jobs may take as long as they like. */
  readonly maxMinutes: number
}

/** Asks Slurm. Throws SLURM_UNAVAILABLE. */
export async function readClusterFacts(): Promise<ClusterFacts> {
  const config = parseConfig(await runSlurm('scontrol', ['show', 'config']))
  const listed = await runSlurm('sinfo', ['--noheader', '--Node', '--format=%N|%T|%c|%m|%P|%l'])
  const log = config.get('JobCompLoc') ?? ''
  return {
    name: config.get('ClusterName') ?? 'cluster',
    // Indexes stay below MaxArraySize; a cluster without arrays gets one job for each element.
    maxArraySize: Math.max(1, Number(config.get('MaxArraySize') ?? 1001) - 1),
    completionLog: config.get('JobCompType') === 'jobcomp/filetxt' && log.startsWith('/') ? log : null,
    nodes: parseNodes(listed),
    partitions: parsePartitions(listed),
    qos: await readQos(config),
    config,
  }
}

/** Without accounting, or where it enforces no limits, no job is held back by any. */
async function readQos(config: ReadonlyMap<string, string>): Promise<readonly SlurmQos[] | null> {
  const enforced = (config.get('AccountingStorageEnforce') ?? '').split(',')
  if (!enforced.includes('limits')) return []
  try {
    return parseQos(
      await runSlurm('sacctmgr', ['--noheader', '--parsable2', 'show', 'qos', 'format=Name,MaxWall']),
    )
  } catch {
    // The database of accounting may be away while the cluster works on.
    return null
  }
}

/** `Key = value` lines of `scontrol show config`; values keep their units, such as `9 sec`. Pure. */
export function parseConfig(text: string): ReadonlyMap<string, string> {
  return new Map(
    [...text.matchAll(/^\s*([A-Za-z0-9_[\]]+)\s*=\s*(.*?)\s*$/gm)].map(([, key = '', value = '']) => [
      key,
      value,
    ]),
  )
}

/** Lines `name|state|cpus|MiB|...` of sinfo, each node once though it be in several partitions. Pure. */
export function parseNodes(text: string): readonly SlurmNode[] {
  const nodes = new Map<string, SlurmNode>()
  for (const line of text.split('\n')) {
    const [name, state, cpus, memory] = line.trim().split('|')
    if (name === undefined || name === '' || state === undefined) continue
    nodes.set(name, {
      name,
      state,
      cpus: Number.parseInt(cpus ?? '0', 10),
      memoryMb: Number.parseInt(memory ?? '0', 10),
    })
  }
  return [...nodes.values()]
}

/** The partitions of lines `node|state|cpus|MiB|partition|limit` of sinfo; `*` marks the default one. Pure. */
export function parsePartitions(text: string): readonly SlurmPartition[] {
  const partitions = new Map<string, SlurmPartition>()
  for (const line of text.split('\n')) {
    const [, , , , mark = '', limit = ''] = line.trim().split('|')
    const name = mark.replace(/\*$/, '')
    if (name !== '')
      partitions.set(name, { name, isDefault: mark.endsWith('*'), maxMinutes: parseLimit(limit) })
  }
  return [...partitions.values()]
}

/** Lines `name|limit` of sacctmgr; an empty limit is none. Pure. */
export function parseQos(text: string): readonly SlurmQos[] {
  return text.split('\n').flatMap((line) => {
    const [name = '', limit = ''] = line.trim().split('|')
    return name === '' ? [] : [{ name, maxMinutes: parseLimit(limit) }]
  })
}

/** Minutes of `days-hours:minutes:seconds`, of which the foremost parts may be left out; text of another form bounds nothing. */
function parseLimit(text: string): number {
  const [, days = '0', hours = '0', minutes = '0', seconds = '0'] =
    /^(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)$/.exec(text) ?? []
  const all = Number(days) * 1440 + Number(hours) * 60 + Number(minutes) + Number(seconds) / 60
  // No less than a minute: 0 would ask for no limit.
  return all > 0 ? Math.max(1, Math.floor(all)) : Infinity
}

/** Where a job is to run, as it asks for it: names with commas, or empty. */
export interface Placing {
  readonly partition: string
  readonly qos: string
}

/** What bounds the time limit of jobs: the smaller of both, minutes; Infinity where there is none or it is not known. */
export interface TimeBounds {
  readonly partition: number
  readonly qos: number
}

/**
 * The longest that a job may ask for in one of the partitions and qualities of service that it names, or in the default partition. Slurm starts such a
 * job wherever it fits first. Which QOS is the default depends on user, account and partition: without a name none is taken to bound it. Pure.
 */
export function longestMinutes(
  { partitions, qos }: Pick<ClusterFacts, 'partitions' | 'qos'>,
  named: Placing,
): TimeBounds {
  const most = (known: readonly { name: string; maxMinutes: number }[], names: readonly string[]) => {
    const limits = names.map((one) => known.find(({ name }) => name === one)?.maxMinutes ?? Infinity)
    return limits.length === 0 ? Infinity : Math.max(...limits)
  }
  const namesOf = (text: string) => text.split(',').filter(Boolean)
  const defaults = partitions.filter(({ isDefault }) => isDefault).map(({ name }) => name)
  return {
    partition: most(partitions, named.partition === '' ? defaults : namesOf(named.partition)),
    qos: most(qos ?? [], namesOf(named.qos)),
  }
}

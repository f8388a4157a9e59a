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

/** Asks Slurm. Throws SLURM_UNAVAILABLE. */
export async function readClusterFacts(): Promise<ClusterFacts> {
  const config = parseConfig(await runSlurm('scontrol', ['show', 'config']))
  const nodes = parseNodes(await runSlurm('sinfo', ['--noheader', '--Node', '--format=%N|%T|%c|%m']))
  const log = config.get('JobCompLoc') ?? ''
  return {
    name: config.get('ClusterName') ?? 'cluster',
    // Indexes stay below MaxArraySize; a cluster without arrays gets one job for each element.
    maxArraySize: Math.max(1, Number(config.get('MaxArraySize') ?? 1001) - 1),
    completionLog: config.get('JobCompType') === 'jobcomp/filetxt' && log.startsWith('/') ? log : null,
    nodes,
    config,
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

/** Lines `name|state|cpus|MiB` of sinfo, each node once though it be in several partitions. Pure. */
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

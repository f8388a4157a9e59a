import { access, constants } from 'node:fs/promises'
import { z } from 'zod'
import { asProcessingError } from '../../domain/errors.js'
import { checkConfig, checkTimeLimits, fail, ok, warn, type Finding } from './check-config.js'
import { readClusterFacts, type ClusterFacts, type SlurmNode } from './cluster-facts.js'
import { parseQueue } from './read-queue.js'
import type { Wishes } from './request.js'
import { runSlurm } from './run-command.js'

export interface CheckOptions {
  /** Environment for the jobs that look around on nodes. */
  readonly env: Readonly<Record<string, string>>
  /** Program and arguments of `tilth slurm probe`. */
  readonly probe: readonly [string, ...string[]]
  readonly pollS: number
  /** What steps of each processor and site would ask for. */
  readonly wishes: readonly Wishes[]
  /** How long a node may take to start the job that looks around there, seconds. */
  readonly waitS: number
  /** Of what the database holds and of its reach, by the number of CPUs of the cluster. */
  database(cpus: number): Promise<readonly Finding[]>
  /** Called before each longer part. */
  onProgress(what: string, done: number, all: number): void
}

/** What `tilth slurm probe` prints on a node. */
export const probeReport = z.object({
  node: z.string(),
  version: z.string(),
  /** Null: all is well. */
  database: z.string().nullable(),
  mismatch: z.string().nullable(),
  roots: z.string().nullable(),
  logs: z.string().nullable(),
})
export type ProbeReport = z.infer<typeof probeReport>

/** Nodes asked at once. */
const AT_ONCE = 8

/** Looks at everything that steps as Slurm jobs rely on. Submits one small job to each node that is up. */
export async function checkCluster(options: CheckOptions): Promise<readonly Finding[]> {
  const findings: Finding[] = []
  const versions = new Map<string, string>()
  for (const command of ['sbatch', 'squeue', 'scontrol', 'scancel', 'sinfo', 'srun'] as const)
    try {
      versions.set(command, (await runSlurm(command, ['--version'])).trim())
    } catch (error) {
      return [
        fail(
          'commands',
          asProcessingError(error).message,
          'Install the client commands of Slurm on this host (Debian: slurm-client) with the configuration of the cluster.',
        ),
      ]
    }
  const distinct = [...new Set(versions.values())]
  findings.push(
    distinct.length === 1
      ? ok('commands', distinct.join(''))
      : warn(
          'commands',
          `of several versions: ${distinct.join(', ')}`,
          'Install the same version of all commands of Slurm.',
        ),
  )
  let cluster: ClusterFacts
  try {
    cluster = await readClusterFacts()
    const jobs = parseQueue(await runSlurm('squeue', ['--json']))
    findings.push(
      ok(
        'controller',
        `cluster ${cluster.name}, ${cluster.nodes.length} nodes, ${jobs.size} elements of ours; squeue --json is read`,
      ),
    )
  } catch (error) {
    findings.push(
      fail(
        'controller',
        asProcessingError(error).message,
        'Start slurmctld, or set SLURM_CONF to the configuration of the cluster; squeue needs a build with JSON (21.08 or newer).',
      ),
    )
    return findings
  }
  findings.push(...checkConfig(cluster.config, options.pollS))
  findings.push(...checkTimeLimits(cluster, options.wishes))
  if (cluster.completionLog !== null && !(await isReadable(cluster.completionLog)))
    findings.push(
      warn(
        'completion log',
        `${cluster.completionLog} cannot be read here`,
        'Give this user the right to read it, and put it on storage that this host has.',
      ),
    )
  findings.push(...(await options.database(cluster.nodes.reduce((sum, { cpus }) => sum + cpus, 0))))
  if (!findings.some(({ status }) => status === 'fail'))
    findings.push(...(await checkNodes(cluster.nodes, options)))
  return findings
}

async function checkNodes(nodes: readonly SlurmNode[], options: CheckOptions): Promise<readonly Finding[]> {
  const found: Finding[][] = nodes.map(() => [])
  let next = 0
  let done = 0
  const work = async (): Promise<void> => {
    for (let i = next++; i < nodes.length; i = next++) {
      const node = nodes[i]
      if (node === undefined) return
      found[i] = [await checkNode(node, options)]
      done += 1
      options.onProgress(`node ${node.name}`, done, nodes.length)
    }
  }
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, nodes.length) }, work))
  return found.flat()
}

async function checkNode(node: SlurmNode, { env, probe, waitS }: CheckOptions): Promise<Finding> {
  const check = `node ${node.name}`
  if (/[~#%]$|power/i.test(node.state))
    return warn(
      check,
      `is powered down (${node.state}): not looked at`,
      'Nothing: each node is looked at again before it does work. To look now, start it first.',
    )
  if (!/^(idle|mixed|allocated|completing)/i.test(node.state))
    return warn(
      check,
      `is ${node.state}: not looked at`,
      `See \`scontrol show node ${node.name}\` for the reason.`,
    )
  let printed: string
  try {
    printed = await runSlurm(
      'srun',
      [
        ...[
          `--nodelist=${node.name}`,
          '--nodes=1',
          '--ntasks=1',
          '--cpus-per-task=1',
          '--mem=256M',
          '--time=2',
        ],
        ...[
          '--job-name=tilth-check',
          `--immediate=${waitS}`,
          '--input=none',
          '--export=ALL',
          '--chdir=/',
          ...probe,
        ],
      ],
      { env, timeoutMs: (waitS + 60) * 1000 },
    )
  } catch (error) {
    const { message } = asProcessingError(error)
    return /immediate|allocate resources/i.test(message)
      ? warn(
          check,
          `was busy for ${waitS} s: not looked at`,
          'Try again with a longer --wait; each node is looked at before it does work anyhow.',
        )
      : fail(
          check,
          message,
          'The program, Node and TILTH_HOME must lie on this node under the same paths as here: share them, or install them there.',
        )
  }
  const report = parseReport(printed)
  if (report === null)
    return fail(
      check,
      `the look-around printed '${printed.slice(-200)}', expected a report as JSON`,
      'See that nothing in the prolog of Slurm prints to the output of jobs.',
    )
  if (report.database !== null)
    return fail(
      check,
      report.database,
      'Let the node reach the host and port of DATABASE_URL; see listen_addresses and pg_hba.conf of Postgres.',
    )
  if (report.mismatch !== null)
    return fail(check, report.mismatch, 'Install the same program on all nodes, best by sharing its folder.')
  if (report.roots !== null)
    return fail(
      check,
      report.roots,
      `Mount the storage on the node, or register its own folders: \`TILTH_HOST=${node.name} tilth db root NAME PATH\` there.`,
    )
  if (report.logs !== null)
    return fail(check, report.logs, 'Share TILTH_HOME: logs of steps are written below it.')
  return ok(check, `program ${report.version}, database, storage roots and logs are there`)
}

function parseReport(printed: string): ProbeReport | null {
  try {
    return probeReport.parse(JSON.parse(printed.trim().split('\n').at(-1) ?? ''))
  } catch {
    return null
  }
}

const isReadable = (path: string): Promise<boolean> =>
  access(path, constants.R_OK).then(
    () => true,
    () => false,
  )

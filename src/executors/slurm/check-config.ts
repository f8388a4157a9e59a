import { longestMinutes, type ClusterFacts } from './cluster-facts.js'
import type { Wishes } from './request.js'
import { reachOf } from './shared-database.js'

/** One line of `tilth slurm check`. `fail`: steps cannot run so; `warn`: they can, with less than there could be. */
export interface Finding {
  readonly check: string
  readonly status: 'ok' | 'warn' | 'fail'
  readonly found: string
  /** What an operator does about it; null where there is nothing to do. */
  readonly todo: string | null
}

export const ok = (check: string, found: string): Finding => ({ check, status: 'ok', found, todo: null })
export const warn = (check: string, found: string, todo: string): Finding => ({
  check,
  status: 'warn',
  found,
  todo,
})
export const fail = (check: string, found: string, todo: string): Finding => ({
  check,
  status: 'fail',
  found,
  todo,
})

/** Seconds of a value such as `300 sec`. */
const seconds = (text: string | undefined): number => Number.parseInt(text ?? '', 10)
const isYes = (text: string | undefined): boolean => /^(yes|1)$/i.test(text ?? '')

/** What `scontrol show config` says about what the executor relies on. Pure; source: Slurm 22.05, slurm.conf(5), cgroup.conf(5). */
export function checkConfig(config: ReadonlyMap<string, string>, pollS: number): readonly Finding[] {
  const findings: Finding[] = []
  const size = Number(config.get('MaxArraySize') ?? NaN)
  findings.push(
    size >= 2
      ? ok('job arrays', `MaxArraySize is ${size}: up to ${size - 1} elements in one submission`)
      : fail(
          'job arrays',
          `MaxArraySize is ${config.get('MaxArraySize') ?? 'not told'}`,
          'Set MaxArraySize in slurm.conf to 1001 or more; 0 turns arrays off.',
        ),
  )
  findings.push(
    config.get('JobRequeue') === '1'
      ? ok('requeue', 'JobRequeue is 1, and our jobs ask for it')
      : ok(
          'requeue',
          `JobRequeue is ${config.get('JobRequeue') ?? 'not told'}; our jobs ask for it themselves (--requeue)`,
        ),
  )
  const age = seconds(config.get('MinJobAge'))
  const type = config.get('JobCompType') ?? 'none'
  findings.push(
    type === 'jobcomp/filetxt'
      ? ok('completion log', `${type} in ${config.get('JobCompLoc') ?? ''}`)
      : warn(
          'completion log',
          `JobCompType is ${type}`,
          `Set JobCompType=jobcomp/filetxt and JobCompLoc to a file that this host can read: without it the end of a job is known for ${Number.isNaN(age) ? 'MinJobAge' : `${age} s`} only, and after that only leases tell.`,
        ),
  )
  findings.push(
    Number.isNaN(age) || age > 3 * pollS
      ? ok('memory of ended jobs', `MinJobAge is ${config.get('MinJobAge') ?? 'not told'}`)
      : warn(
          'memory of ended jobs',
          `MinJobAge is ${age} s, slurm.poll_s ${pollS} s`,
          'Set MinJobAge in slurm.conf to 300, or slurm.poll_s lower: jobs may be forgotten between two looks.',
        ),
  )
  const select = `${config.get('SelectType') ?? ''} ${config.get('SelectTypeParameters') ?? ''}`
  findings.push(
    /memory/i.test(select)
      ? ok('memory is placed', select.trim())
      : warn(
          'memory is placed',
          select.trim() || 'not told',
          'Set SelectType=select/cons_tres and SelectTypeParameters=CR_Core_Memory: otherwise jobs are put onto nodes whose memory is taken.',
        ),
  )
  const isConfined = /cgroup/.test(config.get('TaskPlugin') ?? '') && isYes(config.get('ConstrainRAMSpace'))
  const isWatched = /OverMemoryKill/i.test(config.get('JobAcctGatherParams') ?? '')
  findings.push(
    isConfined || isWatched
      ? ok(
          'memory is enforced',
          isConfined ? 'by control groups (ConstrainRAMSpace)' : 'by JobAcctGatherParams=OverMemoryKill',
        )
      : warn(
          'memory is enforced',
          `TaskPlugin is ${config.get('TaskPlugin') ?? 'not told'}, ConstrainRAMSpace ${config.get('ConstrainRAMSpace') ?? 'not told'}`,
          'Nothing to do for our own steps, whose carrier ends them at limits.memory_factor; jobs of others may take their memory. TaskPlugin=task/cgroup with ConstrainRAMSpace=yes in cgroup.conf confines all.',
        ),
  )
  const wait = seconds(config.get('KillWait'))
  findings.push(
    Number.isNaN(wait) || wait >= 3
      ? ok('time to end', `KillWait is ${config.get('KillWait') ?? 'not told'}`)
      : warn(
          'time to end',
          `KillWait is ${wait} s`,
          'Set KillWait in slurm.conf to 5 or more: a step that is ended needs 2 s to give itself back to the queue, else its lease has to run out.',
        ),
  )
  return findings
}

/** Whether each partition and quality of service that steps go to lets one of them take all the time that it may take. Pure. */
export function checkTimeLimits(
  cluster: Pick<ClusterFacts, 'partitions' | 'qos'>,
  wishes: readonly Pick<Wishes, 'partition' | 'qos' | 'timeS' | 'timeLimitMin'>[],
): readonly Finding[] {
  const places = new Map(wishes.map(({ partition, qos }) => [`${partition} ${qos}`, { partition, qos }]))
  return [...places]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, { partition, qos }]) => {
      const where = [partition, ...(qos === '' ? [] : [`QOS ${qos}`])].filter(Boolean).join(', ')
      const check = where === '' ? 'time limit' : `time limit of ${where}`
      const most = longestMinutes(cluster, { partition, qos })
      const asked = wishes
        .filter((wish) => wish.partition === partition && wish.qos === qos)
        .map(({ timeS, timeLimitMin }) => (timeLimitMin > 0 ? timeLimitMin : timeS / 60))
      const longest = Math.max(0, ...asked.filter(Number.isFinite))
      const limit = (name: string, minutes: number) =>
        `${name} is ${Number.isFinite(minutes) ? `${minutes} min` : 'not limited'}`
      const may = longest === 0 ? 'as long as it likes' : `${Math.ceil(longest)} min`
      const found = `a step may take ${may}, ${limit('MaxTime', most.partition)}`
      if (qos !== '' && cluster.qos === null)
        return warn(
          check,
          `${found}, MaxWall of the QOS is not known: sacctmgr did not tell it`,
          'Let `sacctmgr show qos` work on this host (its database may be away): a job that asks for more than MaxWall waits for ever or is refused.',
        )
      const all = qos === '' ? found : `${found}, ${limit('MaxWall', most.qos)}`
      return longest <= Math.min(most.partition, most.qos)
        ? ok(check, all)
        : warn(
            check,
            all,
            'Set limits.time_s and slurm.time_limit_min to less, or name a partition with a longer MaxTime or a QOS with a longer MaxWall: jobs ask for no more than both allow, and a step that takes longer ends with TIME_LIMIT.',
          )
    })
}

/** Whether nodes can reach the database, by its URL and by how many connections it takes. Pure. */
export function checkDatabase(
  databaseUrl: string,
  limit: { readonly most: number; readonly now: number },
  cpus: number,
): readonly Finding[] {
  const todo =
    'Set DATABASE_URL=postgres://USER@HOST:5432/NAME with a HOST that every node reaches, and listen_addresses and pg_hba.conf of that server accordingly.'
  const reach = {
    tcp: ok('database', 'listens on TCP'),
    'own-tcp': warn(
      'database',
      'DATABASE_URL names this machine by a name that means another one on each node',
      `${todo} On a cluster of one host it may stay.`,
    ),
    socket: fail('database', 'listens on a Unix socket of this machine only (DATABASE_NOT_SHARED)', todo),
  }[reachOf(databaseUrl)]
  const needed = limit.now + cpus * CONNECTIONS_OF_ELEMENT
  const room =
    needed <= limit.most
      ? ok(
          'connections',
          `${limit.most} are accepted, ${needed} are needed if each of ${cpus} CPUs runs an element`,
        )
      : warn(
          'connections',
          `${limit.most} are accepted, ${needed} would be needed if each of ${cpus} CPUs ran an element`,
          `Set max_connections of Postgres to ${needed} or more, or processor.<name>.max_parallelism so that no more than ${Math.max(1, Math.floor((limit.most - limit.now) / CONNECTIONS_OF_ELEMENT))} steps run at once.`,
        )
  return [reach, room]
}

/** One that listens, one of the carrier, up to two of the step process. */
const CONNECTIONS_OF_ELEMENT = 4

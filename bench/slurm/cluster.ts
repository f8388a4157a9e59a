import { randomBytes, randomInt } from 'node:crypto'
import {
  accessSync,
  chmodSync,
  chownSync,
  constants,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs'
import { rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { execa } from 'execa'

/** A whole Slurm on this host: munged, slurmctld and some slurmd, each with its own ports, without systemd and control groups. */
export interface SlurmCluster {
  readonly folder: string
  /** For SLURM_CONF. */
  readonly conf: string
  readonly nodes: readonly string[]
  /** Runs a command of Slurm and returns what it prints. */
  run(command: string, ...args: string[]): Promise<string>
  /** As a power cut: slurmd, its slurmstepds and every process of its jobs, at once. */
  killNode(node: string): void
  startNode(node: string): Promise<void>
  /** Stops all of it and removes its folder. */
  stop(): Promise<void>
}

/** Why no Slurm can be started here, in words; null: it can. */
export function slurmObstacle(): string | null {
  if (process.getuid?.() !== 0) return 'a Slurm of its own needs root, to switch users'
  const missing = ['slurmctld', 'slurmd', 'munged', 'sbatch'].filter((name) => !isOnPath(name))
  return missing.length === 0
    ? null
    : `${missing.join(', ')} not found: apt-get install --no-install-recommends slurm-wlm munge`
}

const NODES = ['n1', 'n2', 'n3']
const [CPUS, MEMORY_MB] = [2, 4000]
/** After so long without an answer a node is down; slurmctld asks at a third of it, seconds. */
const NODE_TIMEOUT_S = 5

/** `elastic`: all nodes but the first are powered down until work waits for them, as nodes of a cloud are; `folder`/power.log says what was started and stopped. */
export async function startSlurm({ elastic = false } = {}): Promise<SlurmCluster> {
  const folder = mkdtempSync(join(tmpdir(), 'tilth-slurm-'))
  chmodSync(folder, 0o755)
  for (const name of ['state', 'spool', 'log', 'run', 'munge']) mkdirSync(join(folder, name))
  const conf = join(folder, 'slurm.conf')
  const env = { SLURM_CONF: conf }
  const [control, ...ports] = await freePorts(1 + NODES.length)
  const cloud = elastic ? NODES.slice(1) : []
  writeFileSync(
    conf,
    configuration(folder, { control: control ?? 0, ports, cloud }) + (elastic ? powerSaving(folder) : ''),
  )
  await startMunge(folder)
  const run = async (command: string, ...args: string[]) => (await execa(command, args, { env })).stdout
  // Daemons keep what they inherit: none of our pipes.
  const daemon = (command: string, ...args: string[]) =>
    execa(command, args, { env, stdio: 'ignore', cwd: '/' })
  await daemon('slurmctld')
  const startNode = async (node: string) => {
    await daemon('slurmd', '-N', node)
  }
  for (const node of NODES) if (!cloud.includes(node)) await startNode(node)
  const cluster: SlurmCluster = {
    folder,
    conf,
    nodes: NODES,
    run,
    startNode,
    killNode: (node) => {
      const pids = [pidIn(join(folder, 'run', `slurmd-${node}.pid`)), ...jobProcesses(conf, node)]
      for (const pid of pids) kill(pid, 'SIGKILL')
    },
    stop: async () => {
      await execa('scancel', ['--user=root'], { env, reject: false })
      const daemons = readdirSync(join(folder, 'run')).map((name) => pidIn(join(folder, 'run', name)))
      const pids = [...daemons, pidIn(join(folder, 'munge', 'pid'))]
      for (const pid of pids) kill(pid, 'SIGTERM')
      for (let i = 0; i < 50 && pids.some(isAlive); i++) await wait(100)
      for (const pid of [...pids, ...jobProcesses(conf, null)]) kill(pid, 'SIGKILL')
      await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
    },
  }
  for (let i = 0; ; i++) {
    const idle = await run('sinfo', '--noheader', '--Node', '--states=idle', '--format=%N').catch(() => '')
    if (idle.split('\n').filter(Boolean).length >= NODES.length - cloud.length) return cluster
    if (i === 100) {
      const log = readFileSync(join(folder, 'log', 'slurmctld.log'), 'utf8')
        .split('\n')
        .slice(-15)
        .join('\n')
      await cluster.stop()
      throw new Error(`Slurm did not come up within 10 s:\n${log}`)
    }
    await wait(100)
  }
}

/** What starts and stops nodes of a cloud: here a daemon on this host. Slurm keeps the nodes that are up for 5 s without work. */
function powerSaving(folder: string): string {
  const script = (name: string, lines: readonly string[]) => {
    const path = join(folder, `${name}.sh`)
    const text = [
      '#!/bin/bash',
      `export SLURM_CONF=${folder}/slurm.conf`,
      'for node in $(scontrol show hostnames "$1"); do',
      ...[`echo "${name} $node" >> ${folder}/power.log`, ...lines].map((line) => `  ${line}`),
      'done',
    ].join('\n')
    writeFileSync(path, `${text}\n`, { mode: 0o755 })
    return path
  }
  const resume = script('resume', ['slurmd -N "$node" -b < /dev/null > /dev/null 2>&1'])
  const suspend = script('suspend', [`kill "$(cat ${folder}/run/slurmd-$node.pid)"`])
  return [
    ...[`ResumeProgram=${resume}`, `SuspendProgram=${suspend}`, `SuspendExcNodes=${NODES[0] ?? ''}`],
    ...['ResumeTimeout=60', 'SuspendTimeout=5', 'SuspendTime=5', 'PrivateData=cloud'],
    '',
  ].join('\n')
}

const configuration = (
  folder: string,
  {
    control,
    ports,
    cloud,
  }: { readonly control: number; readonly ports: readonly number[]; readonly cloud: readonly string[] },
): string => {
  const host = hostname().split('.')[0] ?? 'localhost'
  const nodes = NODES.map(
    (name, i) =>
      `NodeName=${name} NodeHostname=${host} NodeAddr=127.0.0.1 Port=${ports[i]} CPUs=${CPUS} RealMemory=${MEMORY_MB} Feature=plain State=${cloud.includes(name) ? 'CLOUD' : 'UNKNOWN'}`,
  )
  return `ClusterName=tilthtest
SlurmctldHost=${host}(127.0.0.1)
SlurmctldPort=${control}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
# A requeued job waits until the credential of its first run has surely expired: two minutes unless told otherwise.
AuthInfo=socket=${folder}/munge/sock,cred_expire=5
StateSaveLocation=${folder}/state
SlurmdSpoolDir=${folder}/spool/%n
SlurmctldPidFile=${folder}/run/slurmctld.pid
SlurmdPidFile=${folder}/run/slurmd-%n.pid
SlurmctldLogFile=${folder}/log/slurmctld.log
SlurmdLogFile=${folder}/log/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SwitchType=switch/none
MpiDefault=none
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0,bf_interval=2,sched_interval=3,default_queue_depth=1000
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
MaxArraySize=1001
MaxJobCount=5000
MinJobAge=300
SlurmctldTimeout=10
SlurmdTimeout=${NODE_TIMEOUT_S}
JobRequeue=1
KillWait=3
UnkillableStepTimeout=10
MessageTimeout=5
TCPTimeout=2
ReturnToService=2
SlurmdParameters=config_overrides
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc=${folder}/jobcomp.txt
${nodes.join('\n')}
PartitionName=main Nodes=${NODES.join(',')} Default=YES MaxTime=INFINITE State=UP
`
}

async function startMunge(folder: string): Promise<void> {
  const own = join(folder, 'munge')
  const [uid = 0, gid = 0] = (/^munge:[^:]*:(\d+):(\d+):/m.exec(readFileSync('/etc/passwd', 'utf8')) ?? [])
    .slice(1)
    .map(Number)
  writeFileSync(join(own, 'key'), randomBytes(128), { mode: 0o400 })
  for (const path of [own, join(own, 'key')]) chownSync(path, uid, gid)
  const files = {
    'key-file': 'key',
    socket: 'sock',
    'pid-file': 'pid',
    'log-file': 'log',
    'seed-file': 'seed',
  }
  const args = Object.entries(files).map(([option, name]) => `--${option}=${join(own, name)}`)
  await execa('munged', ['--force', ...args], { uid, gid, cwd: '/', stdio: 'ignore' })
}

/** Ports that no connection takes by itself before a daemon asks for them: those of the kernel's own choice begin at 32768. */
const [LOWEST_PORT, PORT_COUNT] = [12_000, 20_000]

/** Held together, so that no two are the same. */
async function freePorts(count: number): Promise<number[]> {
  const servers: Server[] = []
  while (servers.length < count) {
    const server = createServer()
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => {
        resolve(false)
      })
      server.listen(LOWEST_PORT + randomInt(PORT_COUNT), '127.0.0.1', () => {
        resolve(true)
      })
    })
    if (isFree) servers.push(server)
  }
  const ports = servers.map((server) => {
    const address = server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  })
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

/** Processes of jobs of a cluster, on one node or all, with the slurmstepds above them. */
function jobProcesses(conf: string, node: string | null): number[] {
  const found: number[] = []
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      const variables = readFileSync(`/proc/${name}/environ`, 'utf8').split('\0')
      const line = readFileSync(`/proc/${name}/cmdline`, 'utf8')
      const isOurs =
        variables.includes(`SLURM_CONF=${conf}`) &&
        (variables.some((v) => v.startsWith('SLURM_JOB_ID=')) ||
          (node === null && line.startsWith('slurmstepd')))
      if (!isOurs || (node !== null && !variables.includes(`SLURMD_NODENAME=${node}`))) continue
      found.push(Number(name))
      const parent = /^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${name}/status`, 'utf8'))?.[1] ?? '0'
      if (readFileSync(`/proc/${parent}/cmdline`, 'utf8').includes('slurmstepd')) found.push(Number(parent))
    } catch {
      continue // Ended meanwhile.
    }
  }
  return [...new Set(found)]
}

function isOnPath(name: string): boolean {
  return (process.env['PATH'] ?? '').split(':').some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

const pidIn = (path: string): number => {
  try {
    return Number(readFileSync(path, 'utf8').trim())
  } catch {
    return 0
  }
}

/** Daemons that are dead may stay zombies where nobody reaps them. */
const isAlive = (pid: number): boolean => {
  try {
    return pid > 0 && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

function kill(pid: number, signal: NodeJS.Signals): void {
  if (pid <= 1) return
  try {
    process.kill(pid, signal)
  } catch {
    // Gone already.
  }
}

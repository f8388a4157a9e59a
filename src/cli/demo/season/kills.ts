import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { killLife, lifeOf } from '../../../../bench/chaos/processes.js'
import type { SlurmCluster } from '../../../../bench/slurm/cluster.js'

/** How many of each die by SIGKILL in a round. */
export interface KillPlan {
  readonly steps: number
  readonly schedulers: number
  readonly postgres: number
  /** Of Slurm: slurmd and all processes of its jobs, as by a power cut. */
  readonly nodes: number
}
export type KillCounts = { -readonly [key in keyof KillPlan]: number }
export type Victim = keyof KillPlan

export interface KillTargets {
  readonly home: string
  /** Of `tilth up`; undefined while it is being started again. */
  readonly schedulerPid: () => number | undefined
  /** Of running steps, those in Slurm included: its nodes are processes of this host. */
  readonly stepPids: () => readonly number[]
  readonly cluster: SlurmCluster | null
}

/** How long a node stays without power, ms. */
const DARK_MS = 12_000

/** Kills at random moments, spread over a round: of each kind the n-th once n parts of the round are over. */
export class Kills {
  readonly done: KillCounts = { steps: 0, schedulers: 0, postgres: 0, nodes: 0 }
  private readonly offsets = new Map<string, number>()
  private readonly restarts: Promise<void>[] = []

  constructor(
    private readonly plan: KillPlan,
    private readonly random: () => number,
    private readonly targets: KillTargets,
    private readonly say: (text: string) => void,
  ) {}

  get isDone(): boolean {
    return (Object.keys(this.plan) as Victim[]).every((kind) => this.done[kind] >= this.plan[kind])
  }

  /** Nodes that were switched off are on again. */
  async settled(): Promise<void> {
    await Promise.all(this.restarts)
  }

  /** At most one kill that is due by now. @param share of the round that is over, 0 to 1 */
  look(share: number): void {
    for (const kind of ['postgres', 'nodes', 'schedulers', 'steps'] as const) {
      if (this.done[kind] >= this.plan[kind] || share < this.dueAt(kind)) continue
      const what = this.kill(kind)
      if (what === null) continue
      this.done[kind] += 1
      this.say(`kill -9: ${what}`)
      return
    }
  }

  /** Within its part of the first nine tenths of the round. */
  private dueAt(kind: Victim): number {
    const key = `${kind} ${this.done[kind]}`
    const offset = this.offsets.get(key) ?? this.random()
    this.offsets.set(key, offset)
    return (0.9 * (this.done[kind] + offset)) / this.plan[kind]
  }

  private kill(kind: Victim): string | null {
    switch (kind) {
      case 'steps': {
        const pids = this.targets.stepPids().filter(isStep)
        const pid = pids[Math.floor(this.random() * pids.length)]
        return pid !== undefined && killPid(pid) ? `step process ${pid}` : null
      }
      case 'schedulers': {
        const pid = this.targets.schedulerPid()
        return pid !== undefined && killPid(pid) ? `scheduler ${pid}` : null
      }
      case 'postgres': {
        const pid = postgresPid(this.targets.home)
        return pid !== null && killPid(pid) ? `Postgres ${pid}` : null
      }
      case 'nodes': {
        const { cluster } = this.targets
        const node = cluster?.nodes[Math.floor(this.random() * cluster.nodes.length)]
        if (cluster === null || node === undefined) return null
        cluster.killNode(node)
        this.restarts.push(
          new Promise((resolve) => setTimeout(resolve, DARK_MS)).then(() => cluster.startNode(node)),
        )
        return `Slurm node ${node}, on again in ${DARK_MS / 1000} s`
      }
    }
  }
}

function killPid(pid: number): boolean {
  const life = lifeOf(pid)
  return life !== undefined && killLife(life)
}

function isStep(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('run-step')
  } catch {
    return false
  }
}

function postgresPid(home: string): number | null {
  try {
    return Number(readFileSync(join(home, 'postgres', 'data', 'postmaster.pid'), 'utf8').split('\n')[0])
  } catch {
    return null
  }
}

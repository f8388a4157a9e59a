import { beatNode, leaveNode } from '../db/nodes/beat-node.js'
import { readNodeStanding, type NodeStanding } from '../db/nodes/read-node-standing.js'
import { isDatabaseAway } from '../domain/database-away.js'
import type { Queryable } from '../db/steps/queryable.js'
import { machineLoadReader } from './machine-load.js'
import type { HeldSlots } from './pressure.js'
import { readSettings, type SettingsInForce } from './settings-in-force.js'

/** What a node's program is, to be compared with what the database was migrated for. */
export interface ProgramIdentity {
  readonly version: string
  /** Name of the newest migration that it knows. */
  readonly schema: string
}

export interface NodePresenceOptions {
  readonly db: Queryable
  /** Under which its steps run; several may live on one host. */
  readonly node: string
  /** Whose storage roots it uses. */
  readonly host: string
  readonly executor: string
  readonly program: ProgramIdentity
  /** What it hands out to steps; default: as the settings executor.* say for this host. */
  readonly capacity?: { readonly slots: number; readonly memoryMb: number }
}

/** The row of a scheduler's node: registered and kept alive by heartbeats (setting node.heartbeat_s), and asked before work is taken. */
export class NodePresence {
  private fault: string | null = null
  private held: HeldSlots | null = null
  private timer: NodeJS.Timeout | undefined
  private beating: Promise<void> = Promise.resolve()
  private hasLeft = false
  private readonly readLoad = machineLoadReader()

  constructor(private readonly options: NodePresenceOptions) {}

  /** Registers the node and keeps it alive until `leave`. A database that is away is waited for at the next beat. */
  async join(): Promise<void> {
    await this.beat()
  }

  /** What the operator wants of the node, and what the database was migrated for. */
  standing(): Promise<NodeStanding> {
    return readNodeStanding(this.options.db, this.options.node)
  }

  /**
   * Why the node takes no work now, in words; null: it does. `isHeld`: only an operator can change it, waiting does not.
   * `fault` is what the caller has found wrong with the machine; that and a mismatch are written to the row at once, so that
   * `tilth nodes` shows them.
   */
  async whyNoWork(
    settings: SettingsInForce,
    standing: NodeStanding,
    fault: string | null,
  ): Promise<{ reason: string; isHeld: boolean } | null> {
    const { node, program } = this.options
    const mismatch = settings.resolve('node.allow_other_versions').value
      ? null
      : describeMismatch(standing, program)
    const found = mismatch ?? fault
    if (found !== this.fault) {
      this.fault = found
      await this.beat()
    }
    const held = describeWish(node, standing.wish) ?? mismatch
    if (held !== null) return { reason: held, isHeld: true }
    return fault === null ? null : { reason: fault, isHeld: false }
  }

  /** Fewer slots are handed out, or other ones than before: written at once where it begins or ends, so that `tilth nodes` shows it. */
  async holdSlots(held: HeldSlots | null): Promise<void> {
    const isNews = (held === null) !== (this.held === null)
    this.held = held
    if (isNews) await this.beat()
  }

  /** Signs off. What cannot be written because Postgres is away is seen from the silence. */
  async leave(): Promise<void> {
    this.hasLeft = true
    clearTimeout(this.timer)
    await this.beating
    await leaveNode(this.options.db, { node: this.options.node, pid: process.pid }).catch(
      (error: unknown) => {
        if (!isDatabaseAway(error)) throw error
      },
    )
  }

  /** One beat at a time; the next one is due a heartbeat after this one has ended. */
  private beat(): Promise<void> {
    clearTimeout(this.timer)
    this.beating = this.beating.then(async () => {
      if (this.hasLeft) return
      let heartbeatS = 5
      try {
        heartbeatS = await this.write()
      } catch (error) {
        if (!isDatabaseAway(error)) throw error
      }
      clearTimeout(this.timer)
      this.timer = setTimeout(() => {
        // A beat that the database refuses for another reason shows in the next round, which asks it the same.
        void this.beat().catch(() => undefined)
      }, heartbeatS * 1000)
      this.timer.unref()
    })
    return this.beating
  }

  private async write(): Promise<number> {
    const { db, node, host, executor, program } = this.options
    const settings = await readSettings(db)
    const heartbeatS = settings.resolve('node.heartbeat_s').value
    await beatNode(db, {
      node,
      pid: process.pid,
      executor,
      host,
      ...(this.options.capacity ?? settings.capacity()),
      program: program.version,
      schema: program.schema,
      fault: this.fault,
      slotsHeldTo: this.held?.slots ?? null,
      heldReason: this.held?.reason ?? null,
      heartbeatS,
      ...this.readLoad(),
    })
    return heartbeatS
  }
}

/** Why a program must not work on a database, beginning with VERSION_MISMATCH; null where the two fit. Pure. */
export function describeMismatch(standing: NodeStanding, program: ProgramIdentity): string | null {
  const differs =
    standing.version !== null && standing.version !== program.version
      ? `the database was migrated for program ${standing.version}, this node runs ${program.version}`
      : standing.schema !== program.schema
        ? `the database has schema ${standing.schema}, the program of this node knows ${program.schema}`
        : null
  return differs === null
    ? null
    : `VERSION_MISMATCH: ${differs}; install the same program, run \`tilth db migrate\` with the one that shall count, or set node.allow_other_versions to true`
}

/** Why a node takes no work by the wish of its operator; null: it does. Pure. */
export const describeWish = (node: string, wish: NodeStanding['wish']): string | null =>
  wish === 'active' ? null : `node ${node} is ${wish}; \`tilth nodes resume ${node}\` lets it take work again`

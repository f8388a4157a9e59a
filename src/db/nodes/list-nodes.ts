import { sql } from 'kysely'
import type { Queryable } from '../steps/queryable.js'

export interface NodeRow {
  readonly name: string
  readonly executor: string
  readonly host: string
  /** What the operator wants of it. */
  readonly wish: 'active' | 'paused' | 'draining'
  /** Silent for three heartbeats, or signed off. */
  readonly isGone: boolean
  readonly slots: number
  readonly memoryMb: number
  readonly runningSteps: number
  /** Threads granted and memory admitted to the running steps. */
  readonly slotsTaken: number
  readonly memoryTakenMb: number
  readonly labels: Readonly<Record<string, string>>
  readonly program: string
  readonly schema: string
  readonly fault: string | null
  /** Slots handed out at present because of pressure, and why; null: all. */
  readonly slotsHeldTo: number | null
  readonly heldReason: string | null
  readonly firstSeenAt: Date
  readonly lastSeenAt: Date
  /** Seconds since, by the database's clock. */
  readonly lastSeenS: number
  readonly load1min: number | null
  readonly cpuUse: number | null
  readonly memoryFreeMb: number | null
  readonly pressureCpu: number | null
  readonly pressureIo: number | null
  readonly pressureMemory: number | null
  readonly schedulerPids: readonly number[]
}

/** Nodes by name with what runs on them; one of them if `name` is given. */
export async function listNodes(db: Queryable, name: string | null): Promise<NodeRow[]> {
  const { rows } = await sql<NodeRow>`
    select n.name, n.executor, n.host, n.state::text as wish,
      (n.left_at is not null or n.last_seen_at < now() - make_interval(secs => 3 * n.heartbeat_s)) as "isGone",
      n.slots, n.memory_mb as "memoryMb", coalesce(s.steps, 0)::int as "runningSteps", coalesce(s.threads, 0)::int as "slotsTaken",
      coalesce(s.memory_mb, 0)::int as "memoryTakenMb", n.labels, n.program, n.schema, n.fault, n.slots_held_to as "slotsHeldTo", n.held_reason as "heldReason",
      n.first_seen_at as "firstSeenAt", n.last_seen_at as "lastSeenAt", extract(epoch from now() - n.last_seen_at)::float8 as "lastSeenS",
      n.load_1min as "load1min", n.cpu_use as "cpuUse", n.memory_free_mb as "memoryFreeMb", n.pressure_cpu as "pressureCpu",
      n.pressure_io as "pressureIo", n.pressure_memory as "pressureMemory",
      coalesce((select json_agg(p.pid order by p.started_at) from node_scheduler p where p.node = n.name), '[]') as "schedulerPids"
    from node n left join lateral (
      select count(*) as steps, sum(coalesce(threads, 1)) as threads, sum(coalesce((granted ->> 'memory_mb')::float8, memory_mb)) as memory_mb
      from step where step.node = n.name and step.state = 'running') s on true
    where ${name}::text is null or n.name = ${name} order by n.name`.execute(db)
  return rows
}

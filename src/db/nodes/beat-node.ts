import { sql } from 'kysely'
import type { Queryable } from '../steps/queryable.js'

/** What a scheduler says of its node; null where the machine does not tell. */
export interface NodeBeat {
  readonly node: string
  readonly pid: number
  readonly executor: string
  /** Whose storage roots it uses. */
  readonly host: string
  readonly slots: number
  readonly memoryMb: number
  /** Version of the program, and the newest migration that it knows. */
  readonly program: string
  readonly schema: string
  /** Why it takes no work at present, apart from a pause; null: it does. */
  readonly fault: string | null
  /** Handed out at present because of pressure, and why; null: all. */
  readonly slotsHeldTo: number | null
  readonly heldReason: string | null
  readonly heartbeatS: number
  readonly load1min: number | null
  /** Of the whole machine since the beat before, 0..1. */
  readonly cpuUse: number | null
  readonly memoryFreeMb: number | null
  /** Percent of the last 10 s in which some task waited. */
  readonly pressureCpu: number | null
  readonly pressureIo: number | null
  readonly pressureMemory: number | null
}

/**
 * Writes the heartbeat of one scheduler: its node's row, made at the first one, and its own. Leaves the operator's wish (state, labels)
 * alone. Rows of schedulers of the same node that have been silent for three heartbeats go.
 */
export async function beatNode(db: Queryable, b: NodeBeat): Promise<void> {
  await sql`
    with beat as (
      insert into node (name, executor, host, slots, memory_mb, program, schema, fault, slots_held_to, held_reason, heartbeat_s, load_1min, cpu_use, memory_free_mb,
        pressure_cpu, pressure_io, pressure_memory)
      values (${b.node}, ${b.executor}, ${b.host}, ${b.slots}, ${b.memoryMb}, ${b.program}, ${b.schema}, ${b.fault}, ${b.slotsHeldTo}, ${b.heldReason}, ${b.heartbeatS},
        ${b.load1min}, ${b.cpuUse}, ${b.memoryFreeMb}, ${b.pressureCpu}, ${b.pressureIo}, ${b.pressureMemory})
      on conflict (name) do update set executor = excluded.executor, host = excluded.host, slots = excluded.slots,
        memory_mb = excluded.memory_mb, program = excluded.program, schema = excluded.schema, fault = excluded.fault,
        slots_held_to = excluded.slots_held_to, held_reason = excluded.held_reason,
        heartbeat_s = excluded.heartbeat_s, load_1min = excluded.load_1min, cpu_use = excluded.cpu_use,
        memory_free_mb = excluded.memory_free_mb, pressure_cpu = excluded.pressure_cpu, pressure_io = excluded.pressure_io,
        pressure_memory = excluded.pressure_memory, last_seen_at = now(), left_at = null
      returning name),
    silent as (
      delete from node_scheduler where node = ${b.node} and pid <> ${b.pid}
        and last_seen_at < now() - make_interval(secs => 3 * ${b.heartbeatS}::int))
    insert into node_scheduler (node, pid) select name, ${b.pid} from beat
    on conflict (node, pid) do update set last_seen_at = now()`.execute(db)
}

/** Signs a scheduler off; with the last one its node has left. */
export async function leaveNode(db: Queryable, { node, pid }: { node: string; pid: number }): Promise<void> {
  await sql`
    with gone as (delete from node_scheduler where node = ${node} and pid = ${pid})
    update node set left_at = now() where name = ${node}
      and not exists (select from node_scheduler where node = ${node} and pid <> ${pid})`.execute(db)
}

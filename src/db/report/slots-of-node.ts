import { sql, type RawBuilder } from 'kysely'

/**
 * Slots of the node that a step ran on, null while it was never claimed. On a host those in force at its last claim. Of a step that ran
 * in a cluster the claim knows only the host that has submitted it: there the CPUs count that the node has told of itself.
 * @param step alias of the row of `step`.
 */
export const slotsOfNode = (step: 'step' | 's'): RawBuilder<number | null> => {
  const row = sql.ref(step)
  return sql`case when ${row}.executor = 'slurm' then (select node.slots from node where node.name = ${row}.node)
    else (settings_of(${row}) -> 'executor.cpu_slots' ->> 'value')::float8 end::float8`
}

import { sql } from 'kysely'
import { HELD, type ClaimKey, type Queryable } from './queryable.js'

/**
 * Notes where a claim is about to place its products, so that the folders can be found if nobody registers them.
 * False, and nothing written, when the claim was lost. Noting the same again changes nothing.
 */
export async function notePlacing(
  db: Queryable,
  { id, attempt }: ClaimKey,
  locations: readonly string[],
): Promise<boolean> {
  const { rows } = await sql<{ isOurs: boolean }>`
    with claim as (
      select id, attempt from step where id = ${id} and attempt = ${attempt} and ${sql.raw(HELD)} for no key update),
    noted as (
      insert into placement (location, step_id, attempt)
      select location, claim.id, claim.attempt from claim, unnest(${locations}::text[]) as location
      on conflict (location) do nothing)
    select exists (select from claim) as "isOurs"`.execute(db)
  return rows[0]?.isOurs ?? false
}

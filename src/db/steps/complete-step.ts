import { sql } from 'kysely'
import type { ClaimKey, Queryable } from './queryable.js'
import { settleAfterSteps } from './settle-after-step.js'

/** A row of `product`, its folder already in place. */
export interface ProductRow {
  readonly name: string
  readonly level: string
  readonly processor: string
  readonly processorVersion: number
  readonly satellite: 's2' | 'landsat'
  readonly platform: string
  readonly tile: string
  readonly sensedAt: string
  readonly relativeOrbit: number | null
  readonly acquisitionId: number | null
  readonly location: string
  /** Of all its files together; absent where they were not measured. */
  readonly bytes?: number
  readonly bbox: readonly [number, number, number, number] | null
  readonly provenance: unknown
}

/**
 * Ends a claim as succeeded and registers its products, in one transaction: both or neither. A product of the same name is
 * replaced: its row then points at the new folder. Successors are unblocked and the job ends if this was its last step.
 * False, and nothing written, when the claim was lost; true too when this very claim was completed before, because the
 * answer to a commit can be lost and the caller asks again.
 */
export async function completeStep(
  db: Queryable,
  { id, attempt }: ClaimKey,
  products: readonly ProductRow[],
  resources: unknown,
): Promise<boolean> {
  return db.transaction().execute(async (trx) => {
    const { rows } = await sql`
      with ended as (
        update step set state = 'succeeded', lease_expires_at = null, ended_at = now(), progress = 1, threads = null, pid = null,
          cancel_requested = false, error_code = null, error_message = null, error_class = null, resources = ${JSON.stringify(resources)}::jsonb
        where id = ${id} and attempt = ${attempt} and state = 'running'
        returning id, attempt)
      insert into step_event (step_id, attempt, kind, detail)
      select id, attempt, 'succeeded', jsonb_build_object('products', ${JSON.stringify(products.map((p) => p.name))}::jsonb) from ended
      returning step_id`.execute(trx)
    if (rows.length === 0) {
      const before =
        await sql`select from step where id = ${id} and attempt = ${attempt} and state = 'succeeded'`.execute(
          trx,
        )
      return before.rows.length > 0
    }
    for (const p of products) await upsertProduct(trx, { id, attempt }, p)
    await settleAfterSteps(trx, [id])
    return true
  })
}

async function upsertProduct(trx: Queryable, { id, attempt }: ClaimKey, p: ProductRow): Promise<void> {
  const [west, south, east, north] = p.bbox ?? [null, null, null, null]
  await sql`
    with placed as (delete from placement where location = ${p.location})
    insert into product (name, level, processor, processor_version, satellite, platform, tile, sensed_at, relative_orbit,
      acquisition_id, step_id, attempt, location, bytes, bbox, provenance)
    values (${p.name}, ${p.level}, ${p.processor}, ${p.processorVersion}, ${p.satellite}, ${p.platform}, ${p.tile}, ${p.sensedAt},
      ${p.relativeOrbit}, ${p.acquisitionId}, ${id}, ${attempt}, ${p.location}, ${p.bytes ?? null},
      box(point(${east}::float8, ${north}::float8), point(${west}::float8, ${south}::float8)), ${JSON.stringify(p.provenance)}::jsonb)
    on conflict (name) do update set level = excluded.level, processor = excluded.processor,
      processor_version = excluded.processor_version, satellite = excluded.satellite, platform = excluded.platform,
      tile = excluded.tile, sensed_at = excluded.sensed_at, relative_orbit = excluded.relative_orbit,
      acquisition_id = excluded.acquisition_id, step_id = excluded.step_id, attempt = excluded.attempt,
      location = excluded.location, bytes = excluded.bytes, removed_at = null, removed_reason = null, bbox = excluded.bbox, provenance = excluded.provenance, created_at = now()`.execute(
    trx,
  )
}

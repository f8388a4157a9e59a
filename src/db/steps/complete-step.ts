import { sql } from 'kysely'
import { preparedWrite } from '../prepared.js'
import { writeChainState, type ChainStateRow } from './write-chain-state.js'
import { endSuperseded } from './end-superseded.js'
import { HELD, type ClaimKey, type Queryable } from './queryable.js'
import { whySuperseded } from './why-superseded.js'

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
  /** Of a product of many dates: first and last moment that it stands for, ISO 8601. */
  readonly window?: { readonly from: string; readonly to: string }
  readonly provenance: unknown
  /** Of an L2A product of ours. */
  readonly chain?: ChainStateRow
}

/** `lost`: the claim was, and nothing is written. `superseded`: the products are refused, and the step has ended so. */
export type Completion =
  { readonly kind: 'published' | 'lost' } | { readonly kind: 'superseded'; readonly reason: string }

const succeed = preparedWrite(
  'succeed_step',
  `with ended as (
     update step set state = 'succeeded', lease_expires_at = null, ended_at = now(), progress = 1, threads = null, pid = null,
       cancel_requested = false, error_code = null, error_message = null, error_class = null, resources = $3::jsonb
     where id = $1 and attempt = $2 and ${HELD}
     returning id, attempt)
   insert into step_ended (step_id, attempt, kind, detail) select id, attempt, 'succeeded', $4::jsonb from ended`,
)

/**
 * Ends a claim as succeeded and registers its products, in one transaction: both or neither. A product of the same name is
 * replaced: its row then points at the new folder; never by one of older inputs (`whySuperseded`). What follows for successors and job is
 * drawn by the next `settleEnds`, which also takes the event of the end from `step_ended` to `step_event`: a row less in a commit that no
 * other step shares. A claim that was completed before gets the same answer again, because that to a commit can be lost and
 * the caller asks again.
 */
export async function completeStep(
  db: Queryable,
  key: ClaimKey,
  products: readonly ProductRow[],
  resources: unknown,
): Promise<Completion> {
  if (products.length === 0) return complete(db, key, products, resources)
  return db.transaction().execute((trx) => complete(trx, key, products, resources))
}

async function complete(
  db: Queryable,
  { id, attempt }: ClaimKey,
  products: readonly ProductRow[],
  resources: unknown,
): Promise<Completion> {
  if (products.length > 0) {
    const reason = await whySuperseded(db, id, products)
    if (reason !== null)
      return (await endSuperseded(db, { id, attempt }, reason, resources))
        ? { kind: 'superseded', reason }
        : completedBefore(db, { id, attempt })
  }
  const detail = { products: products.map(({ name }) => name) }
  const ended = await succeed(db, id, attempt, JSON.stringify(resources), JSON.stringify(detail))
  if (ended === 0) return completedBefore(db, { id, attempt })
  for (const product of products) {
    await upsertProduct(db, { id, attempt }, product)
    if (product.chain !== undefined) await writeChainState(db, product.name, product.chain)
  }
  return { kind: 'published' }
}

async function completedBefore(db: Queryable, { id, attempt }: ClaimKey): Promise<Completion> {
  const { rows } = await sql<{ state: string; reason: string | null }>`
    select state::text as state, error_message as reason from step
    where id = ${id} and attempt = ${attempt} and (state = 'succeeded' or state = 'cancelled' and error_code = 'SUPERSEDED')`.execute(
    db,
  )
  const [before] = rows
  if (before === undefined) return { kind: 'lost' }
  return before.state === 'succeeded'
    ? { kind: 'published' }
    : { kind: 'superseded', reason: before.reason ?? '' }
}

async function upsertProduct(trx: Queryable, { id, attempt }: ClaimKey, p: ProductRow): Promise<void> {
  const [west, south, east, north] = p.bbox ?? [null, null, null, null]
  await sql`
    with placed as (delete from placement where location = ${p.location})
    insert into product (name, level, processor, processor_version, satellite, platform, tile, sensed_at, relative_orbit,
      acquisition_id, step_id, attempt, location, bytes, bbox, window_from, window_to, provenance)
    values (${p.name}, ${p.level}, ${p.processor}, ${p.processorVersion}, ${p.satellite}, ${p.platform}, ${p.tile}, ${p.sensedAt},
      ${p.relativeOrbit}, ${p.acquisitionId}, ${id}, ${attempt}, ${p.location}, ${p.bytes ?? null},
      box(point(${east}::float8, ${north}::float8), point(${west}::float8, ${south}::float8)), ${p.window?.from ?? null}, ${p.window?.to ?? null}, ${JSON.stringify(p.provenance)}::jsonb)
    on conflict (name) do update set level = excluded.level, processor = excluded.processor,
      processor_version = excluded.processor_version, satellite = excluded.satellite, platform = excluded.platform,
      tile = excluded.tile, sensed_at = excluded.sensed_at, relative_orbit = excluded.relative_orbit,
      acquisition_id = excluded.acquisition_id, step_id = excluded.step_id, attempt = excluded.attempt,
      location = excluded.location, bytes = excluded.bytes, removed_at = null, removed_reason = null, bbox = excluded.bbox,
      window_from = excluded.window_from, window_to = excluded.window_to, provenance = excluded.provenance, created_at = now()`.execute(
    trx,
  )
}

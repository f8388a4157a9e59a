import { sql } from 'kysely'
import type { ProductGap } from '../../domain/step-params.js'
import type { Queryable } from '../steps/queryable.js'

export interface ProductState {
  readonly name: string
  readonly processor: string
  readonly location: string
  readonly createdAt: Date
  readonly acquisitionId: number | null
  readonly stepId: number | null
  readonly staleReason: string | null
  /** Dates of its window that it was made without, by day. */
  readonly gaps: readonly ProductGap[]
  readonly removedAt: Date | null
  readonly removedReason: string | null
}

/** A product by its name, also one that a retention rule has removed; undefined where there never was one. */
export async function findProductState(db: Queryable, name: string): Promise<ProductState | undefined> {
  return db
    .selectFrom('product')
    .select([
      'name',
      'processor',
      'location',
      'created_at as createdAt',
      'acquisition_id as acquisitionId',
      'step_id as stepId',
      'stale_reason as staleReason',
      'removed_at as removedAt',
      'removed_reason as removedReason',
      sql<ProductGap[]>`coalesce(provenance -> 'gaps', '[]')`.as('gaps'),
    ])
    .where('name', '=', name)
    .executeTakeFirst()
}

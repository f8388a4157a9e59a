import { sql } from 'kysely'
import type { ProductGap } from '../../domain/step-params.js'
import { L2A_OF_ACQUISITION } from '../schedules/list-missing-l2a.js'
import type { Queryable } from '../steps/queryable.js'

/** A window of time of one tile, both ends included. */
export interface TileWindow {
  readonly satellite: 's2' | 'landsat'
  readonly tile: string
  readonly from: Date
  readonly to: Date
}

/**
 * For each window, in their order, the acquisitions of which no L2A is there to read, by day. A stale one is there. What is ignored or superseded, was
 * looked at and has nothing to correct (no pixel with data, a sun too low, hardly a pixel without cloud, a step that ended well without a product), or stands beside another
 * processor's L2A of the same pass leaves no gap; nor does a broken one beside any L2A of the same pass.
 */
export async function listCompositeGaps(
  db: Queryable,
  windows: readonly TileWindow[],
): Promise<(readonly ProductGap[])[]> {
  const { rows } = await sql<ProductGap & { place: number }>`
    select w.place::float8 as place, a.id as acquisition_id, a.tile, to_char(a.sensed_at at time zone 'UTC', 'YYYY-MM-DD') as day, verdict.why
    from unnest(${windows.map(({ satellite }) => satellite)}::text[], ${windows.map(({ tile }) => tile)}::text[],
      ${windows.map(({ from }) => from)}::timestamptz[], ${windows.map(({ to }) => to)}::timestamptz[])
      with ordinality as w (satellite, tile, from_at, to_at, place)
    join acquisition a on a.satellite = w.satellite::satellite and a.tile = w.tile and a.sensed_at between w.from_at and w.to_at
    ${L2A_OF_ACQUISITION}
    where a.state in ('found', 'fetching', 'present', 'broken')
      and (made.removed_reason is not null or made.id is null and last.state is distinct from 'succeeded' and not verdict.is_empty)
      and not exists (
        select from product other where other.level = 'L2A' and other.satellite = a.satellite and other.tile = a.tile and other.removed_at is null
          and other.platform = a.platform and other.relative_orbit is not distinct from a.relative_orbit
          and (other.sensed_at at time zone 'UTC')::date = (a.sensed_at at time zone 'UTC')::date
          and (split_part(other.name, '_', 6) <> '' or a.state = 'broken'))
    order by w.place, a.sensed_at, a.id`.execute(db)
  const found = windows.map((): ProductGap[] => [])
  for (const { place, ...gap } of rows) found[place - 1]?.push(gap)
  return found
}

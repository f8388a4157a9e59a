import { sql } from 'kysely'
import { endWaitingSuperseded } from '../steps/end-superseded.js'
import type { Queryable } from '../steps/queryable.js'

/** What all versions of one scene share. */
export interface Scene {
  readonly satellite: 's2' | 'landsat'
  readonly platform: string
  readonly tile: string
  /** ISO 8601 UTC. */
  readonly datatakeStart: string
  /** ISO 8601 UTC; versions differ by less than a second. */
  readonly sensedAt: string
  /** The other processor of a foreign L2A product; null or absent for L1. Versions are of one maker. */
  readonly madeBy?: string | null
}

/** Key of `lockProductKey` under which the versions of a scene may be changed. */
export const sceneKey = (s: Scene): string => `${s.platform}:${s.tile}:${s.datatakeStart}`

/**
 * Of the readable versions of one scene leaves only the newest present: the greatest baseline, then the latest generation. The others
 * become superseded and name it; one that was superseded becomes present again when the newer one is broken. The end is the same whatever the
 * order in which the versions came. Steps of the superseded that have not begun end. Called under the locks of the scene and its tile, in the transaction that changed
 * one of them; products follow by a trigger.
 */
export async function settleVersions(tx: Queryable, scene: Scene): Promise<void> {
  const { rows } = await sql<{ id: number; state: string }>`
    with version as (
      select id, row_number() over newest as place, first_value(id) over newest as winner, first_value(identity) over newest as name
      from acquisition
      where satellite = ${scene.satellite} and platform = ${scene.platform} and tile = ${scene.tile}
        and metadata ->> 'datatakeStart' = ${scene.datatakeStart} and metadata ->> 'madeBy' is not distinct from ${scene.madeBy ?? null}
        and sensed_at > ${scene.sensedAt}::timestamptz - interval '1 second' and sensed_at < ${scene.sensedAt}::timestamptz + interval '1 second'
        and state in ('present', 'superseded')
      window newest as (order by string_to_array(baseline, '.')::int[] desc, generated_at desc nulls last, identity desc)),
    wanted as (
      select id, case when place = 1 then 'present' else 'superseded' end::acquisition_state as state,
        case when place = 1 then null else winner end as superseded_by,
        case when place = 1 then null else 'superseded by ' || name end as reason
      from version)
    update acquisition a set state = w.state, superseded_by = w.superseded_by, reason_code = null, reason = w.reason, updated_at = now()
    from wanted w
    where w.id = a.id and (a.state, a.superseded_by, a.reason) is distinct from (w.state, w.superseded_by, w.reason)
    returning a.id::float8 as id, a.state::text as state`.execute(tx)
  const superseded = rows.filter(({ state }) => state === 'superseded').map(({ id }) => id)
  if (superseded.length > 0) await endWaitingSuperseded(tx, superseded)
}

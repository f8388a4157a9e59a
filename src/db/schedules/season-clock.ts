import { sql } from 'kysely'
import type { Queryable } from '../steps/queryable.js'

/** The clock of planning: `season_now()`. */
export interface SeasonClock {
  readonly now: Date
  /** Seconds of planning time in a real second; null: it is the real time. */
  readonly speed: number | null
}

export async function readSeasonClock(db: Queryable): Promise<SeasonClock> {
  const { rows } = await sql<SeasonClock>`
    select season_now() as now, (select speed from season_clock) as speed`.execute(db)
  return rows[0] ?? { now: new Date(), speed: null }
}

/** From now on planning time runs from `at` (ISO 8601; default: where it stands) at `speed`. */
export async function setSeasonClock(
  db: Queryable,
  { at, speed }: { readonly at: string | null; readonly speed: number },
): Promise<void> {
  await sql`
    insert into season_clock (set_at, season_at, speed) values (now(), coalesce(${at}::timestamptz, season_now()), ${speed})
    on conflict (is_single) do update set set_at = excluded.set_at, season_at = excluded.season_at, speed = excluded.speed`.execute(
    db,
  )
}

/** Planning time is the real time again. */
export async function clearSeasonClock(db: Queryable): Promise<void> {
  await sql`delete from season_clock`.execute(db)
}

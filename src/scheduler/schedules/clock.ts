import {
  clearSeasonClock,
  readSeasonClock,
  setSeasonClock,
  type SeasonClock,
} from '../../db/schedules/season-clock.js'
import type { Queryable } from '../../db/steps/queryable.js'

/** Moves the clock of planning, or only reads it where nothing is given. Leases, events and retries go by the real time always. */
export async function moveClock(
  db: Queryable,
  { at, speed, real }: { readonly at?: Date; readonly speed?: number; readonly real: boolean },
): Promise<SeasonClock> {
  if (real) await clearSeasonClock(db)
  else if (at !== undefined || speed !== undefined) {
    const before = await readSeasonClock(db)
    await setSeasonClock(db, { at: at?.toISOString() ?? null, speed: speed ?? before.speed ?? 1 })
  }
  return readSeasonClock(db)
}

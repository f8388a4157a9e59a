import type { App } from '../../../app.js'
import { moveClock } from '../../../scheduler/schedules/clock.js'

const DAY_S = 86_400

/** The fast clock of a season as this process reckons it, so that it goes on while the database is away. */
export class SeasonClock {
  private atMs: number
  private speed = 0
  private sinceMs = performance.now()

  constructor(
    startMs: number,
    private readonly endMs: number,
  ) {
    this.atMs = startMs
  }

  /** Ms since 1970; never beyond its end. */
  get nowMs(): number {
    return Math.min(this.endMs, this.atMs + (performance.now() - this.sinceMs) * this.speed)
  }

  get hasEnded(): boolean {
    return this.nowMs >= this.endMs
  }

  /** Lets it run so many days in a second, or stand at 0, and the database's with it. Nothing changes where the database is away: it rejects. */
  async run(db: App['db'], daysPerS: number): Promise<void> {
    const speed = this.hasEnded ? 0 : daysPerS * DAY_S
    if (speed === this.speed) return
    const at = this.nowMs
    await moveClock(db, { at: new Date(at), speed, real: false })
    // The two run apart by the time that this took: the database's is told again at each change.
    this.atMs = at
    this.sinceMs = performance.now()
    this.speed = speed
  }
}

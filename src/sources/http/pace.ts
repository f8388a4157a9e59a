import { setTimeout as sleep } from 'node:timers/promises'
import { LONGEST_PAUSE_S } from './back-off.js'

/** When requests to one service may start: all clients of a process that ask it share one, so that together they keep its rate. */
export class Pace {
  private nextStart = 0
  private heldUntil = 0

  /** Waits until the next request may start, in the order of the calls. Throws the signal's reason when aborted. */
  async turn(ratePerS: number, signal: AbortSignal): Promise<void> {
    for (;;) {
      const now = performance.now()
      const start = Math.max(now, this.nextStart, this.heldUntil)
      this.nextStart = start + 1000 / ratePerS
      if (start > now) await sleep(start - now, undefined, { signal })
      signal.throwIfAborted()
      // Held back meanwhile: a new place behind that.
      if (this.heldUntil <= start) return
    }
  }

  /** The service is busy: nothing starts for so many seconds. For longer than a pause within one look, its row holds the source back, not this. */
  hold(seconds: number): void {
    if (seconds <= LONGEST_PAUSE_S)
      this.heldUntil = Math.max(this.heldUntil, performance.now() + seconds * 1000)
  }
}

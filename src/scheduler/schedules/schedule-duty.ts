import type { Queryable } from '../../db/steps/queryable.js'
import type { Duty } from '../leader.js'
import { readSettings } from '../settings-in-force.js'
import { lookAtSchedules } from './look.js'

/** The leading scheduler looks at schedules when it begins to lead, and then at each tick of `schedule.cron`. */
export function scheduleDuty({
  db,
  log,
}: {
  readonly db: Queryable
  readonly log: { info(message: string): void; warn(message: string): void }
}): Duty {
  /** What was said last of each schedule, so that one that waits or fails is not told at each tick. */
  const said = new Map<number, string>()
  return {
    name: 'schedules',
    everyS: 0,
    run: async (signal) => {
      for (const { schedule, jobId, steps, waitsFor, error } of await lookAtSchedules(db, { signal })) {
        const name = `schedule ${schedule.name} of ${schedule.site} ${schedule.season}`
        const news =
          error ??
          [
            jobId === null ? '' : `job ${jobId} with ${steps} steps`,
            waitsFor.length === 0 ? '' : `waits for ${waitsFor.length} inputs, first: ${waitsFor[0] ?? ''}`,
          ]
            .filter((text) => text !== '')
            .join('; ')
        if (news !== '' && said.get(schedule.id) !== news)
          log[error === null ? 'info' : 'warn'](`${name}: ${news}`)
        said.set(schedule.id, news)
      }
      await nextTick((await readSettings(db)).resolve('schedule.cron').value, signal)
    },
  }
}

/** Resolves at the next time that a cron pattern names, or when the signal is aborted. */
async function nextTick(pattern: string, signal: AbortSignal): Promise<void> {
  const { createTask } = await import('node-cron')
  if (signal.aborted) return
  await new Promise<void>((resolve) => {
    const done = () => {
      void task.destroy()
      signal.removeEventListener('abort', done)
      resolve()
    }
    // The machine's own clock: patterns say how often, and what is due is decided in each schedule's time zone.
    const task = createTask(pattern, done, { timezone: 'UTC', suppressMissedWarning: true })
    signal.addEventListener('abort', done, { once: true })
    void task.start()
  })
}

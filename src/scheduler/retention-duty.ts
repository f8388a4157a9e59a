import { runRetention } from '../catalog/retention/run-retention.js'
import type { Config } from '../config/config.js'
import type { Database } from '../db/connect.js'
import type { Duty } from './leader.js'
import { readSettings } from './settings-in-force.js'

/** How often the setting is looked at, seconds. */
const LOOK_S = 5

/**
 * Retention by itself: the leading scheduler runs it every `retention.interval_s`, the first time when it begins to lead; 0 turns it off.
 * What it removes and archives is logged.
 */
export function retentionDuty({
  db,
  config,
  log,
}: {
  readonly db: Database
  readonly config: Config
  readonly log: { info(message: string): void; warn(message: string): void }
}): Duty {
  let endedAt = -Infinity
  return {
    name: 'retention',
    everyS: LOOK_S,
    run: async (signal) => {
      const intervalS = (await readSettings(db)).resolve('retention.interval_s').value
      if (intervalS === 0 || performance.now() - endedAt < intervalS * 1000) return
      const report = await runRetention(
        { db, config },
        {
          dryRun: false,
          signal,
          onAction: ({ what, action, location, because }) => {
            log.info(`retention: ${action} ${what} ${location} (${because})`)
          },
        },
      )
      // While somebody runs it by hand the next look finds it done.
      if (report === undefined) return
      endedAt = performance.now()
      for (const { name, code, message } of report.failed) log.warn(`retention: ${name}: ${code}: ${message}`)
    },
  }
}

import { listJobs } from '../../db/jobs/list-jobs.js'
import { listEndedJobs } from '../../db/report/list-ended-jobs.js'
import type { Queryable } from '../../db/steps/queryable.js'
import { describeTimes, gain } from './job-times.js'

/** Ends that one scheduler remembers to have told of; the oldest are forgotten first. */
const REMEMBERED = 1000

/**
 * Says of each job that ended with one of these steps what it took; once for each end, as far as `told` remembers. Counts in the
 * database: a job may have more steps than this process should hold.
 */
export async function tellEndedJobs(
  db: Queryable,
  stepIds: readonly number[],
  told: Set<string>,
  log: { info(message: string): void },
): Promise<void> {
  for (const { id, endedAt, slots, lostCpuS } of await listEndedJobs(db, stepIds)) {
    const key = `${id} ${endedAt.toISOString()}`
    if (told.has(key)) continue
    const [job] = await listJobs(db, { id, limit: 1 })
    if (job === undefined) continue
    const { wall_s: wallS, cpu_s: cpuS } = job
    const times = describeTimes({ wallS, cpuS, lostCpuS, slots, ...gain(wallS, cpuS, slots) })
    log.info(`job ${id} ${job.state}: ${times}; \`tilth report ${id}\` shows who waited for what`)
    told.add(key)
    for (const oldest of told) if (told.size > REMEMBERED) told.delete(oldest)
  }
}

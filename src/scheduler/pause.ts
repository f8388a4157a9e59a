import { ProcessingError } from '../domain/errors.js'
import { setJobPaused, setSitePaused } from '../db/catalog/set-paused.js'
import type { Queryable } from '../db/steps/queryable.js'
import { noteGone, setNodeWish } from './nodes.js'
import { findJob } from './queue-view.js'

/** What can be paused: admission stops, running steps end. */
export type Pausable =
  | { readonly kind: 'site'; readonly slug: string }
  | { readonly kind: 'job'; readonly id: number }
  | { readonly kind: 'node'; readonly name: string }

/**
 * Pauses or resumes. Schedulers hear of it at once. Resuming a draining node makes it active. Returns what whoever asked should know, or
 * null. Throws NOT_FOUND, and CONFLICT for pausing a job that has ended.
 */
export async function setPaused(db: Queryable, what: Pausable, paused: boolean): Promise<string | null> {
  switch (what.kind) {
    case 'site':
      if (!(await setSitePaused(db, what.slug, paused)))
        throw new ProcessingError('NOT_FOUND', `There is no site '${what.slug}'. See \`tilth site list\`.`)
      return null
    case 'job': {
      const job = await findJob(db, what.id)
      if (paused && job.state !== 'active')
        throw new ProcessingError('CONFLICT', `Job ${job.id} is ${job.state}: nothing is left to pause.`)
      await setJobPaused(db, job.id, paused)
      return job.state === 'active' ? null : `job ${job.id} is ${job.state}: nothing of it is left to run`
    }
    case 'node':
      return noteGone(await setNodeWish(db, what.name, paused ? 'paused' : 'active'))
  }
}

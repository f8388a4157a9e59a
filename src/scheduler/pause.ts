import { ProcessingError } from '../domain/errors.js'
import { setJobPaused, setSeasonPaused, setSitePaused } from '../db/catalog/set-paused.js'
import { countSelected } from '../db/steps/count-selected.js'
import { pauseSteps } from '../db/steps/pause-steps.js'
import type { Queryable } from '../db/steps/queryable.js'
import { describeStanding, ownSeason, selectNamed, type NamedSteps } from './named-steps.js'
import { noteGone, setNodeWish } from './nodes.js'
import { findJob } from './queue-view.js'

/** What can be paused: admission stops, running steps end. */
export type Pausable = NamedSteps | { readonly kind: 'node'; readonly name: string }

/**
 * Pauses or resumes. Schedulers hear of it at once. Site, season, job and node have a flag of their own; of a tile of a job and of a step the steps have it,
 * with all that waits for their success. Resuming a draining node makes it active. Returns what whoever asked should know, or null. Throws NOT_FOUND,
 * TILE_UNKNOWN, and CONFLICT for pausing what has ended and for resuming steps that are not paused.
 */
export async function setPaused(db: Queryable, what: Pausable, paused: boolean): Promise<string | null> {
  switch (what.kind) {
    case 'site':
      if (!(await setSitePaused(db, what.slug, paused)))
        throw new ProcessingError('NOT_FOUND', `There is no site '${what.slug}'. See \`tilth site list\`.`)
      return null
    case 'season': {
      const { siteId } = await ownSeason(db, what)
      await setSeasonPaused(db, { siteId, name: what.name }, paused)
      return null
    }
    case 'job': {
      const job = await findJob(db, what.id)
      if (paused && job.state !== 'active')
        throw new ProcessingError('CONFLICT', `Job ${job.id} is ${job.state}: nothing is left to pause.`)
      await setJobPaused(db, job.id, paused)
      return job.state === 'active' ? null : `job ${job.id} is ${job.state}: nothing of it is left to run`
    }
    case 'tile':
    case 'step':
      return pauseNamed(db, what, paused)
    case 'node':
      return noteGone(await setNodeWish(db, what.name, paused ? 'paused' : 'active'))
  }
}

async function pauseNamed(db: Queryable, named: NamedSteps, paused: boolean): Promise<string | null> {
  const which = await selectNamed(db, named)
  if ((await pauseSteps(db, which, paused)) > 0) return null
  const { text } = await describeStanding(db, named, which)
  const { paused: already } = await countSelected(db, which)
  if (paused && already > 0) return `${text}: paused already`
  throw new ProcessingError(
    'CONFLICT',
    paused ? `${text}: nothing waits or runs that could be paused.` : `${text}: none of them is paused.`,
  )
}

import { ProcessingError } from '../domain/errors.js'
import { setJobPaused, setSitePaused } from '../db/catalog/set-paused.js'
import type { Queryable } from '../db/steps/queryable.js'
import { setNodeWish } from './nodes.js'

/** What can be paused: admission stops, running steps end. */
export type Pausable =
  | { readonly kind: 'site'; readonly slug: string }
  | { readonly kind: 'job'; readonly id: number }
  | { readonly kind: 'node'; readonly name: string }

/** Pauses or resumes. Schedulers hear of it at once. Resuming a draining node makes it active. Throws NOT_FOUND. */
export async function setPaused(db: Queryable, what: Pausable, paused: boolean): Promise<void> {
  switch (what.kind) {
    case 'site':
      if (!(await setSitePaused(db, what.slug, paused)))
        throw new ProcessingError('NOT_FOUND', `There is no site '${what.slug}'. See \`tilth site list\`.`)
      return
    case 'job':
      if (!(await setJobPaused(db, what.id, paused)))
        throw new ProcessingError('NOT_FOUND', `There is no job ${what.id}. See \`tilth jobs\`.`)
      return
    case 'node':
      await setNodeWish(db, what.name, paused ? 'paused' : 'active')
      return
  }
}

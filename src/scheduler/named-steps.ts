import { getSite } from '../catalog/find-site.js'
import { findSeason } from '../db/catalog/seasons.js'
import { listSteps } from '../db/jobs/list-steps.js'
import { listJobs } from '../db/jobs/list-jobs.js'
import { countSelected } from '../db/steps/count-selected.js'
import type { Queryable } from '../db/steps/queryable.js'
import type { StepSelection } from '../db/steps/selected-steps.js'
import { ProcessingError } from '../domain/errors.js'
import { tileName } from '../domain/tile-name.js'

/** Steps as a user names them together. */
export type NamedSteps =
  | { readonly kind: 'step'; readonly id: number }
  | { readonly kind: 'job'; readonly id: number }
  | { readonly kind: 'tile'; readonly job: number; readonly tile: string }
  /** And its sub-sites. */
  | { readonly kind: 'site'; readonly slug: string }
  | { readonly kind: 'season'; readonly site: string; readonly name: string }

/** Finds what is named. Throws NOT_FOUND, TILE_UNKNOWN. */
export async function selectNamed(db: Queryable, named: NamedSteps): Promise<StepSelection> {
  switch (named.kind) {
    case 'step': {
      const [step] = await listSteps(db, { ids: [named.id], limit: 1 })
      if (step === undefined) throw notFound(`There is no step ${named.id}. See \`tilth steps\`.`)
      return { step: step.id }
    }
    case 'job':
      return { job: await jobOf(db, named.id) }
    case 'tile': {
      const { tile } = tileName(named.tile)
      const which = { job: await jobOf(db, named.job), tile }
      const { byState } = await countSelected(db, which)
      if (byState.length === 0)
        throw notFound(
          `Job ${which.job} has no step of tile ${tile}. See \`tilth steps --job ${which.job}\`.`,
        )
      return which
    }
    case 'site':
      return { siteId: (await getSite(db, named.slug)).id }
    case 'season':
      return { seasonId: (await ownSeason(db, named)).id }
  }
}

/** A site's own season; one that a sub-site has of its parent is the parent's. Throws NOT_FOUND. */
export async function ownSeason(
  db: Queryable,
  { site, name }: { readonly site: string; readonly name: string },
): Promise<{ readonly id: number; readonly siteId: number }> {
  const { id: siteId, seasons } = await getSite(db, site)
  const id = await findSeason(db, siteId, name)
  if (id !== undefined) return { id, siteId }
  throw notFound(
    seasons.some((season) => season.name === name)
      ? `Site '${site}' has season '${name}' of its parent: name the parent.`
      : `Site '${site}' has no season '${name}'; it has ${seasons.map((season) => season.name).join(', ') || 'none'}.`,
  )
}

async function jobOf(db: Queryable, id: number): Promise<number> {
  const [job] = await listJobs(db, { id, limit: 1 })
  if (job === undefined) throw notFound(`There is no job ${id}. See \`tilth jobs\`.`)
  return job.id
}

/** How the steps of a selection stand, in words. */
export async function describeStanding(
  db: Queryable,
  named: NamedSteps,
  which: StepSelection,
): Promise<{ readonly text: string; readonly endings: number }> {
  const { byState, endings } = await countSelected(db, which)
  const counts = byState.map(([state, n]) => `${n} ${state}`).join(', ') || 'none'
  switch (named.kind) {
    case 'step':
      return { text: `Step ${named.id} is ${byState[0]?.[0] ?? 'gone'}`, endings }
    case 'job':
      return { text: `The steps of job ${named.id} are ${counts}`, endings }
    case 'tile':
      return { text: `The steps of job ${named.job} for tile ${named.tile} are ${counts}`, endings }
    case 'site':
      return { text: `The steps of site ${named.slug} are ${counts}`, endings }
    case 'season':
      return { text: `The steps of season ${named.name} of ${named.site} are ${counts}`, endings }
  }
}

const notFound = (message: string): ProcessingError => new ProcessingError('NOT_FOUND', message)

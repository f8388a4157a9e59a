import { listImportInputs } from '../db/jobs/list-import-inputs.js'
import { insertJobRows } from '../db/jobs/insert-job.js'
import { lockL2aPlanning } from '../db/jobs/list-l2a-inputs.js'
import type { Queryable } from '../db/steps/queryable.js'
import type { Json } from '../db/types.js'
import type { ImportStepParams } from '../domain/step-params.js'
import { sizeClassOf } from '../processors/define-processor.js'
import { importL2a } from '../processors/import_l2a/definition.js'
import { freezeSettings } from './freeze-settings.js'
import { readSettings } from './settings-in-force.js'

export interface CreatedImport {
  /** Null when nothing is left to do: no empty job is made. */
  readonly jobId: number | null
  readonly stepIds: readonly number[]
  readonly skipped: readonly { readonly tile: string; readonly reason: string }[]
}

/**
 * Makes one job with a step for each of the given acquisitions that another processor made and that is present, unless its product exists or a
 * step of it is open: ingesting the same again makes nothing twice, and ingesting it again after a failure tries it again. L1 among them is
 * left alone. A step belongs to the one site that has its tile, so that its pause, quota, caps and weight count; to none where several have it.
 */
export async function createImportJob(
  db: Queryable,
  { identities, createdBy }: { readonly identities: readonly string[]; readonly createdBy: string },
): Promise<CreatedImport> {
  return db.transaction().execute(async (trx) => {
    await lockL2aPlanning(trx)
    const inputs = await listImportInputs(trx, identities, importL2a.version)
    const isNeeded = (input: (typeof inputs)[number]) => input.product === null && input.openStep === null
    const skipped = inputs
      .filter((input) => !isNeeded(input))
      .map(({ tile, product, openStep }) => ({
        tile,
        reason: openStep === null ? `${product ?? ''} exists` : `step ${openStep} does it already`,
      }))
    const todo = inputs.filter(isNeeded)
    if (todo.length === 0) return { jobId: null, stepIds: [], skipped }
    const settings = await readSettings(trx)
    const [siteId = null, ...others] = new Set(todo.map((input) => input.siteId))
    const jobSite = others.length === 0 ? siteId : null
    const frozenFor = (site: number | null) =>
      freezeSettings(settings, importL2a.name, site, {}).frozen as Json
    const { id, stepIds } = await insertJobRows(trx, {
      processor: importL2a.name,
      siteId: jobSite,
      params: { version: importL2a.version },
      settings: frozenFor(jobSite),
      priority: 100,
      createdBy,
      tasks: todo.map(({ acquisitionId, tile, siteId: homeId, location, pixels, bands }) => {
        const threads = settings.ofProcessor(importL2a.name, 'tile_threads_hint', homeId, 2)
        const size = { pixels, bands, threads }
        const params: ImportStepParams = { acquisition_id: acquisitionId, input: location }
        return {
          tile,
          acquisitionId,
          siteId: homeId,
          params,
          ...(homeId === jobSite ? {} : { settings: frozenFor(homeId) }),
          ...importL2a.resources(size),
          sizeClass: sizeClassOf(size),
        }
      }),
    })
    return { jobId: id, stepIds, skipped }
  })
}

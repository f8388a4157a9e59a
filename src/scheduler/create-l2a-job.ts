import { getSite } from '../catalog/sites.js'
import { ProcessingError } from '../domain/errors.js'
import type { L2aStepParams } from '../domain/step-params.js'
import { insertJob } from '../db/jobs/insert-job.js'
import { listL2aInputs, type AcquisitionFilter, type L2aInput } from '../db/jobs/list-l2a-inputs.js'
import type { Queryable } from '../db/steps/queryable.js'
import type { Json } from '../db/types.js'
import { l2a } from '../processors/l2a/definition.js'
import { freezeSettings, type FrozenSettings } from './freeze-settings.js'
import { readSettings, type SettingsInForce } from './settings-in-force.js'

export interface L2aRequest extends Omit<AcquisitionFilter, 'siteId'> {
  /** Slug; its enabled tiles bound the work. Without a site, `acquisitionIds` must say what to process. */
  readonly site?: string
  /** Parameters of the processor given by hand; they win over all settings. */
  readonly parameters?: Readonly<Record<string, unknown>>
  /** Also where the product exists with the same parameters and version. */
  readonly force?: boolean
  /** Lower first; default 100. */
  readonly priority?: number
  readonly createdBy: string
}

/** What a request comes to before any row is made. */
export interface L2aPlan {
  readonly todo: readonly L2aInput[]
  readonly siteId: number | null
  readonly settings: SettingsInForce
  readonly parameters: Readonly<Record<string, unknown>>
  /** Where each parameter comes from: `cli`, `site x`, `global`, `default`, ... */
  readonly origins: Readonly<Record<string, string>>
  readonly frozen: FrozenSettings
  readonly skipped: readonly {
    readonly acquisitionId: number
    readonly tile: string
    readonly reason: string
  }[]
}

export interface CreatedL2a extends Pick<L2aPlan, 'parameters' | 'origins' | 'skipped'> {
  /** Null when nothing is left to do: no empty job is made. */
  readonly jobId: number | null
  readonly stepIds: readonly number[]
}

/**
 * Which present acquisitions a request names that lack their L2A, and with which parameters: given by hand, else the job
 * settings in force for the site (see contracts, Settings), else the processor's defaults. Writes nothing.
 * Throws NOT_FOUND for an unknown site or season, BAD_ARGUMENT for parameters that the processor refuses or no acquisitions named.
 */
export async function planL2a(
  db: Queryable,
  request: Omit<L2aRequest, 'createdBy' | 'priority'>,
): Promise<L2aPlan> {
  const { site: slug, parameters: given = {}, force = false, ...filter } = request
  if (slug === undefined && filter.acquisitionIds === undefined && filter.stale !== true)
    throw new ProcessingError(
      'BAD_ARGUMENT',
      'Say what to process: a site, acquisitions by their ids, or all that is stale.',
    )
  const site = slug === undefined ? undefined : await getSite(db, slug)
  const seasons = site?.seasons.map(({ name }) => name) ?? []
  if (filter.season !== undefined && !seasons.includes(filter.season))
    throw new ProcessingError(
      'NOT_FOUND',
      `Site '${slug ?? ''}' has no season '${filter.season}'; it has ${seasons.join(', ') || 'none'}.`,
    )
  const settings = await readSettings(db)
  const siteId = site?.id ?? null
  const { parameters, origins, frozen } = freezeParameters(settings, siteId, given)
  const inputs = await listL2aInputs(
    db,
    { ...filter, ...(siteId === null ? {} : { siteId }) },
    { parameters, version: l2a.version },
  )
  const todo = inputs.filter((input) => whySkip(input, force) === null)
  const skipped = inputs.flatMap((input) => {
    const reason = whySkip(input, force)
    return reason === null ? [] : [{ acquisitionId: input.acquisitionId, tile: input.tile, reason }]
  })
  return { todo, siteId, settings, parameters, origins, frozen, skipped }
}

/** Makes one L2A job of what `planL2a` finds: a task and a step for each acquisition, its parameters frozen now. Throws as it does. */
export async function createL2aJob(db: Queryable, request: L2aRequest): Promise<CreatedL2a> {
  const { priority = 100, createdBy, ...rest } = request
  const { todo, siteId, settings, parameters, origins, frozen, skipped } = await planL2a(db, rest)
  if (todo.length === 0) return { jobId: null, stepIds: [], parameters, origins, skipped }
  const memoryMb = settings.ofProcessor('l2a', 'memory_mb', siteId, 0) || 2048
  const cpu = settings.ofProcessor('l2a', 'tile_threads_hint', siteId, 4)
  const { id, stepIds } = await insertJob(db, {
    processor: 'l2a',
    siteId,
    params: { parameters, origins, version: l2a.version } as Json,
    settings: frozen as Json,
    priority,
    createdBy,
    tasks: todo.map(({ acquisitionId, tile, location }) => {
      const params: L2aStepParams = {
        acquisition_id: acquisitionId,
        input: location,
        parameters,
        parameter_origins: origins,
      }
      return { tile, acquisitionId, params: params as Json, memoryMb, cpu }
    }),
  })
  return { jobId: id, stepIds, parameters, origins, skipped }
}

const whySkip = ({ existing, queuedStep }: L2aInput, force: boolean): string | null => {
  if (queuedStep !== null) return `step ${queuedStep} does it already`
  return existing !== null && !force ? `${existing} exists with the same parameters` : null
}

function freezeParameters(
  settings: SettingsInForce,
  siteId: number | null,
  given: Readonly<Record<string, unknown>>,
): Pick<L2aPlan, 'parameters' | 'origins' | 'frozen'> {
  const { values, origins, frozen } = freezeSettings(settings, 'l2a', siteId, given)
  // A text setting has no null: empty stands for none.
  const parsed = l2a.params.safeParse({ ...values, dem: values['dem'] === '' ? null : values['dem'] })
  if (!parsed.success)
    throw new ProcessingError(
      'BAD_ARGUMENT',
      `Parameters of l2a: ${parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'all'}: ${message}`).join('; ')}.`,
    )
  return { parameters: parsed.data, origins, frozen }
}

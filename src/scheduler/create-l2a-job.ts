import type { SettingOrigin } from '../config/resolve-settings.js'
import type { Deadline } from '../domain/deadline.js'
import { ProcessingError } from '../domain/errors.js'
import type { L2aStepParams } from '../domain/step-params.js'
import {
  insertJobRows,
  insertJobsRows,
  type AskedJob,
  type InsertedJob,
  type NewJob,
} from '../db/jobs/insert-job.js'
import {
  listL2aInputs,
  listNewL2aInputs,
  lockL2aPlanning,
  type AcquisitionFilter,
  type L2aInput,
} from '../db/jobs/list-l2a-inputs.js'
import { orderChains } from '../db/jobs/order-chains.js'
import { firstCome } from '../db/jobs/season-news.js'
import type { Queryable } from '../db/steps/queryable.js'
import type { Json } from '../db/types.js'
import {
  ENGINE_RESOURCES,
  ENGINES,
  l2a,
  optionalLayers,
  type ExternalEngine,
} from '../processors/l2a/definition.js'
import { sizeClassOf, type DeclaredResources } from '../processors/define-processor.js'
import { differences } from './differences.js'
import { freezeSettings, type FrozenSettings } from './freeze-settings.js'
import { askedOf, type AskedNews, type GivenParameters } from './given-parameters.js'
import { requestScope } from './request-scope.js'
import { readSettings, type SettingsInForce } from './settings-in-force.js'

export interface L2aRequest extends Omit<AcquisitionFilter, 'siteId'>, GivenParameters {
  /** Slug; its enabled tiles bound the work. Without a site, `acquisitionIds` must say what to process. */
  readonly site?: string
  /** Also where the product exists with the same parameters and version. */
  readonly force?: boolean
  /** Lower first; default 100. */
  readonly priority?: number
  /** Default: none. */
  readonly deadline?: Deadline
  readonly createdBy: string
}

/** An acquisition whose L2A is to be made, with the parameters of the site it is made for. */
export interface PlannedInput extends L2aInput {
  readonly parameters: Readonly<Record<string, unknown>>
  readonly origins: Readonly<Record<string, string>>
  readonly frozen: FrozenSettings
}

/** What a request comes to before any row is made. */
export interface L2aPlan {
  readonly todo: readonly PlannedInput[]
  readonly siteId: number | null
  readonly settings: SettingsInForce
  /** Of the site asked for; sub-sites with settings of their own differ, see `todo`. */
  readonly parameters: Readonly<Record<string, unknown>>
  /** Where each parameter comes from: `cli`, `schedule z`, `site x`, `global`, `default`, ... */
  readonly origins: Readonly<Record<string, string>>
  readonly frozen: FrozenSettings
  readonly skipped: readonly {
    readonly acquisitionId: number
    readonly tile: string
    readonly reason: string
    /** That makes it already, or null. */
    readonly step: number | null
    /** For which that step makes it, or its product was made; null where no site asked for it. */
    readonly site: string | null
  }[]
  /** Of the tiles asked for those without any present acquisition that fits. */
  readonly tilesWithoutInput: readonly string[]
}

export interface CreatedL2a extends Pick<
  L2aPlan,
  'parameters' | 'origins' | 'skipped' | 'tilesWithoutInput'
> {
  /** Null when nothing is left to do: no empty job is made. */
  readonly jobId: number | null
  readonly stepIds: readonly number[]
}

/**
 * Which present acquisitions a request names that lack their L2A, and with which parameters: given, else the job
 * settings in force for the site (see contracts, Settings), else the processor's defaults. Of a site with sub-sites, a tile that only
 * a sub-site has is made with that sub-site's settings. L2A belongs to the tile: what another site has made or is making is not made
 * again, see docs/decisions/0008. Writes nothing.
 * Throws NOT_FOUND for an unknown site or season and for a tile that the site does not have or has switched off, TILE_UNKNOWN, BAD_ARGUMENT for parameters that the processor refuses or no acquisitions named.
 */
export async function planL2a(
  db: Queryable,
  request: Omit<L2aRequest, 'createdBy' | 'priority'>,
): Promise<L2aPlan> {
  const { site: slug, parameters: given = {}, parametersFrom: from, ...rest } = request
  const { force = false, tiles: asked, ...filter } = rest
  if (slug === undefined && filter.acquisitionIds === undefined && filter.stale !== true)
    throw new ProcessingError(
      'BAD_ARGUMENT',
      'Say what to process: --site for a site, --acquisition for acquisitions by their ids, or --stale for all that is stale.',
    )
  const { siteId, tiles } = await requestScope(db, { site: slug, season: filter.season, tiles: asked })
  const settings = await readSettings(db)
  const inputs = await listL2aInputs(db, {
    ...filter,
    ...(tiles === undefined ? {} : { tiles }),
    ...(siteId === null ? {} : { siteId }),
  })
  return planOf(inputs, settings, { siteId, tiles, given, from, force })
}

/** What is left to do of these inputs. Pure. Throws BAD_ARGUMENT for parameters that the processor refuses. */
function planOf(
  inputs: readonly L2aInput[],
  settings: SettingsInForce,
  {
    siteId,
    tiles,
    given,
    from,
    force,
  }: {
    readonly siteId: number | null
    readonly tiles: readonly string[] | undefined
    readonly given: Readonly<Record<string, unknown>>
    readonly from: SettingOrigin | undefined
    readonly force: boolean
  },
): L2aPlan {
  const ofSite = freezeParameters(settings, siteId, given, from)
  const bySite = new Map([[siteId, ofSite]])
  const todo: PlannedInput[] = []
  const skipped: L2aPlan['skipped'][number][] = []
  for (const input of inputs) {
    const wanted = bySite.get(input.homeId) ?? freezeParameters(settings, input.homeId, given, from)
    bySite.set(input.homeId, wanted)
    const reason = whySkip(input, wanted.parameters, { force, siteId })
    if (reason === null) todo.push({ ...input, ...wanted })
    else {
      const { acquisitionId, tile, open, existing } = input
      const site = (open ?? existing)?.site ?? null
      skipped.push({ acquisitionId, tile, reason, step: open?.step ?? null, site })
    }
  }
  const tilesWithoutInput = (tiles ?? []).filter((tile) => !inputs.some((input) => input.tile === tile))
  return { todo, siteId, settings, ...ofSite, skipped, tilesWithoutInput }
}

/**
 * Makes one L2A job of what `planL2a` finds: a task and a step for each acquisition, its parameters frozen now, in the order of their chains. Of two that are made at
 * once the later sees the steps of the earlier: an acquisition is corrected once. Throws as `planL2a`.
 */
export async function createL2aJob(db: Queryable, request: L2aRequest): Promise<CreatedL2a> {
  return db.transaction().execute((trx) => createL2aJobRows(trx, request))
}

/** The same within the caller's transaction. */
export async function createL2aJobRows(trx: Queryable, request: L2aRequest): Promise<CreatedL2a> {
  const { priority = 100, createdBy, deadline, ...rest } = request
  await lockL2aPlanning(trx)
  const plan = await planL2a(trx, rest)
  const { parameters, origins, skipped, tilesWithoutInput } = plan
  const said = { parameters, origins, skipped, tilesWithoutInput }
  if (plan.todo.length === 0) return { jobId: null, stepIds: [], ...said }
  const { id, stepIds } = await insertJobRows(
    trx,
    jobOf(plan, { season: rest.season, deadline, priority, createdBy }),
  )
  await orderChains(trx, stepIds)
  return { jobId: id, stepIds, ...said }
}

/**
 * Makes the L2A jobs of what is new for many seasons at once, within the caller's transaction: for each a job of what is untried and of no season before it,
 * or null where nothing is left. As many statements as for one.
 */
export async function createNewL2aJobs(
  trx: Queryable,
  news: readonly AskedNews[],
): Promise<(InsertedJob | null)[]> {
  await lockL2aPlanning(trx)
  const settings = await readSettings(trx)
  const jobs = (await listNewL2aInputs(trx, firstCome(news))).map((inputs, i): NewJob | null => {
    const { scope, job } = askedOf(news[i])
    const plan = planOf(inputs, settings, { ...scope, force: false })
    return plan.todo.length === 0 ? null : jobOf(plan, job)
  })
  const inserted = await insertJobsRows(
    trx,
    jobs.filter((job) => job !== null),
  )
  await orderChains(
    trx,
    inserted.flatMap(({ stepIds }) => stepIds),
  )
  return jobs.map((job) => (job === null ? null : (inserted.shift() ?? null)))
}

function jobOf({ todo, siteId, settings, frozen, parameters, origins }: L2aPlan, asked: AskedJob): NewJob {
  return {
    processor: 'l2a',
    siteId,
    ...asked,
    params: { parameters, origins, version: l2a.version } as Json,
    settings: frozen as Json,
    tasks: todo.map((input) => {
      const params: L2aStepParams = {
        acquisition_id: input.acquisitionId,
        input: input.location,
        parameters: input.parameters,
        parameter_origins: input.origins,
      }
      return {
        tile: input.tile,
        acquisitionId: input.acquisitionId,
        siteId: input.homeId,
        params: params as Json,
        ...(input.homeId === siteId ? {} : { settings: input.frozen as Json }),
        ...declareL2a(input, settings, input.homeId, input.parameters),
      }
    }),
  }
}

/** A full Sentinel-2 tile: what an acquisition of unknown size is taken for. */
const FULL_TILE = { pixels: 4 * 10_980 ** 2 + 6 * 5490 ** 2 + 3 * 1830 ** 2, bands: 13 }

/** What the L2A step of an acquisition declares for its size and the threads that its site would give it. */
export function declareL2a(
  { pixels, bands }: Pick<L2aInput, 'pixels' | 'bands'>,
  settings: SettingsInForce,
  siteId: number | null,
  parameters: Readonly<Record<string, unknown>> = {},
): DeclaredResources & { readonly sizeClass: string } {
  const threads = settings.ofProcessor('l2a', 'tile_threads_hint', siteId, 4)
  const size = { pixels: pixels ?? FULL_TILE.pixels, bands: bands ?? FULL_TILE.bands, threads }
  // Steps with more layers use more: they learn from each other, and not from those without.
  const layers = optionalLayers(parameters)
  const own = {
    ...l2a.resources(size, parameters),
    sizeClass: layers === 0 ? sizeClassOf(size) : `${sizeClassOf(size)}, ${layers} layers more`,
  }
  const external = ENGINES.find((one): one is ExternalEngine => one === parameters['engine'] && one !== 'own')
  if (external === undefined) return own
  const { memoryMb, scratchMb } = ENGINE_RESOURCES[external]
  return {
    ...own,
    memoryMb: own.memoryMb + memoryMb,
    scratchMb: own.scratchMb + scratchMb,
    sizeClass: `${external}, ${own.sizeClass}`,
  }
}

/** Why an acquisition is left out, or null. A step that is open is never doubled, not even by force: both would publish the same product. */
function whySkip(
  { existing, open, homeId }: L2aInput,
  wanted: Readonly<Record<string, unknown>>,
  { force, siteId }: { readonly force: boolean; readonly siteId: number | null },
): string | null {
  if (open !== null) {
    const other = differences(open.parameters, wanted)
    if (other === '') return `step ${open.step} does it already`
    return `step ${open.step} ${open.site === null ? 'makes' : `of site ${open.site} makes`} it with ${other}: ask again when it has ended, or cancel it`
  }
  if (existing === null || force) return null
  // Whatever changed since: what retention removed was not wanted any more.
  if (existing.removed !== null)
    return `${existing.name} was removed (${existing.removed}); --force makes it again`
  if (existing.stale || existing.version !== l2a.version) return null
  const other = differences(existing.parameters, wanted)
  if (other === '') return `${existing.name} exists with the same parameters`
  // Without a site the request is by hand: then the newest word counts. So it does among requests of one site.
  if (existing.siteId === null || homeId === null || [homeId, siteId].includes(existing.siteId)) return null
  return `${existing.name} was made for site ${existing.site ?? ''} with ${other}; L2A is shared, --force makes it again for all`
}

function freezeParameters(
  settings: SettingsInForce,
  siteId: number | null,
  given: Readonly<Record<string, unknown>>,
  from: SettingOrigin | undefined,
): Pick<L2aPlan, 'parameters' | 'origins' | 'frozen'> {
  const { values, origins, frozen } = freezeSettings(settings, 'l2a', siteId, given, from)
  // A text setting has no null: empty stands for none.
  const orNull = (key: string) => (values[key] === '' ? null : values[key])
  const parsed = l2a.params.safeParse({
    ...values,
    ...{ auxiliary: orNull('auxiliary'), dem: orNull('dem'), cloud_mask: orNull('cloud_mask') },
    coregister: orNull('coregister'),
  })
  if (!parsed.success)
    throw new ProcessingError(
      'BAD_ARGUMENT',
      `Parameters of l2a: ${parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'all'}: ${message}`).join('; ')}.`,
    )
  return { parameters: parsed.data, origins, frozen }
}

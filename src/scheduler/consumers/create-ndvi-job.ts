import type { SettingOrigin } from '../../config/resolve-settings.js'
import { ProcessingError } from '../../domain/errors.js'
import type { NdviStepParams } from '../../domain/step-params.js'
import {
  insertJobRows,
  insertJobsRows,
  type AskedJob,
  type InsertedJob,
  type NewJob,
} from '../../db/jobs/insert-job.js'
import {
  listNdviInputs,
  listNewNdviInputs,
  lockConsumerPlanning,
  type NdviInput,
} from '../../db/jobs/list-ndvi-inputs.js'
import { firstCome } from '../../db/jobs/season-news.js'
import type { Queryable } from '../../db/steps/queryable.js'
import type { Json } from '../../db/types.js'
import { ndvi } from '../../processors/ndvi/definition.js'
import { sizeClassOf, type DeclaredResources } from '../../processors/define-processor.js'
import { differences } from '../differences.js'
import { askedOf, type AskedNews } from '../given-parameters.js'
import { requestScope } from '../request-scope.js'
import { readSettings, type SettingsInForce } from '../settings-in-force.js'
import { freezeConsumer, type FrozenConsumer } from './freeze-consumer.js'
import {
  FULL_TILE_PIXELS,
  madeBy,
  mustSayWhat,
  type ConsumerRequest,
  type CreatedConsumer,
  type SkippedProduct,
} from './consumer-request.js'

/** An L2A product whose NDVI is to be made, with the parameters of the site it is made for. */
export interface PlannedNdvi extends NdviInput, FrozenConsumer {
  /** Name of the L3B product. */
  readonly product: string
}

/** What a request comes to before any row is made. */
export interface NdviPlan extends FrozenConsumer, Pick<CreatedConsumer, 'skipped' | 'tilesWithoutInput'> {
  readonly todo: readonly PlannedNdvi[]
  readonly siteId: number | null
  readonly settings: SettingsInForce
}

/**
 * Which L2A products a request names that lack their NDVI: made never, of another revision, with other parameters or by another version.
 * NDVI belongs to the tile as L2A does (docs/decisions/0008): what another site had made with other parameters is left alone, unless forced.
 * Parameters given win over job settings, these over defaults. Writes nothing.
 * Throws NOT_FOUND for an unknown site, season, product or tile of the site, TILE_UNKNOWN, BAD_ARGUMENT for parameters that the processor refuses or where
 * nothing says what to make.
 */
export async function planNdvi(
  db: Queryable,
  request: Omit<ConsumerRequest, 'createdBy' | 'priority'>,
): Promise<NdviPlan> {
  const { site, parameters: given = {}, parametersFrom: from, ...rest } = request
  const { force = false, untried = false, products, ...filter } = rest
  mustSayWhat(request)
  const { siteId, tiles } = await requestScope(db, { site, season: filter.season, tiles: filter.tiles })
  const settings = await readSettings(db)
  const names = products?.map((name) => name.replace('_L3B_', '_L2A_'))
  const inputs = await listNdviInputs(db, {
    ...filter,
    ...(tiles === undefined ? {} : { tiles }),
    ...(names === undefined ? {} : { names }),
    ...(siteId === null ? {} : { siteId }),
  })
  const unknown = (names ?? []).filter((name) => !inputs.some((input) => input.name === name))
  if (unknown.length > 0 && filter.stale !== true)
    throw new ProcessingError(
      'NOT_FOUND',
      `There is no L2A product ${unknown.join(', ')} that fits. See \`tilth products --level L2A\`.`,
    )
  return planOf(inputs, settings, { siteId, tiles, given, from, force, untried })
}

/** What is left to do of these inputs. Pure. Throws BAD_ARGUMENT for parameters that the processor refuses. */
function planOf(
  inputs: readonly NdviInput[],
  settings: SettingsInForce,
  asked: {
    readonly siteId: number | null
    readonly tiles: readonly string[] | undefined
    readonly given: Readonly<Record<string, unknown>>
    readonly from: SettingOrigin | undefined
    readonly force: boolean
    readonly untried: boolean
  },
): NdviPlan {
  const { siteId, tiles, given, from } = asked
  const ofSite = freezeConsumer(settings, ndvi, siteId, given, from)
  const frozenFor = new Map([[siteId, ofSite]])
  const todo: PlannedNdvi[] = []
  const skipped: SkippedProduct[] = []
  for (const input of inputs) {
    const wanted = frozenFor.get(input.homeId) ?? freezeConsumer(settings, ndvi, input.homeId, given, from)
    frozenFor.set(input.homeId, wanted)
    const product = input.name.replace('_L2A_', '_L3B_')
    const reason = whySkip(input, wanted.parameters, asked)
    if (reason === null) todo.push({ ...input, ...wanted, product })
    else skipped.push({ product, tile: input.tile, reason, ...madeBy(input) })
  }
  const tilesWithoutInput = (tiles ?? []).filter((tile) => !inputs.some((input) => input.tile === tile))
  return { todo, siteId, settings, ...ofSite, skipped, tilesWithoutInput }
}

/** Makes one job of what `planNdvi` finds: a task and a step for each L2A product, parameters and input revision frozen now. Throws as `planNdvi`. */
export async function createNdviJob(db: Queryable, request: ConsumerRequest): Promise<CreatedConsumer> {
  return db.transaction().execute((trx) => createNdviJobRows(trx, request))
}

/** The same within the caller's transaction. */
export async function createNdviJobRows(trx: Queryable, request: ConsumerRequest): Promise<CreatedConsumer> {
  const { priority = 100, createdBy, deadline, ...rest } = request
  await lockConsumerPlanning(trx, 'ndvi')
  const plan = await planNdvi(trx, rest)
  const { parameters, origins, skipped, tilesWithoutInput } = plan
  const said = { parameters, origins, skipped, tilesWithoutInput }
  if (plan.todo.length === 0) return { jobId: null, stepIds: [], ...said }
  const { id, stepIds } = await insertJobRows(
    trx,
    jobOf(plan, { season: rest.season, deadline, priority, createdBy }),
  )
  return { jobId: id, stepIds, ...said }
}

/**
 * Makes the NDVI jobs of the L2A products that are new for many seasons at once, within the caller's transaction: for each a job of what is untried and
 * of no season before it, or null where nothing is left. As many statements as for one.
 */
export async function createNewNdviJobs(
  trx: Queryable,
  news: readonly AskedNews[],
): Promise<(InsertedJob | null)[]> {
  await lockConsumerPlanning(trx, 'ndvi')
  const settings = await readSettings(trx)
  const jobs = (await listNewNdviInputs(trx, firstCome(news))).map((inputs, i): NewJob | null => {
    const { scope, job } = askedOf(news[i])
    const plan = planOf(inputs, settings, { ...scope, force: false, untried: true })
    return plan.todo.length === 0 ? null : jobOf(plan, job)
  })
  const inserted = await insertJobsRows(
    trx,
    jobs.filter((job) => job !== null),
  )
  return jobs.map((job) => (job === null ? null : (inserted.shift() ?? null)))
}

function jobOf({ todo, siteId, settings, frozen, parameters, origins }: NdviPlan, asked: AskedJob): NewJob {
  return {
    processor: ndvi.name,
    siteId,
    ...asked,
    params: { parameters, origins, version: ndvi.version } as Json,
    settings: frozen as Json,
    tasks: todo.map((input) => {
      const params: NdviStepParams = {
        product: input.product,
        input: { name: input.name, location: input.location },
        parameters: input.parameters,
        parameter_origins: input.origins,
      }
      return {
        tile: input.tile,
        acquisitionId: null,
        siteId: input.homeId,
        params: params as Json,
        inputs: [input],
        ...(input.homeId === siteId ? {} : { settings: input.frozen as Json }),
        ...declareNdvi(input, settings, input.homeId),
      }
    }),
  }
}

/** What the NDVI step of an L2A product declares for its size and the threads that its site would give it. */
export function declareNdvi(
  { pixels, satellite }: Pick<NdviInput, 'pixels' | 'satellite'>,
  settings: SettingsInForce,
  siteId: number | null,
): DeclaredResources & { readonly sizeClass: string } {
  const threads = settings.ofProcessor(ndvi.name, 'tile_threads_hint', siteId, 2)
  const size = { pixels: pixels ?? FULL_TILE_PIXELS[satellite], bands: 2, threads }
  return { ...ndvi.resources(size), sizeClass: sizeClassOf(size) }
}

/** Why an L2A product is left out, or null. A step that is open is never doubled, not even by force: both would publish the same product. */
function whySkip(
  { existing, open, failed, homeId, revision, name, staleReason }: NdviInput,
  wanted: Readonly<Record<string, unknown>>,
  asked: { readonly force: boolean; readonly untried: boolean; readonly siteId: number | null },
): string | null {
  if (open !== null) {
    const other = differences(open.parameters, wanted)
    if (other === '' && open.revision === revision) return `step ${open.step} does it already`
    return `step ${open.step} makes it ${other === '' ? 'of an older revision' : `with ${other}`}: ask again when it has ended, or cancel it`
  }
  if (asked.force) return null
  if (asked.untried && failed !== null && existing?.isOfThis !== true)
    return `step ${failed.step} ended without it (${failed.code ?? 'cancelled'}); \`tilth retry ${failed.step}\` tries it again`
  if (existing === null) return null
  if (existing.removed !== null)
    return `${existing.name} was removed (${existing.removed}); --force makes it again`
  if (existing.version !== ndvi.version || !existing.isOfThis) return null
  const other = differences(existing.parameters, wanted)
  if (other === '')
    return (
      `${existing.name} exists with the same parameters` +
      (staleReason === null ? '' : `; it is stale because ${name} is: make that again first`)
    )
  // Without a site the request is by hand: then the newest word counts. So it does among requests of one site.
  if (existing.siteId === null || homeId === null || [homeId, asked.siteId].includes(existing.siteId))
    return null
  return `${existing.name} was made for site ${existing.site ?? ''} with ${other}; it is shared, --force makes it again for all`
}

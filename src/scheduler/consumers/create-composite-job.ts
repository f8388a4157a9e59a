import { isCalendarDay } from '../../domain/calendar-day.js'
import { ProcessingError } from '../../domain/errors.js'
import type { CompositeStepParams } from '../../domain/step-params.js'
import { synthesisWindow } from '../../domain/synthesis.js'
import { insertJobRows } from '../../db/jobs/insert-job.js'
import {
  listCompositeCandidates,
  listCompositeStandings,
  listCompositeTiles,
  listStaleComposites,
  seasonDays,
  type CompositeCandidate,
  type CompositeStanding,
  type CompositeTile,
} from '../../db/jobs/list-composite-inputs.js'
import { listCompositeGaps } from '../../db/jobs/list-composite-gaps.js'
import { lockConsumerPlanning } from '../../db/jobs/list-ndvi-inputs.js'
import type { Queryable } from '../../db/steps/queryable.js'
import type { Json } from '../../db/types.js'
import { composite } from '../../processors/composite/definition.js'
import { sizeClassOf, type DeclaredResources } from '../../processors/define-processor.js'
import { differences } from '../differences.js'
import { requestScope } from '../request-scope.js'
import { readSettings, type SettingsInForce } from '../settings-in-force.js'
import { compositeName, monthlyDays, parseComposite, type NamedComposite } from './composite-names.js'
import {
  FULL_TILE_PIXELS,
  madeBy,
  mustSayWhat,
  type ConsumerRequest,
  type CreatedConsumer,
  type SkippedProduct,
} from './consumer-request.js'
import { freezeConsumer, type FrozenConsumer } from './freeze-consumer.js'

export interface CompositeRequest extends ConsumerRequest {
  /** Synthesis days, YYYY-MM-DD. Without them the 15th of each month of the season, cut to `from` and `to`. */
  readonly days?: readonly string[]
}

/** A composite that is to be made, with the parameters of the site it is made for. */
export interface PlannedComposite extends CompositeTile, FrozenConsumer {
  /** Its name. */
  readonly product: string
  readonly day: string
  /** By name. */
  readonly inputs: readonly CompositeCandidate[]
}

/** What a request comes to before any row is made. */
export interface CompositePlan
  extends FrozenConsumer, Pick<CreatedConsumer, 'skipped' | 'tilesWithoutInput'> {
  readonly todo: readonly PlannedComposite[]
  readonly siteId: number | null
  readonly settings: SettingsInForce
}

type Wanted = CompositeTile & NamedComposite & { readonly frozen: FrozenConsumer }

/**
 * Which composites a request names that lack or are made of other products than there are now: never made, of other inputs or revisions, with other
 * parameters, or by another version. All L2A that counts in the window is an input, whichever platform and orbit. A composite of which an
 * input was removed is not made again of what is left, unless forced. Writes nothing.
 * Throws NOT_FOUND for an unknown site, season or tile of the site, TILE_UNKNOWN, BAD_ARGUMENT for parameters, days or names that make no sense or where nothing says
 * what to make.
 */
export async function planComposite(
  db: Queryable,
  request: Omit<CompositeRequest, 'createdBy' | 'priority'>,
): Promise<CompositePlan> {
  const { site, season, parameters: given = {}, parametersFrom: from } = request
  const { force = false, untried = false } = request
  mustSayWhat(request)
  const { siteId, tiles } = await requestScope(db, { site, season, tiles: request.tiles })
  const settings = await readSettings(db)
  const ofSite = freezeConsumer(settings, composite, siteId, given, from)
  const wanted = await wantedComposites(db, request, { siteId, tiles, settings, ofSite })
  const windows = wanted.map(synthesisWindow)
  const candidates =
    windows.length === 0
      ? []
      : await listCompositeCandidates(db, {
          tiles: [...new Set(wanted.map(({ tile }) => tile))],
          from: new Date(Math.min(...windows.map(({ from }) => from.getTime()))),
          to: new Date(Math.max(...windows.map(({ to }) => to.getTime()))),
        })
  const ofTile = new Map<string, CompositeCandidate[]>()
  for (const c of candidates) {
    const key = `${c.satellite} ${c.tile}`
    ofTile.set(key, [...(ofTile.get(key) ?? []), c])
  }
  const standings = await listCompositeStandings(
    db,
    wanted.map(({ name }) => name),
  )
  const todo: PlannedComposite[] = []
  const skipped: SkippedProduct[] = []
  const withInput = new Set<string>()
  for (const [i, one] of wanted.entries()) {
    const { from, to } = synthesisWindow(one)
    const inputs = (ofTile.get(`${one.satellite} ${one.tile}`) ?? []).filter(
      ({ sensedAt }) => sensedAt >= from && sensedAt <= to,
    )
    const standing = standings[i]
    if (standing === undefined) throw new ProcessingError('INTERNAL', `No standing of ${one.name}.`)
    if (inputs.length > 0) withInput.add(one.tile)
    else if (standing.existing === null) continue
    const asked = { force, untried, siteId, homeId: one.homeId }
    const reason = whySkip(standing, inputs, one.frozen.parameters, asked)
    if (reason === null) todo.push({ ...one.frozen, product: one.name, inputs, ...placeOf(one) })
    else skipped.push({ product: one.name, tile: one.tile, reason, ...madeBy(standing) })
  }
  const all = [...new Set([...(tiles ?? []), ...wanted.map(({ tile }) => tile)])]
  const tilesWithoutInput = all.filter((tile) => !withInput.has(tile))
  return { todo, siteId, settings, ...ofSite, skipped, tilesWithoutInput }
}

const halfDaysOf = ({ parameters }: Pick<FrozenConsumer, 'parameters'>): number =>
  Number(parameters['half_days'])

const placeOf = ({ satellite, tile, homeId, day }: Wanted) => ({ satellite, tile, homeId, day })

/** Every composite that the request names, whether there is anything to make it of or not. */
async function wantedComposites(
  db: Queryable,
  request: Omit<CompositeRequest, 'createdBy' | 'priority'>,
  scope: {
    readonly siteId: number | null
    readonly tiles: readonly string[] | undefined
    readonly settings: SettingsInForce
    readonly ofSite: FrozenConsumer
  },
): Promise<Wanted[]> {
  const { siteId, settings, ofSite } = scope
  const { parameters: given = {}, parametersFrom: from } = request
  const byName = request.products !== undefined || request.stale === true
  const names = byName ? await askedNames(db, request, scope.tiles ?? null) : []
  const own = await listCompositeTiles(db, {
    siteId,
    tiles: scope.tiles ?? (byName && siteId === null ? names.map(({ tile }) => tile) : null),
  })
  const frozenFor = new Map([[siteId, ofSite]])
  const freeze = (homeId: number | null, halfDays?: number): FrozenConsumer => {
    const known = frozenFor.get(homeId) ?? freezeConsumer(settings, composite, homeId, given, from)
    frozenFor.set(homeId, known)
    // A name says its window; no setting changes that.
    return halfDays === undefined || known.parameters['half_days'] === halfDays
      ? known
      : freezeConsumer(settings, composite, homeId, { ...given, half_days: halfDays }, from)
  }
  if (byName)
    return names.flatMap((named) => {
      const home = own.find(({ satellite, tile }) => satellite === named.satellite && tile === named.tile)
      // Of a site: what lies in its tiles. Without one a tile may have lost all its L2A.
      if (home === undefined && siteId !== null) return []
      const homeId = home?.homeId ?? null
      return [{ ...named, homeId, frozen: freeze(homeId, named.halfDays) }]
    })
  const days = await synthesisDays(db, request, siteId)
  return own.flatMap(({ satellite, tile, homeId }) => {
    const frozen = freeze(homeId)
    const halfDays = halfDaysOf(frozen)
    return days.map((day): Wanted => {
      const name = compositeName({ satellite, tile, day, halfDays })
      return { name, satellite, tile, homeId, day, halfDays, frozen }
    })
  })
}

async function askedNames(
  db: Queryable,
  { products, stale, days, from, to }: Omit<CompositeRequest, 'createdBy' | 'priority'>,
  tiles: readonly string[] | null,
): Promise<NamedComposite[]> {
  const staleNames = stale === true ? await listStaleComposites(db, tiles) : null
  const asked = products?.filter((name) => staleNames?.includes(name) ?? true) ?? staleNames ?? []
  return [...new Set(asked)]
    .map(parseComposite)
    .filter(({ tile }) => tiles?.includes(tile) ?? true)
    .filter(({ day }) => (days?.includes(day) ?? true) && day >= (from ?? day) && day <= (to ?? day))
}

async function synthesisDays(
  db: Queryable,
  { days, season, from, to }: Omit<CompositeRequest, 'createdBy' | 'priority'>,
  siteId: number | null,
): Promise<readonly string[]> {
  const wrong = days?.find((day) => !isCalendarDay(day))
  if (wrong !== undefined)
    throw new ProcessingError('BAD_ARGUMENT', `'${wrong}': expected an existing day YYYY-MM-DD.`)
  const span = season === undefined || siteId === null ? undefined : await seasonDays(db, { siteId, season })
  const first = [span?.from, from]
    .filter((day) => day !== undefined)
    .sort()
    .at(-1)
  const last = [span?.to, to]
    .filter((day) => day !== undefined)
    .sort()
    .at(0)
  if (days !== undefined)
    return [...new Set(days)].filter((day) => day >= (first ?? day) && day <= (last ?? day)).sort()
  if (first === undefined || last === undefined)
    throw new ProcessingError(
      'BAD_ARGUMENT',
      'Say around which days: give synthesis days, or a season or both ends of a span, of which the 15th of each month is taken.',
    )
  return monthlyDays(first, last)
}

/**
 * Makes one job of what `planComposite` finds: a task and a step for each composite; parameters, input revisions and what is missing in its
 * window frozen now. Throws as `planComposite`.
 */
export async function createCompositeJob(db: Queryable, request: CompositeRequest): Promise<CreatedConsumer> {
  return db.transaction().execute((trx) => createCompositeJobRows(trx, request))
}

/** The same within the caller's transaction. */
export async function createCompositeJobRows(
  trx: Queryable,
  request: CompositeRequest,
): Promise<CreatedConsumer> {
  const { priority = 100, createdBy, deadline, ...rest } = request
  await lockConsumerPlanning(trx, 'composite')
  const { todo, siteId, settings, frozen, ...plan } = await planComposite(trx, rest)
  const { parameters, origins, skipped, tilesWithoutInput } = plan
  const said = { parameters, origins, skipped, tilesWithoutInput }
  if (todo.length === 0) return { jobId: null, stepIds: [], ...said }
  const gaps = await listCompositeGaps(
    trx,
    todo.map((one) => ({ ...one, ...synthesisWindow({ day: one.day, halfDays: halfDaysOf(one) }) })),
  )
  const { id, stepIds } = await insertJobRows(trx, {
    processor: composite.name,
    siteId,
    season: request.season,
    deadline,
    params: { parameters, origins, version: composite.version } as Json,
    settings: frozen as Json,
    priority,
    createdBy,
    tasks: todo.map((one, i) => {
      const params: CompositeStepParams = {
        product: one.product,
        day: one.day,
        inputs: one.inputs.map(({ name, location }) => ({ name, location })),
        gaps: [...(gaps[i] ?? [])],
        parameters: one.parameters,
        parameter_origins: one.origins,
      }
      return {
        tile: one.tile,
        acquisitionId: null,
        siteId: one.homeId,
        params: params as Json,
        inputs: one.inputs,
        ...(one.frozen === frozen ? {} : { settings: one.frozen as Json }),
        ...declareComposite(one, settings),
      }
    }),
  })
  return { jobId: id, stepIds, ...said }
}

/** What the step of a composite declares for its size and the threads that its site would give it. */
export function declareComposite(
  { inputs, satellite, homeId }: Pick<PlannedComposite, 'inputs' | 'satellite' | 'homeId'>,
  settings: SettingsInForce,
): DeclaredResources & { readonly sizeClass: string } {
  const threads = settings.ofProcessor(composite.name, 'tile_threads_hint', homeId, 4)
  const known = inputs.flatMap(({ pixels }) => pixels ?? [])
  const pixels = known.length > 0 ? Math.max(...known) : FULL_TILE_PIXELS[satellite]
  const size = { pixels, bands: satellite === 's2' ? 10 : 7, threads }
  return { ...composite.resources(size), sizeClass: sizeClassOf(size) }
}

/** Why a composite is left out, or null. A step that is open is never doubled, not even by force: both would publish the same product. */
function whySkip(
  { name, existing, open, failed }: CompositeStanding,
  inputs: readonly CompositeCandidate[],
  wanted: Readonly<Record<string, unknown>>,
  asked: {
    readonly force: boolean
    readonly untried: boolean
    readonly siteId: number | null
    readonly homeId: number | null
  },
): string | null {
  const now = inputs.map(({ productId, revision }) => `${productId}:${revision}`)
  const isOf = (then: readonly string[]) =>
    then.length === now.length && now.every((key) => then.includes(key))
  if (open !== null) {
    const other = differences(open.parameters, wanted)
    if (other === '' && isOf(open.inputs)) return `step ${open.step} does it already`
    return `step ${open.step} makes it ${other === '' ? 'of other dates or revisions' : `with ${other}`}: ask again when it has ended, or cancel it`
  }
  if (inputs.length === 0) return 'no L2A product is left in its window'
  if (asked.force) return null
  if (
    asked.untried &&
    failed !== null &&
    isOf(failed.inputs) &&
    differences(failed.parameters, wanted) === '' &&
    !isOf(existing?.inputs ?? [])
  )
    return `step ${failed.step} ended without it (${failed.code ?? 'cancelled'}); \`tilth retry ${failed.step}\` tries it again`
  if (existing === null) return null
  if (existing.removed !== null) return `${name} was removed (${existing.removed}); --force makes it again`
  if (existing.gone.length > 0)
    return `${name} was made of ${existing.gone.join(', ')}, which ${existing.gone.length === 1 ? 'was' : 'were'} removed; --force makes it again of what is left`
  if (existing.version !== composite.version || !isOf(existing.inputs)) return null
  const other = differences(existing.parameters, wanted)
  if (other === '')
    return (
      `${name} exists with the same parameters and inputs` +
      (existing.staleReason === null
        ? ''
        : `; it is stale because ${existing.staleReason}: make that again first`)
    )
  // Without a site the request is by hand: then the newest word counts. So it does among requests of one site.
  if (
    existing.siteId === null ||
    asked.homeId === null ||
    [asked.homeId, asked.siteId].includes(existing.siteId)
  )
    return null
  return `${name} was made for site ${existing.site ?? ''} with ${other}; it is shared, --force makes it again for all`
}

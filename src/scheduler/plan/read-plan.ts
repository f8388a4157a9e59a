import { listSteps } from '../../db/jobs/list-steps.js'
import { listBlockedSteps } from '../../db/plan/list-blocked-steps.js'
import { listRunningKinds } from '../../db/plan/list-running-kinds.js'
import { readProductSizes } from '../../db/plan/read-product-sizes.js'
import type { ReadyStep } from '../../db/steps/list-ready-steps.js'
import { listRunningSteps } from '../../db/steps/list-running-steps.js'
import type { Queryable } from '../../db/steps/queryable.js'
import type { Candidate, Capacity } from '../admission.js'
import { runsAt } from '../admit-round.js'
import { asCandidate } from '../grant-resources.js'
import { grantOf, Granter } from '../granter.js'
import { inQueueOrder } from '../queue-order.js'
import { listReadyWithinQuota } from '../quota.js'
import { readExpectedCosts } from './expected-cost.js'
import { forecast, type Expected } from './forecast.js'
import {
  planned as plannedWork,
  type PlannableProcessor,
  type PlannedStep,
  type PlanRequest,
  type SkippedWork,
} from './planned-work.js'

export interface PlanRow {
  /** In the order in which they would start, from 1. */
  readonly place: number
  /** Null for products made of products. */
  readonly acquisitionId: number | null
  readonly satellite: 's2' | 'landsat'
  readonly tile: string
  /** Whose settings it would run with: the site asked for, or one of its sub-sites. */
  readonly site: string | null
  /** Of the acquisition, or of the product that would be made. */
  readonly name: string
  /** Seconds from now; null where it could never start. */
  readonly startS: number | null
  readonly endS: number | null
  readonly threads: number | null
  readonly cpuS: number
  /** `measured over 12`, `measured over 12 of other sizes`, `assumed`. */
  readonly cpuFrom: string
  readonly memoryMb: number
  /** As `tilth show` says it of a step that was admitted. */
  readonly memoryFrom: string
  /** Of the product; where none of the kind was ever made, what the step declares for all of its files. */
  readonly bytes: number
  readonly bytesFrom: 'measured' | 'declared'
  /** Why it could never start, in words. */
  readonly reason: string | null
}

/** A step in the queue that makes something of what was asked for already, for this or another site. */
export interface StepUnderWay {
  readonly step: number
  readonly site: string | null
  readonly tile: string | null
  readonly state: string
  readonly executor: string
  readonly node: string | null
  /** Seconds from now; null where it runs or will run elsewhere. */
  readonly startS: number | null
  readonly endS: number | null
}

export interface SitePlan {
  readonly rows: readonly PlanRow[]
  readonly underWay: readonly StepUnderWay[]
  readonly skipped: readonly SkippedWork[]
  readonly tilesWithoutInput: readonly string[]
  readonly capacity: Capacity
  /** Steps that are in the queue of this host already, of any site. */
  readonly queued: number
  /** Seconds until the last of `rows` ends, beside what is in the queue; null where one could never start. */
  readonly endS: number | null
  /** The same with nothing else in the queue. */
  readonly aloneS: number | null
  readonly cpuS: number
  readonly peakMemoryMb: number
  readonly bytes: number
}

/** Steps in the queue that a plan looks at. */
const LOOKED_AT = 10_000

/**
 * What a job of the site for a processor would run now, among what is in the queue already. The order is the scheduler's own: fairness, priority, age and deadlines
 * as they stand now, played through the admission of this host, dates of a chain one after the other. Each step, queued ones too, takes
 * what `readExpectedCosts` says of its own processor; disk is the mean size of the products that there are. Writes nothing. Throws as the planner of the processor.
 */
export async function readPlan(
  db: Queryable,
  request: PlanRequest,
  {
    node,
    processor = 'l2a',
    priority = 100,
  }: { readonly node: string; readonly processor?: PlannableProcessor; readonly priority?: number },
): Promise<SitePlan> {
  const { todo, skipped, tilesWithoutInput, settings, level } = await plannedWork(db, processor, request)
  const sizes = await readProductSizes(db, level)
  const place = { executor: 'local', node }
  const all = await listRunningSteps(db)
  const running = all.filter((row) => runsAt(place, row))
  const kinds = await listRunningKinds(
    db,
    running.map(({ id }) => id),
  )
  const { ready } = await listReadyWithinQuota(db, settings, all, { executor: 'local', limit: LOOKED_AT })
  const blocked = await listBlockedSteps(db, { executor: 'local', limit: LOOKED_AT })
  const made = todo.map((input, i) => asReady(input, i, processor, priority))
  const waiting: readonly ReadyStep[] = [...ready, ...blocked, ...made]
  const granter = new Granter()
  const granted = await granter.grant(db, waiting, settings, 'local')
  const costOf = await readExpectedCosts(db, [...kinds, ...waiting])
  const behind = new Map([
    ...blocked.flatMap(({ id, behind: last }) => (last === null ? [] : ([[id, last]] as const))),
    ...chainsOf(todo, made),
  ])
  const ordered = await inQueueOrder(db, waiting, settings, granter)
  const expected = ordered.map((step): Expected<Candidate> => {
    const last = behind.get(step.id)
    const candidate = asCandidate(step, grantOf(granted, step))
    return { step: candidate, cpuS: costOf(step).cpuS, ...(last === undefined ? {} : { behind: last }) }
  })
  const busy = running.map((step) => {
    const kind = kinds.find(({ id }) => id === step.id)
    return { step, cpuS: kind === undefined ? 0 : costOf(kind).cpuS * (1 - kind.progress) }
  })
  const capacity = settings.capacity()
  const played = forecast(busy, expected, capacity, settings.caps())
  const isMade = ({ step }: Expected<Candidate>) => step.id < 0
  const alone = forecast([], expected.filter(isMade), capacity, settings.caps())
  const seen = new Map(played.rows.map((row) => [row.id, row]))
  const stuck = new Map(played.stuck.map(({ id, reason }) => [id, reason]))
  const places = new Map(ordered.map(({ id }, i) => [id, i]))
  const rows = made
    .flatMap((step, i) => {
      const input = todo[i]
      return input === undefined ? [] : [{ step, input, row: seen.get(step.id) }]
    })
    .sort(
      (a, b) =>
        (a.row?.startS ?? Infinity) - (b.row?.startS ?? Infinity) ||
        (places.get(a.step.id) ?? 0) - (places.get(b.step.id) ?? 0),
    )
    .map(({ step, input, row }, i): PlanRow => {
      const { acquisitionId, satellite, tile, name, homeId } = input
      const { cpuS, from } = costOf(step)
      const grant = grantOf(granted, step)
      const size = sizes.find((one) => one.satellite === satellite)?.bytes
      return {
        place: i + 1,
        ...{ acquisitionId, satellite, tile, name },
        site: settings.caps().lineage(homeId)[0] ?? null,
        startS: row?.startS ?? null,
        endS: row?.endS ?? null,
        threads: row?.threads ?? null,
        ...{ cpuS, cpuFrom: from, memoryMb: grant.memory_mb, memoryFrom: grant.memory_from },
        bytes: size ?? step.diskMb * 2 ** 20,
        bytesFrom: size === undefined ? 'declared' : 'measured',
        reason: stuck.get(step.id) ?? null,
      }
    })
  const ids = skipped.flatMap(({ step }) => step ?? [])
  const underWay = (await listSteps(db, { ids, limit: ids.length })).map(
    ({ id, site, tile, state, executor, node: at }): StepUnderWay => ({
      ...{ step: id, site, tile, state, executor, node: at },
      startS: seen.get(id)?.startS ?? null,
      endS: seen.get(id)?.endS ?? null,
    }),
  )
  return {
    ...{ rows, underWay, skipped, tilesWithoutInput, capacity },
    queued: running.length + ready.length + blocked.length,
    endS: lastOf(rows.map(({ endS }) => endS)),
    aloneS: alone.rows.length < rows.length ? null : alone.endS,
    cpuS: rows.reduce((sum, { cpuS }) => sum + cpuS, 0),
    peakMemoryMb: played.peakMemoryMb,
    bytes: rows.reduce((sum, { bytes }) => sum + bytes, 0),
  }
}

/** A step that is not there yet, as it would be ready now; numbered downwards from -1, so that it is told from those that are. */
function asReady(
  { homeId, tile, declared }: PlannedStep,
  i: number,
  processor: string,
  priority: number,
): ReadyStep {
  const { memoryMb, scratchMb, ioWeight, sizeClass } = declared
  return {
    ...{ id: -1 - i, jobId: 0, processor, siteId: homeId, tile, priority, waitedS: 0 },
    ...{ memoryMb, memoryFloorMb: 0, diskMb: scratchMb, ioWeight, sizeClass },
  }
}

/** By step the one before it in its chain. */
function chainsOf(todo: readonly PlannedStep[], made: readonly ReadyStep[]): Map<number, number> {
  const behind = new Map<number, number>()
  const lastOfChain = new Map<string, number>()
  for (const [i, { chain }] of todo.entries()) {
    const step = made[i]
    if (chain === null || step === undefined) continue
    const last = lastOfChain.get(chain)
    if (last !== undefined) behind.set(step.id, last)
    lastOfChain.set(chain, step.id)
  }
  return behind
}

/** Null where one is: the end of some would be taken for that of all. */
const lastOf = (ends: readonly (number | null)[]): number | null => {
  const known = ends.filter((end) => end !== null)
  return known.length < ends.length ? null : Math.max(0, ...known)
}

import { listBlockedSteps } from '../../db/plan/list-blocked-steps.js'
import { readProductSizes } from '../../db/plan/read-product-sizes.js'
import { readStepCosts } from '../../db/plan/read-step-costs.js'
import { listReadySteps, type ReadyStep } from '../../db/steps/list-ready-steps.js'
import { listRunningSteps } from '../../db/steps/list-running-steps.js'
import { listSteps } from '../../db/jobs/list-steps.js'
import type { Queryable } from '../../db/steps/queryable.js'
import type { Candidate, Capacity } from '../admission.js'
import { planned as plannedWork, type PlannableProcessor, type PlanRequest } from './planned-work.js'
import { asCandidate } from '../grant-resources.js'
import { grantOf, Granter } from '../granter.js'
import { forecast, type Expected } from './forecast.js'

export interface PlanRow {
  /** Place in the order of the queue, from 1. */
  readonly place: number
  /** Null for products made of products. */
  readonly acquisitionId: number | null
  readonly satellite: 's2' | 'landsat'
  readonly tile: string
  /** Of the acquisition, or of the product that would be made. */
  readonly name: string
  /** Seconds from now; null where no cost is known, or it could never start. */
  readonly startS: number | null
  readonly endS: number | null
  readonly threads: number | null
  readonly memoryMb: number
  /** Estimates; null where nothing of the kind was ever made. */
  readonly cpuS: number | null
  readonly bytes: number | null
  /** Why it could never start, in words. */
  readonly reason: string | null
}

export interface SitePlan {
  readonly rows: readonly PlanRow[]
  /** What needs no step, and why. */
  readonly skipped: readonly { readonly tile: string; readonly reason: string }[]
  readonly tilesWithoutInput: readonly string[]
  readonly capacity: Capacity
  /** Steps that are in the queue already, of any site, and come first. */
  readonly ahead: number
  /** Seconds until the last of `rows` ends; null where the cost of one is not known. */
  readonly endS: number | null
  readonly cpuS: number | null
  readonly peakMemoryMb: number
  readonly bytes: number | null
  /** Steps of which the estimates are made. */
  readonly samples: number
}

/** Steps in the queue that a plan looks at. */
const LOOKED_AT = 10_000

/**
 * What a job of the site for a processor would run now, in the order in which the queue would take it, behind what is in the queue already. Time is
 * the median CPU time of recent steps for the same satellite, played through the admission of this host, dates of a chain one after the other; disk the mean size of the
 * products that there are. Writes nothing. Throws as the planner of the processor.
 */
export async function readPlan(
  db: Queryable,
  request: PlanRequest,
  { node, processor = 'l2a' }: { readonly node: string; readonly processor?: PlannableProcessor },
): Promise<SitePlan> {
  const { todo, skipped, tilesWithoutInput, settings, level } = await plannedWork(db, processor, request)
  const costs = await readStepCosts(db, processor)
  const sizes = await readProductSizes(db, level)
  const costOf = (satellite: string) => costs.find((c) => c.satellite === satellite)?.cpuS ?? null
  const mean = costs.length === 0 ? null : costs.reduce((sum, c) => sum + c.cpuS, 0) / costs.length
  const running = (await listRunningSteps(db)).filter((row) => row.executor === 'local' && row.node === node)
  const progress = new Map(
    (await listSteps(db, { ids: running.map(({ id }) => id), limit: LOOKED_AT })).map((s) => [
      s.id,
      s.progress,
    ]),
  )
  const ready = await listReadySteps(db, { executor: 'local', limit: LOOKED_AT })
  // Steps that are not there yet: numbered downwards from -1, so that they are told from those that are.
  const declared = todo.map((input, i): ReadyStep => {
    const { scratchMb, ...needs } = input.declared
    const { memoryMb, ioWeight, sizeClass } = needs
    const step = {
      id: -1 - i,
      jobId: 0,
      processor,
      siteId: input.homeId,
      tile: input.tile,
      priority: 100,
      waitedS: 0,
    }
    return { ...step, memoryMb, memoryFloorMb: 0, diskMb: scratchMb, ioWeight, sizeClass }
  })
  const blocked = await listBlockedSteps(db, { executor: 'local', limit: LOOKED_AT })
  const granted = await new Granter().grant(db, [...ready, ...blocked, ...declared], settings, 'local')
  const candidate = (step: ReadyStep) => asCandidate(step, grantOf(granted, step))
  const lastOf = new Map<string, number>()
  const planned = todo.flatMap((input, i): Expected<Candidate>[] => {
    const step = declared[i]
    if (step === undefined) return []
    const behind = input.chain === null ? undefined : lastOf.get(input.chain)
    if (input.chain !== null) lastOf.set(input.chain, step.id)
    const cpuS = costOf(input.satellite) ?? mean ?? 0
    return [{ step: candidate(step), cpuS, ...(behind === undefined ? {} : { behind }) }]
  })
  const queued: Expected<Candidate>[] = [
    ...ready.map((step) => ({ step: candidate(step), cpuS: mean ?? 0 })),
    ...blocked.map((step) => ({
      ...{ step: candidate(step), cpuS: mean ?? 0 },
      ...(step.behind === null ? {} : { behind: step.behind }),
    })),
  ]
  const busy = running.map((step) => ({ step, cpuS: (mean ?? 0) * (1 - (progress.get(step.id) ?? 0)) }))
  const capacity = settings.capacity()
  const played = forecast(busy, [...queued, ...planned], capacity, settings.caps())
  const seen = new Map(played.rows.map((row) => [row.id, row]))
  const stuck = new Map(played.stuck.map(({ id, reason }) => [id, reason]))
  const rows = todo.map((input, i): PlanRow => {
    const cpuS = costOf(input.satellite)
    const row = cpuS === null ? undefined : seen.get(-1 - i)
    return {
      place: i + 1,
      acquisitionId: input.acquisitionId,
      satellite: input.satellite,
      tile: input.tile,
      name: input.name,
      startS: row?.startS ?? null,
      endS: row?.endS ?? null,
      threads: row?.threads ?? null,
      memoryMb: planned[i]?.step.memoryMb ?? 0,
      cpuS,
      bytes: sizes.find(({ satellite }) => satellite === input.satellite)?.bytes ?? null,
      reason: stuck.get(-1 - i) ?? null,
    }
  })
  return {
    ...{
      rows,
      skipped,
      tilesWithoutInput,
      capacity,
      ahead: running.length + ready.length + blocked.length,
      peakMemoryMb: played.peakMemoryMb,
    },
    endS: allOf(
      rows,
      ({ endS }) => endS,
      (values) => Math.max(0, ...values),
    ),
    cpuS: allOf(rows, ({ cpuS }) => cpuS, total),
    bytes: allOf(rows, ({ bytes }) => bytes, total),
    samples: costs.reduce((sum, { samples }) => sum + samples, 0),
  }
}

const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0)

/** A sum or maximum only where every row has the value: half a sum would be taken for the whole. */
function allOf(
  rows: readonly PlanRow[],
  of: (row: PlanRow) => number | null,
  combine: (values: readonly number[]) => number,
): number | null {
  const values = rows.map(of)
  return values.every((value) => value !== null) ? combine(values) : null
}

import type { StepRow } from '../db/jobs/list-steps.js'
import { listRunningSteps } from '../db/steps/list-running-steps.js'
import type { Queryable } from '../db/steps/queryable.js'
import { readObstacles, type StepObstacles } from '../db/steps/read-obstacles.js'
import { admitRound, runsAt } from './admit-round.js'
import { asCandidate } from './grant-resources.js'
import { grantOf, Granter } from './granter.js'
import { memoryLeft } from './memory-left.js'
import { getNodeObstacle, heldSlots } from './nodes.js'
import { readStalls, spreadFrom } from './pressure.js'
import { inQueueOrder } from './queue-order.js'
import { listReadyWithinQuota } from './quota.js'
import { readSettings } from './settings-in-force.js'
import { lookAtStorage, type ProveRoots } from './storage-fault.js'

/** The host from which is asked: slots, memory and disks are its own. */
export interface AskingHost {
  readonly node: string
  readonly proveRoots: ProveRoots
}

/** How far down the queue admission is asked; a step beyond waits behind that many. */
const LOOKED_AT = 10_000
const SHOWN_PREDECESSORS = 5

/** Answers for any number of steps, looking at queue, settings and disks once. */
export interface WaitingRoom {
  /**
   * Why a blocked or ready step does not run, in words, most telling first; empty for a step that does not wait. The same
   * admission as the scheduler's is asked, so the answer is what the next round of a scheduler on this host would find.
   */
  why(step: StepRow): Promise<readonly string[]>
}

export function openWaitingRoom(db: Queryable, host: AskingHost): WaitingRoom {
  const admissions = new Map<string, Promise<(id: number) => string>>()
  return {
    why: async (step) => {
      if (step.state !== 'ready' && step.state !== 'blocked') return []
      const obstacles = await readObstacles(db, step.id)
      if (obstacles === undefined) return []
      const found = describeObstacles(step, obstacles)
      if (found.length > 0) return found
      const asked = admissions.get(step.executor) ?? askAdmission(db, step.executor, host)
      admissions.set(step.executor, asked)
      return [(await asked)(step.id)]
    },
  }
}

/** What admission says to each step that nothing of its own holds back. */
async function askAdmission(
  db: Queryable,
  executor: string,
  { node, proveRoots }: AskingHost,
): Promise<(id: number) => string> {
  const held = await getNodeObstacle(db, executor === 'slurm' ? slurmNode(node) : node)
  if (held !== null) return () => held
  const settings = await readSettings(db)
  const { fault, freeMb } = await lookAtStorage(proveRoots, settings.resolve('storage.min_free_mb').value)
  if (fault !== null) return () => fault
  const running = await listRunningSteps(db)
  const { ready: listed, over } = await listReadyWithinQuota(db, settings, running, {
    executor,
    limit: LOOKED_AT,
  })
  const granter = new Granter()
  const granted = await granter.grant(db, listed, settings, executor)
  const ready = await inQueueOrder(db, listed, settings, granter)
  const place = { executor, node }
  const capacity = settings.capacity()
  const { start, waiting } = admitRound(
    // How much waits in a cluster already only its own scheduler knows: beside caps nothing else can be told from here.
    { place, room: executor === 'slurm' ? Infinity : undefined },
    running,
    ready.map((step) => asCandidate(step, grantOf(granted, step))),
    {
      ...capacity,
      ...(freeMb === null ? {} : { diskMb: freeMb }),
      ...memoryLeft(settings),
      held: await heldSlots(db, node),
    },
    settings.caps(),
  )
  const here = running.filter((step) => runsAt(place, step)).length
  const limits = settings.pressureLimits()
  const later = new Set(
    start.slice(Math.max(0, spreadFrom(capacity.slots, readStalls(), limits) - here)).map(({ id }) => id),
  )
  const places = new Map(ready.map(({ id }, i) => [id, i]))
  const reasons = new Map(waiting.map(({ id, reason }) => [id, reason]))
  const quotas = new Map(over.map(({ id, reason }) => [id, reason]))
  return (id) => {
    const quota = quotas.get(id)
    if (quota !== undefined) return quota
    const ahead = places.get(id)
    if (ahead === undefined) return `more than ${ready.length} steps are ahead of it`
    const reason = reasons.get(id)
    if (reason === undefined && executor !== 'slurm' && later.has(id))
      return (
        `it may start within some seconds: starts are spread, and after each ${limits.intervalS} s (pressure.interval_s) without stalls more follow; ` +
        'if it stays so, is `tilth up` running?'
      )
    if (reason === undefined)
      return executor === 'slurm'
        ? 'it may be handed to Slurm now: no scheduler has done so yet, is `tilth up` running, and what does `tilth slurm check` say?'
        : 'it may start now: no scheduler has taken it yet, is `tilth up` running?'
    return ahead === 0 ? reason : `${reason}; steps ahead of it: ${ahead}`
  }
}

/** Under which a scheduler that hands steps to Slurm is known among the nodes: beside the one that runs steps on the same host. */
export const slurmNode = (node: string): string => `${node}:slurm`

/** Pure part of the answer: what the step's own rows say. */
export function describeObstacles(
  step: Pick<StepRow, 'id' | 'job_id' | 'site' | 'failures' | 'error_code'>,
  { predecessors, isPaused, isJobPaused, pausedSeason, pausedSites, readyInS }: StepObstacles,
): readonly string[] {
  const found: string[] = []
  if (predecessors.length > 0) {
    const shown = predecessors
      .slice(0, SHOWN_PREDECESSORS)
      .map(
        ({ id, state, isOfChain }) =>
          `step ${id} (${state}${isOfChain ? ', an earlier date of its chain' : ''})`,
      )
    const more = predecessors.length - shown.length
    found.push(`waits for ${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`)
  }
  if (isPaused) found.push(`step ${step.id} is paused`)
  if (isJobPaused) found.push(`job ${step.job_id} is paused`)
  if (pausedSeason !== null) found.push(`season ${pausedSeason} is paused`)
  for (const slug of pausedSites)
    found.push(slug === step.site ? `site ${slug} is paused` : `parent site ${slug} is paused`)
  if (readyInS > 0) {
    const why = step.error_code === null ? '' : ` after failure ${step.failures} (${step.error_code})`
    found.push(`the next attempt${why} may start in ${Math.ceil(readyInS)} s`)
  }
  return found
}

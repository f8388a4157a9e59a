import { listRootObstacles } from '../../db/why/list-root-obstacles.js'
import { listProductsOfStep, listStepEvents, listSteps, type StepRow } from '../../db/jobs/list-steps.js'
import type { Queryable } from '../../db/steps/queryable.js'
import type { JobWithDeadline } from '../deadlines.js'
import { openWaitingRoom, type AskingHost, type WaitingRoom } from '../why-waiting.js'
import { explain, remedyOf, when, type Explanation } from './explanation.js'

/** How many steps at the far end of a chain of waiting are explained. */
const SHOWN_ROOTS = 3
/** How many steps of a job are asked. */
const SHOWN_STEPS = 500

/** What a step is doing, or what keeps it from it. */
export async function whyStep(db: Queryable, step: StepRow, room: WaitingRoom): Promise<Explanation> {
  const subject = `step ${step.id} (${[step.processor, step.tile, step.product_uri].filter(Boolean).join(', ')})`
  switch (step.state) {
    case 'blocked': {
      const roots = await listRootObstacles(db, step.id, SHOWN_ROOTS)
      const rows = await listSteps(db, { ids: roots.map(({ id }) => id), limit: SHOWN_ROOTS })
      const parts: Explanation[] = []
      for (const row of rows) parts.push(await whyStep(db, row, room))
      return explain(subject, 'waits', { reasons: await room.why(step), parts })
    }
    case 'ready':
      return explain(subject, 'waits', { reasons: await room.why(step), next: lastFailure(step) })
    case 'running':
      return explain(subject, 'runs', { reasons: [describeRunning(step)], next: lastFailure(step) })
    case 'succeeded': {
      const products = await listProductsOfStep(db, step.id)
      return explain(subject, `succeeded ${when(step.ended_at)}`, {
        reasons: products.map(({ name, location }) => `made ${name} in ${location}`),
      })
    }
    case 'failed':
    case 'quarantined': {
      const remedy = remedyOf(step.error_code)
      const verdict =
        step.state === 'failed' ? 'failed for good' : `is quarantined after ${step.failures} failed attempts`
      return explain(subject, verdict, {
        reasons: [
          `${step.error_code ?? '?'}: ${step.error_message ?? ''}`,
          ...(remedy === undefined ? [] : [remedy]),
        ],
        next: [`tilth logs ${step.id}`, `tilth retry ${step.id}`],
      })
    }
    case 'cancelled': {
      if (step.error_code === 'SUPERSEDED')
        return explain(subject, `gave way ${when(step.ended_at)}`, {
          reasons: [step.error_message ?? '', remedyOf(step.error_code) ?? ''],
        })
      const events = await listStepEvents(db, step.id)
      const detail = events.findLast(({ kind }) => kind === 'cancelled')?.detail
      const reason =
        typeof detail === 'object' && detail !== null && 'reason' in detail
          ? String(detail.reason)
          : 'by a user'
      return explain(subject, `was cancelled ${when(step.ended_at)}`, {
        reasons: [reason],
        next: [`tilth retry ${step.id}`],
      })
    }
  }
}

const lastFailure = ({ id, failures, error_code, error_message }: StepRow): string[] =>
  error_code === null || failures === 0
    ? []
    : [`tilth logs ${id}, for failure ${failures}: ${error_code}: ${error_message ?? ''}`]

function describeRunning(step: StepRow): string {
  const seconds = step.started_at === null ? 0 : (Date.now() - step.started_at.getTime()) / 1000
  const left =
    step.progress > 0.02 ? `, about ${Math.ceil((seconds * (1 - step.progress)) / step.progress)} s left` : ''
  return (
    `attempt ${step.attempt} on ${step.node ?? '?'} since ${when(step.started_at)} with ${step.threads ?? '?'} threads: ` +
    `${Math.floor(step.progress * 100)} %${step.progress_note === null ? '' : ` (${step.progress_note})`}${left}` +
    (step.cancel_requested ? '; it was asked to end' : '')
  )
}

/** How it stands to its deadline, in a line; none where it has no deadline. */
function describeDeadline({ deadline }: Pick<JobWithDeadline, 'deadline'>): string[] {
  if (deadline === null) return []
  const { at, standing, lateS, remainingS } = deadline
  const subject = `its deadline ${when(at)}`
  if (remainingS === null)
    return [
      `${subject} is ${standing}: it ended ${roughly(Math.abs(lateS))} ${lateS > 0 ? 'after' : 'before'} it`,
    ]
  const left = `about ${roughly(remainingS)} of work are left, with all slots`
  return [
    standing === 'missed'
      ? `${subject} is missed since ${roughly(lateS)}: ${left}`
      : `${subject} is ${standing === 'at risk' ? 'at risk' : 'not at risk'}: ${roughly(-lateS)} are left, and ${left}`,
  ]
}

const roughly = (seconds: number): string =>
  seconds < 120
    ? `${Math.ceil(seconds)} s`
    : seconds < 7200
      ? `${Math.round(seconds / 60)} min`
      : `${Math.round(seconds / 3600)} h`

/** A job: its steps, those that wait for the same reason together. */
export async function whyJob(
  db: Queryable,
  job: Pick<JobWithDeadline, 'id' | 'state' | 'steps' | 'deadline'>,
  host: AskingHost,
): Promise<Explanation> {
  const room = openWaitingRoom(db, host)
  const states = ['running', 'ready', 'blocked', 'failed', 'quarantined', 'cancelled']
  const steps = await listSteps(db, { job: job.id, states, limit: SHOWN_STEPS })
  const groups = new Map<string, { first: Explanation; ids: number[] }>()
  for (const step of steps) {
    const found = await whyStep(db, step, room)
    // How many are ahead differs for each step of one queue, and predecessors have numbers: the reason is the same.
    const key =
      step.state === 'running' || step.state === 'blocked'
        ? step.state
        : `${found.verdict}: ${found.reasons.join('; ')}`.replace(/; steps ahead of it: \d+/, '')
    const group = groups.get(key)
    if (group === undefined) groups.set(key, { first: found, ids: [step.id] })
    else group.ids.push(step.id)
  }
  const counts = Object.entries(job.steps).map(([state, n]) => `${n} ${state}`)
  return explain(`job ${job.id}`, job.state === 'active' ? 'is not done' : job.state, {
    reasons: [counts.join(', ') || 'no steps', ...describeDeadline(job)],
    parts: [...groups.values()].map(({ first, ids }) =>
      ids.length === 1
        ? first
        : { ...first, subject: `${first.subject} and ${ids.length - 1} more the same way` },
    ),
  })
}

import type { LoadRow } from '../../scheduler/slurm-store.js'
import type { JobState } from './job-state.js'
import { keyOf, type SlurmElement } from './read-queue.js'

/** What follows for our rows and jobs from one look at Slurm. */
export interface Judgement {
  /** Claims that wait in Slurm: their leases are held by us. */
  readonly hold: readonly { readonly load: LoadRow; readonly note: string }[]
  /** Claims to be given back; no failure is counted. */
  readonly release: readonly { readonly load: LoadRow; readonly reason: string }[]
  /** Claims that their user has cancelled before they were begun. */
  readonly cancel: readonly LoadRow[]
  /** Claims whose process ended without recording it. */
  readonly died: readonly {
    readonly load: LoadRow
    readonly code: 'STEP_KILLED' | 'OUT_OF_MEMORY' | 'TIME_LIMIT'
    readonly message: string
  }[]
  /** Elements that wait for nothing any more, as scancel names them. */
  readonly needless: readonly string[]
  /** Elements whose state is not known to this program, with it. */
  readonly unknown: readonly { readonly element: string; readonly text: string }[]
  /** Batches whose number was found in Slurm because it had not been noted. */
  readonly adopted: readonly { readonly batchId: string; readonly jobId: number }[]
  /** Batches of which nothing is left. */
  readonly closed: readonly string[]
}

export interface Look {
  /** Read before Slurm was asked, or a job submitted in between would seem to be gone. */
  readonly loads: readonly LoadRow[]
  readonly queue: ReadonlyMap<string, SlurmElement>
  /** From the completion log, for elements that squeue lists no more. */
  readonly completions: ReadonlyMap<string, JobState>
  /** In how many looks before this one, running, an element was neither listed nor completed. */
  absentLooks(element: string): number
}

/** sbatch returns well within this, or it was killed with its scheduler; seconds. */
const SUBMIT_S = 90
/** An element counts as gone when it is missing for the third time. */
const ABSENT_LOOKS = 2

type Fate = JobState | { readonly kind: 'gone' } | { readonly kind: 'perhaps gone' }

/** Compares what we hold with what Slurm has. Pure. Nothing is concluded from a state that is not known. */
export function judge(look: Look): Judgement {
  const made = {
    hold: [] as { load: LoadRow; note: string }[],
    release: [] as { load: LoadRow; reason: string }[],
    cancel: [] as LoadRow[],
    died: [] as Judgement['died'][number][],
    needless: [] as string[],
    unknown: [] as { element: string; text: string }[],
    adopted: [] as { batchId: string; jobId: number }[],
    closed: [] as string[],
  }
  const jobs = new Map([...look.queue.values()].map(({ batchId, jobId }) => [batchId, jobId]))
  for (const loads of groupBy(look.loads, ({ batchId }) => batchId)) {
    const [one] = loads
    if (one === undefined) continue
    const jobId = one.jobId ?? jobs.get(one.batchId) ?? null
    if (one.jobId === null && jobId !== null) made.adopted.push({ batchId: one.batchId, jobId })
    let isOpen = false
    for (const carried of groupBy(loads, ({ element }) => String(element))) {
      const element = carried[0]?.element ?? 0
      const held = carried.filter(({ isHeld }) => isHeld)
      const fate = fateOf(look, jobId, element, one.batchAgeS)
      const name = jobId === null ? 'none yet' : keyOf(jobId, element)
      const isOver = fate.kind === 'ended' || fate.kind === 'gone'
      if (!isOver || held.length > 0) isOpen = true
      if (fate.kind === 'unknown') made.unknown.push({ element: name, text: fate.text })
      if (fate.kind === 'waiting' && held.length === 0) made.needless.push(name)
      for (const load of held) {
        if (load.begunRun === null) {
          if (load.cancelRequested) made.cancel.push(load)
          else if (isOver) made.release.push({ load, reason: lostReason(name, fate) })
          else made.hold.push({ load, note: waitNote(name, fate, look.queue.get(name)) })
        } else if (fate.kind === 'ended') {
          const death = deathOf(load, name, fate)
          if (death === null) made.release.push({ load, reason: lostReason(name, fate) })
          else made.died.push(death)
        }
        // A begun step of an element that is gone, or that Slurm has requeued, has a lease that tells.
      }
    }
    if (!isOpen) made.closed.push(one.batchId)
  }
  return made
}

function fateOf(look: Look, jobId: number | null, element: number, ageS: number): Fate {
  if (jobId === null) return { kind: ageS > SUBMIT_S ? 'gone' : 'perhaps gone' }
  const name = keyOf(jobId, element)
  const known = look.queue.get(name)?.state ?? look.completions.get(name)
  if (known !== undefined) return known
  return { kind: look.absentLooks(name) >= ABSENT_LOOKS ? 'gone' : 'perhaps gone' }
}

const lostReason = (name: string, fate: Fate): string =>
  fate.kind === 'ended'
    ? `Slurm job ${name} ended as ${fate.text}`
    : `Slurm knows nothing of job ${name}: neither squeue nor the completion log names it`

function waitNote(name: string, fate: Fate, seen: SlurmElement | undefined): string {
  if (seen === undefined || fate.kind === 'gone' || fate.kind === 'perhaps gone')
    return 'was submitted to Slurm'
  const reason = seen.reason === '' || seen.reason === 'None' ? '' : ` (${seen.reason})`
  return fate.kind === 'running'
    ? `waits for its turn in Slurm job ${name}, ${fate.text} on ${seen.nodes || 'no node yet'}`
    : `waits in Slurm: job ${name} is ${fate.text}${reason}`
}

/** Null where the end of the job is none of the step's doing: then no failure is counted. */
function deathOf(
  load: LoadRow,
  name: string,
  fate: Extract<JobState, { kind: 'ended' }>,
): Judgement['died'][number] | null {
  const code = ({ failed: 'STEP_KILLED', 'out-of-memory': 'OUT_OF_MEMORY', timeout: 'TIME_LIMIT' } as const)[
    fate.how as 'failed'
  ] as Judgement['died'][number]['code'] | undefined
  if (code === undefined) return null
  const message = `Slurm job ${name} that ran step ${load.id} (attempt ${load.attempt}) ended as ${fate.text} before the step could record its end.`
  return { load, code, message }
}

function groupBy<T>(items: readonly T[], key: (item: T) => string): T[][] {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const group = groups.get(key(item))
    if (group === undefined) groups.set(key(item), [item])
    else group.push(item)
  }
  return [...groups.values()]
}

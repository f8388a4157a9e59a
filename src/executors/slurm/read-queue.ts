import { z } from 'zod'
import { ProcessingError } from '../../domain/errors.js'
import { parseJobState, type JobState } from './job-state.js'

/** One element of a job array as Slurm sees it. */
export interface SlurmElement {
  /** Of the array. */
  readonly jobId: number
  readonly element: number
  readonly state: JobState
  /** Why it is in that state, in Slurm's word, such as Resources or JobHeldAdmin. */
  readonly reason: string
  /** How often it was requeued. */
  readonly restarts: number
  readonly nodes: string
  /** Nodes that it shall not run on, as Slurm writes them; empty: any may be. */
  readonly excluded: string
  /** The batch of ours that stands in its comment; null: none. */
  readonly batchId: string | null
}

/** Numbers were plain up to 22.05; later versions say in an object whether they are set. */
const number = z
  .union([
    z.number(),
    z.null(),
    z.object({ set: z.boolean(), number: z.number() }).transform((n) => (n.set ? n.number : null)),
  ])
  .nullish()
const queue = z.object({
  jobs: z.array(
    z.object({
      job_id: z.number(),
      array_job_id: number,
      array_task_id: number,
      array_task_string: z.string().nullish(),
      job_state: z.union([z.string(), z.array(z.string())]),
      state_reason: z.string().nullish(),
      restart_cnt: z.number().nullish(),
      nodes: z.string().nullish(),
      excluded_nodes: z.string().nullish(),
      comment: z.union([z.string(), z.object({}).loose(), z.null()]).optional(),
    }),
  ),
})

/** What stands in the comment of our jobs before anything else. */
export const COMMENT_MARK = 'tilth batch='

/**
 * Reads `squeue --json`: elements of arrays by `<job>_<element>`, those that still wait together one by one. squeue 22.05 lists jobs that have ended
 * too, for MinJobAge seconds, and heeds no filter in this form. Jobs of others are left out. Throws SLURM_UNAVAILABLE for text that
 * is no such listing.
 */
export function parseQueue(text: string): ReadonlyMap<string, SlurmElement> {
  const found = new Map<string, SlurmElement>()
  for (const job of parseDocument(text).jobs) {
    const comment = typeof job.comment === 'string' ? job.comment : ''
    if (!comment.startsWith(COMMENT_MARK)) continue
    const jobId = job.array_job_id ?? 0
    const elements =
      job.array_task_id != null ? [job.array_task_id] : expandElements(job.array_task_string ?? '')
    const batchId = /^[0-9a-f-]{36}/.exec(comment.slice(COMMENT_MARK.length))?.[0] ?? null
    for (const element of jobId === 0 ? [] : elements)
      found.set(keyOf(jobId, element), {
        jobId,
        element,
        state: parseJobState(job.job_state),
        reason: job.state_reason ?? '',
        restarts: job.restart_cnt ?? 0,
        nodes: job.nodes ?? '',
        excluded: job.excluded_nodes ?? '',
        batchId,
      })
  }
  return found
}

export const keyOf = (jobId: number, element: number): string => `${jobId}_${element}`

function parseDocument(text: string): z.infer<typeof queue> {
  try {
    return queue.parse(JSON.parse(text))
  } catch (cause) {
    throw new ProcessingError(
      'SLURM_UNAVAILABLE',
      `squeue --json did not print a list of jobs as expected: ${cause instanceof Error ? cause.message.slice(0, 300) : String(cause)}. It begins with: ${text.slice(0, 120)}`,
      { cause },
    )
  }
}

/** Elements named by `8-20%4`, `0,6,12-15` or `0-9:3`, in order; none for text of another form. */
export function expandElements(text: string): readonly number[] {
  const list = text.replace(/%\d+$/, '').replace(/^\[(.*)\]$/, '$1')
  return list.split(',').flatMap((part) => {
    const match = /^(\d+)(?:-(\d+)(?::(\d+))?)?$/.exec(part.trim())
    if (match === null) return []
    const [first, last, step] = [Number(match[1]), Number(match[2] ?? match[1]), Number(match[3] ?? 1)]
    return Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, i) => first + i * step)
  })
}

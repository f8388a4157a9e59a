import { z } from 'zod'
import type { StepEventRow } from '../db/jobs/list-steps.js'

/** All that is kept of an attempt that failed: what `failStep` writes into the history, where nothing replaces it. */
export interface FailedAttempt {
  readonly attempt: number
  readonly at: Date
  readonly code: string
  readonly message: string
  /** Program and arguments of its process; null where nobody saw one. */
  readonly argv: readonly string[] | null
  readonly exitCode: number | null
  readonly signal: string | null
  readonly node: string | null
  readonly pid: number | null
  /** From claim to end by the database's clock, seconds. */
  readonly durationS: number | null
  /** Last lines of its log, oldest first. */
  readonly lastLines: readonly string[]
  /** Measured: `wall_s`, `cpu_s`, `max_rss_kb` and what else was. */
  readonly resources: Readonly<Record<string, unknown>>
  /** What came after: `ready` (tried again), `quarantined`, `failed` or `cancelled`. */
  readonly next: string
}

/** Events of an older program lack some of it. */
const detail = z.object({
  code: z.string(),
  message: z.string().default(''),
  argv: z.array(z.string()).nullable().default(null),
  exit_code: z.number().nullable().default(null),
  signal: z.string().nullable().default(null),
  node: z.string().nullable().default(null),
  pid: z.number().nullable().default(null),
  duration_s: z.number().nullable().default(null),
  last_lines: z.array(z.string()).default([]),
  resources: z.record(z.string(), z.unknown()).default({}),
  next: z.string().default(''),
})

/** The failed attempts in a step's history, oldest first. */
export function failedAttempts(events: readonly StepEventRow[]): FailedAttempt[] {
  return events.flatMap((event) => {
    const parsed = event.kind === 'failed' ? detail.safeParse(event.detail) : undefined
    if (parsed?.success !== true) return []
    const { exit_code, duration_s, last_lines, ...rest } = parsed.data
    return [
      {
        attempt: event.attempt,
        at: event.at,
        ...rest,
        exitCode: exit_code,
        durationS: duration_s,
        lastLines: last_lines,
      },
    ]
  })
}

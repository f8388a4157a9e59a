import { z } from 'zod'

/**
 * What a scheduler's executor and a step process say to each other: one JSON object a line (NDJSON), to the process on
 * stdin, from it on stdout. Progress goes
 * to the database. The process ends within 2 s of the end of its stdin (its parent is gone) and gives its step back.
 */
const LIMIT_CODES = ['TIME_LIMIT', 'DISK_LIMIT', 'LOG_LIMIT', 'MEMORY_LIMIT'] as const
export type LimitCode = (typeof LIMIT_CODES)[number]

const stepKey = { id: z.number().int().positive(), attempt: z.number().int().positive() }

export const toStepProcess = z.discriminatedUnion('type', [
  /** Take this claimed step; sent to an idle process only. */
  z.object({ type: z.literal('run'), ...stepKey, threads: z.number().int().positive() }),
  z.object({ type: z.literal('budget'), ...stepKey, threads: z.number().int().positive() }),
  /** End the step as cancelled by its user. */
  z.object({ type: z.literal('cancel'), ...stepKey }),
  /** End the step as failed: it has gone over a limit, such as TIME_LIMIT. */
  z.object({ type: z.literal('limit'), ...stepKey, code: z.enum(LIMIT_CODES), message: z.string() }),
])
export type ToStepProcess = z.infer<typeof toStepProcess>

/** What one attempt used, measured in its own process. */
export const stepResources = z.object({
  wall_s: z.number(),
  /** User and system time of the process and its children during the attempt, seconds. */
  cpu_s: z.number(),
  cpu_user_s: z.number(),
  cpu_system_s: z.number(),
  /** Highest resident memory of the process and its children during the attempt, KiB. */
  max_rss_kb: z.number(),
  /** From and to storage: what the page cache answered is not among them. */
  read_bytes: z.number(),
  written_bytes: z.number(),
  /** Time in which threads waited for block devices, seconds, those that have ended left out; null where the kernel does not account it. */
  io_wait_s: z.number().nullable(),
  /** Most space of the attempt's files below staging and scratch, MiB, looked at once a second. */
  disk_mb: z.number(),
})
export type StepResources = z.infer<typeof stepResources>

/** `lost`: the claim went to another attempt, or its end could not be recorded; nothing of this attempt counts. */
export const attemptOutcomes = ['succeeded', 'failed', 'cancelled', 'interrupted', 'lost'] as const
export type AttemptOutcome = (typeof attemptOutcomes)[number]

export const fromStepProcess = z.discriminatedUnion('type', [
  /** Connected to the database and waiting for a step. */
  z.object({ type: z.literal('ready'), pid: z.number().int() }),
  /** The attempt is over and its end is in the database (except for `lost`). The process takes the next one. */
  z.object({
    type: z.literal('ended'),
    ...stepKey,
    outcome: z.enum(attemptOutcomes),
    code: z.string().optional(),
    message: z.string().optional(),
    resources: stepResources,
  }),
])
export type FromStepProcess = z.infer<typeof fromStepProcess>

/** Exit statuses of `tilth run-step ID --attempt N`. `--serve` ends with 0 when its stdin ends while idle, else with 75. */
export const RUN_STEP_EXIT = {
  succeeded: 0,
  failed: 1,
  cancelled: 75,
  interrupted: 75,
  lost: 75,
} as const satisfies Record<AttemptOutcome, number>

/** Seconds from the end of stdin to the end of the process. */
export const ORPHAN_GRACE_S = 2

export const encodeLine = (message: ToStepProcess | FromStepProcess): string => `${JSON.stringify(message)}\n`

/**
 * Cuts a byte stream into its lines and hands over those that parse; others go to `onJunk`, because a library that prints
 * to stdout must not end a step.
 */
export function lineParser<T>(
  schema: z.ZodType<T>,
  onMessage: (message: T) => void,
  onJunk: (line: string) => void,
) {
  let rest = ''
  return (chunk: Buffer | string): void => {
    const lines = (rest + chunk.toString()).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      if (line.trim() === '') continue
      const parsed = schema.safeParse(parseJson(line))
      if (parsed.success) onMessage(parsed.data)
      else onJunk(line)
    }
  }
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

/**
 * What Slurm says a job is doing, as far as it matters here. A state that is not known, such as one of a later version, is `unknown` and
 * reported: nothing is concluded from it.
 */
export type JobState =
  | { readonly kind: 'waiting'; readonly text: string }
  | { readonly kind: 'running'; readonly text: string }
  | { readonly kind: 'ended'; readonly how: JobEnd; readonly text: string }
  | { readonly kind: 'unknown'; readonly text: string }

export type JobEnd =
  'completed' | 'failed' | 'timeout' | 'out-of-memory' | 'cancelled' | 'node-lost' | 'preempted'

const WAITING = ['PENDING', 'REQUEUED', 'REQUEUE_FED', 'REQUEUE_HOLD', 'RESV_DEL_HOLD', 'SPECIAL_EXIT']
const RUNNING = [
  ...['RUNNING', 'CONFIGURING', 'POWER_UP_NODE', 'COMPLETING', 'RESIZING', 'SIGNALING'],
  ...['STAGE_OUT', 'STOPPED', 'SUSPENDED', 'UPDATE_DB'],
]
const ENDED: Readonly<Record<string, JobEnd>> = {
  COMPLETED: 'completed',
  FAILED: 'failed',
  LAUNCH_FAILED: 'node-lost',
  TIMEOUT: 'timeout',
  DEADLINE: 'timeout',
  OUT_OF_MEMORY: 'out-of-memory',
  CANCELLED: 'cancelled',
  REVOKED: 'cancelled',
  NODE_FAIL: 'node-lost',
  BOOT_FAIL: 'node-lost',
  RECONFIG_FAIL: 'node-lost',
  PREEMPTED: 'preempted',
}

/**
 * Reads the state of a job: one word, as squeue, scontrol and the completion log write it (`CANCELLED by 0` too), or several, as later
 * versions of squeue list a base state with its flags: then a flag that says the job goes on or waits outweighs a base state that ended.
 * Source: Slurm 22.05, squeue(1), "JOB STATE CODES"; names of 23.11 and 24.05 added.
 */
export function parseJobState(words: string | readonly string[]): JobState {
  const texts = typeof words === 'string' ? [words] : words
  const text = texts.join('+')
  const names = texts.map((word) => word.trim().split(/[\s+]/)[0]?.toUpperCase() ?? '')
  if (names.length === 0 || names.some((name) => !isKnown(name))) return { kind: 'unknown', text }
  if (names.some((name) => WAITING.includes(name))) return { kind: 'waiting', text }
  if (names.some((name) => RUNNING.includes(name))) return { kind: 'running', text }
  const how = ENDED[names[0] ?? '']
  return how === undefined ? { kind: 'unknown', text } : { kind: 'ended', how, text }
}

const isKnown = (name: string): boolean =>
  WAITING.includes(name) || RUNNING.includes(name) || Object.hasOwn(ENDED, name)

/**
 * How a failed step is treated.
 * permanent: never again with these inputs; transient: later may do (I/O, node); resource: needs more memory, disk or time.
 */
export type FailureClass = 'permanent' | 'transient' | 'resource'

/** sysexits(3) numbers, as a shell script expects them, and 128 + SIGPIPE. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 64,
  data: 65,
  noInput: 66,
  unavailable: 69,
  software: 70,
  io: 74,
  temporary: 75,
  config: 78,
  brokenPipe: 141,
} as const

export interface ErrorCodeEntry {
  readonly failure: FailureClass
  /** Exit status of a command that ends with this code. */
  readonly exit: number
  /** One sentence for `docs/errors.md`: what happened. */
  readonly summary: string
  /** One sentence for `docs/errors.md`: what an operator does about it. */
  readonly remedy: string
}

import { ProcessingError } from '../domain/errors.js'
import { AttemptLog } from './attempt-log.js'
import {
  encodeLine,
  lineParser,
  ORPHAN_GRACE_S,
  RUN_STEP_EXIT,
  toStepProcess,
  type ToStepProcess,
} from './protocol.js'
import { Attempt, type AttemptEnded, type AttemptOptions } from './run-step.js'

/** The streams of a step process; parameters for tests. */
export interface ServeStreams {
  readonly input: NodeJS.ReadableStream
  readonly output: { write(text: string): unknown }
  /** Ends the process at once: the last resort when a step does not let go in time. */
  exit(status: number): void
  /** What SIGTERM means: a user cancels the step, or whoever lent the machine takes it back and the step shall run again. Default: cancel. */
  readonly sigterm?: 'cancel' | 'orphan'
}

/**
 * The warm form of a step process: takes one step after another from `input` (NDJSON, `protocol.ts`) until that ends.
 * SIGTERM cancels the step at hand, or interrupts it (`sigterm`), and ends. SIGINT is ignored: Ctrl-C in a terminal reaches all processes of the group,
 * and the scheduler drains. Resolves with the exit status.
 *
 * `opening` is what steps need, being made ready: the first step waits for it, the end of `input` does not, or a process whose parent dies
 * while Postgres is away would outlive it. Rejects as `opening` does.
 */
export async function serveSteps(opening: Promise<AttemptOptions>, streams: ServeStreams): Promise<number> {
  let current: Attempt | undefined
  let work: Promise<AttemptEnded> | undefined
  let isClosing = false
  let closedBy: 'orphan' | 'cancel' = 'cancel'
  let status = 0
  return new Promise((resolve, reject) => {
    const finish = () => {
      if (work === undefined && (first === undefined || options !== undefined)) resolve(status)
    }
    const close = (reason: 'orphan' | 'cancel') => {
      if (isClosing && reason !== 'orphan') return
      isClosing = true
      closedBy = reason
      if (current !== undefined || first !== undefined) {
        status = RUN_STEP_EXIT.interrupted
        current?.stop(reason)
        if (reason === 'orphan')
          setTimeout(() => {
            streams.exit(RUN_STEP_EXIT.interrupted)
          }, ORPHAN_GRACE_S * 900).unref()
      }
      finish()
    }
    let options: AttemptOptions | undefined
    let first: Extract<ToStepProcess, { type: 'run' }> | undefined
    const take = (message: Extract<ToStepProcess, { type: 'run' }>) => {
      if (options === undefined) {
        first = message
        return
      }
      const log = new AttemptLog()
      const attempt = new Attempt({ id: message.id, attempt: message.attempt }, { ...options, log })
      attempt.setThreads(message.threads)
      current = attempt
      work = attempt.run()
      void work.then(({ outcome, resources, error }) => {
        current = undefined
        work = undefined
        streams.output.write(
          encodeLine({
            type: 'ended',
            ...attempt.key,
            outcome,
            resources,
            ...(error === undefined ? {} : { code: error.code, message: error.message }),
          }),
        )
        if (isClosing) finish()
      })
    }
    const onMessage = (message: ToStepProcess) => {
      if (message.type === 'run') {
        if (current === undefined && !isClosing) take(message)
        return
      }
      if (current?.key.id !== message.id || current.key.attempt !== message.attempt) return
      switch (message.type) {
        case 'budget':
          current.setThreads(message.threads)
          break
        case 'limit':
          current.fail(new ProcessingError(message.code, message.message))
          break
        case 'cancel':
          current.stop('cancel')
      }
    }
    streams.input.on(
      'data',
      lineParser(toStepProcess, onMessage, (line) => process.stderr.write(`not understood: ${line}\n`)),
    )
    streams.input.on('end', () => {
      close('orphan')
    })
    streams.input.on('error', () => {
      close('orphan')
    })
    process.on('SIGINT', () => undefined)
    process.on('SIGTERM', () => {
      close(streams.sigterm ?? 'cancel')
    })
    opening.then((opened) => {
      options = opened
      streams.output.write(encodeLine({ type: 'ready', pid: process.pid }))
      // One that was taken and then lost its parent is given back properly now that the database can be reached.
      if (first !== undefined) {
        take(first)
        if (isClosing) current?.stop(closedBy)
      }
    }, reject)
  })
}

import { ProcessingError } from '../domain/errors.js'

/** Runs work that Ctrl-C or SIGTERM ends cleanly: the signal is aborted, the work removes what it staged. A second Ctrl-C ends at once. */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController()
  const stop = () => {
    if (controller.signal.aborted) process.exit(130)
    controller.abort(new ProcessingError('STEP_CANCELLED', 'Interrupted; nothing half-written was left.'))
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
  try {
    return await work(controller.signal)
  } finally {
    process.off('SIGINT', stop)
    process.off('SIGTERM', stop)
  }
}

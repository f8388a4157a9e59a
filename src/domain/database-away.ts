import { ProcessingError } from './errors.js'

/**
 * True for errors of a connection that later attempts may not meet: server stopping, starting or gone, connection cut, too
 * many clients, silent for too long in a transaction, and the two by which Postgres asks to repeat a transaction (serialization failure, deadlock).
 * Source: PostgreSQL 18 documentation, appendix A, classes 08, 25, 40, 53, 57P; libuv error names.
 */
export function isDatabaseAway(error: unknown): boolean {
  for (let e: unknown = error, depth = 0; e instanceof Error && depth < 5; e = e.cause, depth++) {
    const code = 'code' in e ? String(e.code) : ''
    // Of a socket's path, not of a file that the caller looked for.
    if (code === 'ENOENT' && 'syscall' in e && e.syscall === 'connect') return true
    if (
      /^(08...|25P03|40001|40P01|53300|57P0[1-5]|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTCONN|DATABASE_UNAVAILABLE)$/.test(
        code,
      )
    )
      return true
    if (
      /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|is not queryable/i.test(
        e.message,
      )
    )
      return true
    if (e instanceof AggregateError && e.errors.some(isDatabaseAway)) return true
  }
  return false
}

/** An error of the connection as DATABASE_UNAVAILABLE; any other as it is. */
export function asUnavailable(error: unknown): unknown {
  if (error instanceof ProcessingError || !isDatabaseAway(error)) return error
  const message = error instanceof Error ? error.message : String(error)
  return new ProcessingError('DATABASE_UNAVAILABLE', `Postgres is away: ${message}.`, { cause: error })
}

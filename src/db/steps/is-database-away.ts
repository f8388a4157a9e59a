/**
 * True for errors of a connection that later attempts may not meet: server stopping, starting or gone, connection cut, too
 * many clients, silent for too long in a transaction, and the two by which Postgres asks to repeat a transaction (serialization failure, deadlock).
 * Source: PostgreSQL 18 documentation, appendix A, classes 08, 25, 40, 53, 57P; libuv error names.
 */
export function isDatabaseAway(error: unknown): boolean {
  for (let e: unknown = error, depth = 0; e instanceof Error && depth < 5; e = e.cause, depth++) {
    const code = 'code' in e ? String(e.code) : ''
    if (
      /^(08...|25P03|40001|40P01|53300|57P0[1-5]|ECONNREFUSED|ECONNRESET|EPIPE|ENOENT|ETIMEDOUT|ENOTCONN|DATABASE_UNAVAILABLE)$/.test(
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

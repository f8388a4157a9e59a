import { CompiledQuery, type QueryResult } from 'kysely'
import pg from 'pg'
import type { Database } from './connect.js'

const MARK = /^\/\* prepared (\w+) \*\//

/**
 * A client that keeps marked statements prepared on its connection, so that the server parses and plans each once and not at every
 * call. Only statements of constant text are marked: each stays in the server's memory as long as the connection lasts.
 */
export class PreparingClient extends pg.Client {
  // The declared overloads of `query` cannot be repeated by one that passes all of them on.
  override query: pg.Client['query'] = ((first: unknown, ...rest: unknown[]) => {
    const name = typeof first === 'string' ? MARK.exec(first)?.[1] : undefined
    const query = super.query.bind(this) as (...all: unknown[]) => unknown
    return name === undefined
      ? query(first, ...rest)
      : query({ name, text: first, values: rest[0] }, ...rest.slice(1))
  }) as pg.Client['query']
}

/**
 * A statement on the way of every step, prepared under its name. Arrays are wrapped in `(select $1::bigint[])`: otherwise the planner
 * looks into them, finds a plan for this very array cheaper than one for any, and plans at every call (measured: a quarter of the CPU
 * time of a claim).
 */
export function prepared<Row>(
  name: string,
  text: string,
): (db: Database, ...values: readonly unknown[]) => Promise<Row[]> {
  const execute = marked<Row>(name, text)
  return async (db, ...values) => (await execute(db, values)).rows
}

/** The same for a statement that returns no rows; gives how many its last part wrote. */
export function preparedWrite(
  name: string,
  text: string,
): (db: Database, ...values: readonly unknown[]) => Promise<number> {
  const execute = marked(name, text)
  return async (db, ...values) => Number((await execute(db, values)).numAffectedRows)
}

function marked<Row>(
  name: string,
  text: string,
): (db: Database, values: readonly unknown[]) => Promise<QueryResult<Row>> {
  const statement = `/* prepared ${name} */ ${text}`
  return (db, values) => db.executeQuery<Row>(CompiledQuery.raw(statement, [...values]))
}

import { expect, test } from 'vitest'
import { whenReachable } from '../../src/cli/run-scheduler.js'
import { asUnavailable, isDatabaseAway } from '../../src/domain/database-away.js'
import { asProcessingError, ProcessingError } from '../../src/domain/errors.js'
import type { App } from '../../src/app.js'

const systemError = (code: string, syscall: string) =>
  Object.assign(new Error(`${code}: ${syscall}`), { code, syscall })

test('a socket that is not there means an absent Postgres; a file that is not there does not', () => {
  expect(isDatabaseAway(systemError('ENOENT', 'connect'))).toBe(true)
  expect(isDatabaseAway(systemError('ENOENT', 'open'))).toBe(false)
})

test('a connection that is cut in the middle of a command is DATABASE_UNAVAILABLE, other errors stay as they are', () => {
  const cut = new Error('Connection terminated unexpectedly')
  expect(asProcessingError(asUnavailable(cut)).code).toBe('DATABASE_UNAVAILABLE')
  expect(asProcessingError(asUnavailable(cut)).cause).toBe(cut)
  const other = new Error('x is undefined')
  expect(asUnavailable(other)).toBe(other)
  const own = new ProcessingError('DATABASE_UNAVAILABLE', 'initdb ended with 1')
  expect(asUnavailable(own)).toBe(own)
})

test('a long-living process waits for a Postgres that is away when it starts, and for nothing else', async () => {
  const app = {} as App
  const said: string[] = []
  const log = { info: () => undefined, warn: (message: string) => said.push(message) }
  let tries = 0
  const opened = await whenReachable(() => {
    tries += 1
    return tries < 3 ? Promise.reject(new Error('Connection terminated unexpectedly')) : Promise.resolve(app)
  }, log)
  expect(opened).toBe(app)
  expect(said).toEqual([
    'Postgres is away: Connection terminated unexpectedly. Trying again in 0.5 s.',
    'Postgres is away: Connection terminated unexpectedly. Trying again in 1 s.',
  ])
  const newer = new ProcessingError('SCHEMA_TOO_NEW', 'schema 0099')
  await expect(whenReachable(() => Promise.reject(newer), log)).rejects.toBe(newer)
})

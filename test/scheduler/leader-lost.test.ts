import { expect, test, vi } from 'vitest'
import { Leader } from '../../src/scheduler/leader.js'
import { eventually } from '../support/queue.js'

/** A lock whose connection ends while it is being asked, so that both the event and the answer say so. */
vi.mock('../../src/db/jobs/leader-lock.js', () => ({
  tryLeaderLock: (_url: string, onLost: () => void) =>
    Promise.resolve({
      isHeld: () => {
        onLost()
        return Promise.resolve(false)
      },
      release: () => Promise.resolve(),
    }),
}))

test('a connection that ends while the lock is being looked at is lost once, and the scheduler goes on', async () => {
  const said: string[] = []
  const say = (message: string) => void said.push(message)
  const leader = new Leader({ databaseUrl: '', duties: [], log: { info: say, warn: say }, tryMs: 5 })
  await eventually(() => Promise.resolve(said.length >= 6), 'it leads and loses the lead, three times')
  await leader.close()
  const turns = ['this scheduler leads', 'this scheduler does not lead any more: its connection is gone']
  expect(said.slice(0, 6)).toEqual([...turns, ...turns, ...turns])
})

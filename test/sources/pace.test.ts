import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { readSettingLayers } from '../../src/catalog/settings.js'
import { listSources } from '../../src/db/sources/sources.js'
import type { HttpClient } from '../../src/sources/http/client.js'
import { clientOf, openSource } from '../../src/sources/open-source.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'
import { SourceServer, status } from '../support/source-server.js'
import { addFields, addStac, contextOf, fastSources } from '../support/sources.js'

let database: TestDatabase
let app: App
let server: SourceServer
beforeAll(async () => {
  database = await createTestDatabase()
  app = await database.open()
  server = await SourceServer.start()
  await addFields(app)
})
afterAll(async () => {
  await server.close()
  await database.close()
})
beforeEach(async () => {
  server.reset()
  await app.db.deleteFrom('source').execute()
  await fastSources(app)
})

/** Of the source that there is: one as a look has it, one as a fetch has it. */
async function twoClients(): Promise<readonly [HttpClient, HttpClient]> {
  const [row] = await listSources(app.db, null)
  const source = openSource(row!)
  if (source.parsed.kind === 'folder') throw new Error('a folder has no client')
  const { config } = source.parsed
  const layers = (await readSettingLayers(app.db))(null)
  const client = () => clientOf(source, config, contextOf(app), layers)
  return [client(), client()]
}
const signal = new AbortController().signal
const ask = (client: HttpClient) => client.json(`${server.url}/stac/search`, { signal })

test('two clients of a source keep its rate together', async () => {
  await addStac(app, server.url, { config: { rate_per_s: 20 } })
  const [one, other] = await twoClients()
  const before = performance.now()
  await Promise.all(Array.from({ length: 10 }, (_, i) => ask(i % 2 === 0 ? one : other)))
  // Ten starts, 50 ms from one to the next.
  expect(performance.now() - before).toBeGreaterThan(9 * 50 - 5)
  expect(server.asked).toHaveLength(10)
})

test('what one request is told to wait holds those of all clients back, also such that were waiting for their turn', async () => {
  await addStac(app, server.url, { config: { rate_per_s: 5 } })
  const [one, other] = await twoClients()
  const starts: number[] = []
  server.once(
    /search/,
    (req, res, go) => {
      starts.push(performance.now())
      if (starts.length === 1) status(429, { 'retry-after': '1' })(req, res, go)
      else go()
    },
    Infinity,
  )
  await Promise.all([ask(one), ask(other), ask(one)])
  expect(starts).toHaveLength(4)
  for (const later of starts.slice(1)) expect(later - starts[0]!).toBeGreaterThan(990)
})

import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeManyProducts } from '../../bench/many-products.js'
import type { App } from '../../src/app.js'
import { EXIT } from '../../src/domain/errors.js'
import { simulateL1c } from '../../src/simulator/simulate-l1c.js'
import { hasSharedData, sharedData, temporaryFolder, tilth } from '../support/cli.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'

const folder = temporaryFolder('bulk')
let database: TestDatabase
let app: App
let env: Record<string, string>
beforeAll(async () => {
  database = await createTestDatabase()
  app = await database.open()
  env = { DATABASE_URL: database.url, TILTH_HOME: join(folder, 'home') }
  mkdirSync(join(folder, 'home'))
})
afterAll(() => database.close())

interface Outcome {
  readonly kind: string
  readonly path: string
  readonly code?: string
  readonly isNew?: boolean
  readonly identity?: string
}
const ingest = async (path: string) => {
  const { exitCode, stdout, stderr } = await tilth(['ingest', path, '--json'], env)
  return { exitCode, stderr, outcomes: JSON.parse(stdout) as Outcome[] }
}

test('many products by two processes at once: each is new exactly once, and progress says how many and how long', async () => {
  // `tilth bench ingest` does the same with 1,000.
  const count = 24
  const { safePath } = await simulateL1c({
    ...{ tile: '31TCJ', date: '2025-05-10', pixelSizeM: 720, seed: 5, noiseDn: 0 },
    outDir: join(folder, 'one'),
  })
  const many = makeManyProducts(safePath, count, join(folder, 'many'))
  const both = await Promise.all([ingest(many), ingest(many)])
  for (const { exitCode, stderr, outcomes } of both) {
    expect(exitCode, stderr).toBe(0)
    expect(outcomes.map(({ kind }) => kind)).toEqual(Array.from({ length: count }, () => 'present'))
    expect(stderr).toMatch(/50 % {2}12 of 24 products {2}\(.*left\)/)
  }
  const fresh = both.flatMap(({ outcomes }) =>
    outcomes.filter(({ isNew }) => isNew).map(({ identity }) => identity),
  )
  expect(fresh).toHaveLength(count)
  expect(new Set(fresh).size).toBe(count)
  const rows = await app.db.selectFrom('acquisition').select('identity').execute()
  expect(rows.map(({ identity }) => identity).sort()).toEqual([...fresh].sort())
  expect((await ingest(many)).outcomes.filter(({ isNew }) => isNew)).toEqual([])
})

test.skipIf(!hasSharedData)(
  'a folder with everything in it: each product is recognised or refused by name with a code',
  async () => {
    const { exitCode, stderr, outcomes } = await ingest(sharedData)
    expect(exitCode, stderr).toBe(EXIT.data)
    expect(stderr).not.toContain('INTERNAL')
    const said = Object.fromEntries(
      outcomes.map(({ path, kind, code }) => [path.slice(sharedData.length + 1), code ?? kind]),
    )
    const sentinel = Object.fromEntries(Object.entries(said).filter(([path]) => path.startsWith('s2-')))
    expect(sentinel).toMatchObject({
      's2-l1c-decimated/S2A_MSIL1C_20171207T002051_N0206_R116_T55JEJ_20171207T032513.SAFE': 'present',
      's2-l1c-decimated/T19UDP_20170729_160m': 'PRODUCT_INCOMPLETE',
      's2-metadata/S2A_MSIL1C_20210908T042701_N0301_R133_T46RER_20210908T070248.SAFE': 'PRODUCT_INCOMPLETE',
      's2-sr-reference/T53JQJ_20201031_S2A/l1c_metadata': 'PRODUCT_INCOMPLETE',
    })
    for (const { kind, code } of outcomes) expect(kind === 'present' || typeof code === 'string').toBe(true)
    // All that looks like a product of a satellite is among them, whatever became of it.
    for (const path of Object.keys(said)) expect(existsSync(join(sharedData, path))).toBe(true)
    const rows = await app.db.selectFrom('acquisition').select(['state', 'reason_code']).execute()
    for (const { state, reason_code } of rows.filter((row) => row.state !== 'present'))
      expect([state, typeof reason_code]).toEqual(['broken', 'string'])
  },
  240_000,
)

import { existsSync } from 'node:fs'
import { cp, mkdtemp, readdir, readlink, rename, rm, utimes } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { ingestPaths, listAcquisitions } from '../../src/catalog/ingest.js'
import { setSetting } from '../../src/catalog/settings.js'
import { loadConfig } from '../../src/config/config.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'

const NAME = 'S2A_MSIL1C_20171207T002051_N0206_R116_T55JEJ_20171207T032513.SAFE'
const SAFE = join(loadConfig({}).programRoot, '../shared/data/s2-l1c-decimated', NAME)

describe.skipIf(!existsSync(SAFE))('ingesting a real product', () => {
  let database: TestDatabase
  let app: App
  let folder: string
  beforeAll(async () => {
    database = await createTestDatabase()
    app = await database.open()
    folder = await mkdtemp(join(tmpdir(), 'tilth-ingest-'))
  })
  afterAll(async () => {
    await database.close()
    await rm(folder, { recursive: true, force: true })
  })
  beforeEach(async () => {
    await app.db.deleteFrom('acquisition').execute()
  })
  const all = () => listAcquisitions(app.db, { state: null, tile: null })
  const copyAs = async (name: string) => {
    const path = join(folder, name)
    await cp(SAFE, path, { recursive: true })
    return path
  }

  test('twice is one row, linked into the root l1', async () => {
    const [first] = await ingestPaths(app, [SAFE], { copy: false })
    const [second] = await ingestPaths(app, [SAFE], { copy: false })
    expect(first).toMatchObject({ kind: 'present', tile: '55JEJ', isNew: true, state: 'present' })
    expect(second).toMatchObject({ kind: 'present', isNew: false })
    const rows = await all()
    expect(rows).toHaveLength(1)
    const location = join(database.config.roots.l1, rows[0]?.location.replace('l1:', '') ?? '')
    expect(await readlink(location)).toBe(SAFE)
  })

  test('at once by several callers is one row', async () => {
    const others = await Promise.all([database.open(), database.open()])
    const outcomes = await Promise.all(
      [app, ...others, app].map((a) => ingestPaths(a, [SAFE], { copy: false })),
    )
    expect(outcomes.flat().filter((o) => o.kind === 'present' && o.isNew)).toHaveLength(1)
    expect(await all()).toHaveLength(1)
  })

  test('names are not trusted: a folder with another name, nested, is the same product', async () => {
    await copyAs('nested/deeper/something else')
    await ingestPaths(app, [SAFE], { copy: false })
    const [outcome] = await ingestPaths(app, [join(folder, 'nested')], { copy: false })
    expect(outcome).toMatchObject({ kind: 'present', isNew: false })
    expect(await all()).toHaveLength(1)
  })

  test('a product without MTD_TL.xml is recorded as broken, and heals when it is repaired', async () => {
    await setSetting(app.db, 'ingest.copy_quiet_s', '0', { site: null, by: 'test' })
    const path = await copyAs('broken.SAFE')
    const granule = join(path, 'GRANULE', (await readdir(join(path, 'GRANULE')))[0] ?? '')
    await rename(join(granule, 'MTD_TL.xml'), join(folder, 'kept.xml'))
    const [outcome] = await ingestPaths(app, [path], { copy: false })
    expect(outcome).toMatchObject({
      kind: 'broken',
      code: 'PRODUCT_INCOMPLETE',
      reason: expect.stringContaining('MTD_TL.xml') as string,
    })
    expect(await all()).toMatchObject([{ state: 'broken', reasonCode: 'PRODUCT_INCOMPLETE' }])
    await rename(join(folder, 'kept.xml'), join(granule, 'MTD_TL.xml'))
    await ingestPaths(app, [path], { copy: false })
    expect(await all()).toMatchObject([{ state: 'present', reasonCode: null, reason: null }])
    // Broken again afterwards: the same row says so.
    await rm(join(granule, 'MTD_TL.xml'))
    await ingestPaths(app, [path], { copy: false })
    expect(await all()).toMatchObject([{ state: 'broken', tile: '55JEJ' }])
  })

  test('a copy in the root l1 stays present when the folder it came from breaks', async () => {
    await setSetting(app.db, 'ingest.copy_quiet_s', '0', { site: null, by: 'test' })
    const path = await copyAs('copied.SAFE')
    await ingestPaths(app, [path], { copy: true })
    const granule = join(path, 'GRANULE', (await readdir(join(path, 'GRANULE')))[0] ?? '')
    await rm(join(granule, 'MTD_TL.xml'))
    expect(await ingestPaths(app, [path], { copy: false })).toMatchObject([{ kind: 'broken' }])
    expect(await all()).toMatchObject([
      { state: 'present', tile: '55JEJ' },
      { state: 'broken', tile: null, reasonCode: 'PRODUCT_INCOMPLETE' },
    ])
  })

  test('a product still being copied is found, not broken, and becomes present', async () => {
    await setSetting(app.db, 'ingest.copy_quiet_s', '3600', { site: null, by: 'test' })
    const path = await copyAs('copying.SAFE')
    await rename(join(path, 'MTD_MSIL1C.xml'), join(folder, 'late.xml'))
    await utimes(path, new Date(), new Date())
    const [outcome] = await ingestPaths(app, [path, SAFE], { copy: false })
    expect(outcome).toMatchObject({ kind: 'copying', code: 'PRODUCT_COPYING' })
    expect((await all()).map((row) => row.state).sort()).toEqual(['found', 'present'])
    await rename(join(folder, 'late.xml'), join(path, 'MTD_MSIL1C.xml'))
    await ingestPaths(app, [path], { copy: true })
    expect(await all()).toMatchObject([{ state: 'present' }])
  })

  test('a path without products is refused before anything is recorded', async () => {
    await expect(ingestPaths(app, [SAFE, join(folder, 'no')], { copy: false })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    })
    await expect(
      ingestPaths(app, [join(loadConfig({}).programRoot, 'sql')], { copy: false }),
    ).rejects.toMatchObject({ code: 'PRODUCT_UNSUPPORTED' })
    expect(await all()).toEqual([])
  })
})

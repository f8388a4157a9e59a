import {
  cpSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { ingestPaths, listAcquisitions } from '../../src/catalog/ingest.js'
import { setSetting } from '../../src/catalog/settings.js'
import { sizeClassOf } from '../../src/processors/define-processor.js'
import { l2a } from '../../src/processors/l2a/definition.js'
import { readL1tpMetadata } from '../../src/products/landsat/read-l1tp.js'
import { createL2aJob } from '../../src/scheduler/create-l2a-job.js'
import { filesBelow, tarOf, tgzOf } from '../support/archives.js'
import { hasSharedData, sharedData, temporaryFolder } from '../support/cli.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'

const LC09 = join(sharedData, 'landsat-l1-decimated/LC09_C2_112081')
const C1 = join(sharedData, 'landsat-l1-decimated/LC08_C1_016037')
const NAME = 'LC09_L1TP_112081_20220209_20220209_02_T1'
const folder = temporaryFolder('ingest landsat')
let database: TestDatabase
let app: App
let made = 0

/** A copy of a real product under another identifier: another day of processing, collection or category. */
function version(productId: string, change: (mtl: string) => string = (t) => t, from = LC09): string {
  const into = join(folder, `${++made}`)
  cpSync(from, into, { recursive: true })
  const old = readdirSync(into)
    .find((name) => name.endsWith('_MTL.txt'))!
    .replace('_MTL.txt', '')
  for (const name of readdirSync(into))
    if (name.startsWith(old)) renameSync(join(into, name), join(into, name.replace(old, productId)))
  rmSync(join(into, `${productId}_MTL.xml`), { force: true })
  const mtl = join(into, `${productId}_MTL.txt`)
  writeFileSync(mtl, change(readFileSync(mtl, 'latin1').replaceAll(old, productId)))
  return into
}
const all = () => listAcquisitions(app.db, { state: null, tile: null })
const states = async (): Promise<Record<string, string>> =>
  Object.fromEntries((await all()).map((row) => [row.identity.split(':')[1] ?? '', row.state] as const))

describe.skipIf(!hasSharedData)('Landsat products in the catalogue', () => {
  beforeAll(async () => {
    database = await createTestDatabase()
    app = await database.open()
    await setSetting(app.db, 'storage.min_free_mb', '0', { site: null, by: 'test' })
    await setSetting(app.db, 'ingest.copy_quiet_s', '0', { site: null, by: 'test' })
  })
  afterAll(() => database.close())
  beforeEach(async () => {
    await app.db.deleteFrom('step').execute()
    await app.db.deleteFrom('task').execute()
    await app.db.deleteFrom('job').execute()
    await app.db.deleteFrom('acquisition').execute()
    rmSync(database.config.roots.l1, { recursive: true, force: true })
    await app.db.deleteFrom('storage_root').execute()
  })

  test('a folder, its tar and its copy are one acquisition with path and row as its tile', async () => {
    const [first] = await ingestPaths(app, [LC09], { copy: false })
    expect(first).toMatchObject({ kind: 'present', tile: '112081', isNew: true, state: 'present' })
    const entries = Object.entries(filesBelow(LC09)).map(([name, bytes]) => ({ name, bytes }))
    const tar = join(folder, 'any.tar')
    writeFileSync(tar, await tarOf(entries))
    const gz = join(folder, 'any.tar.gz')
    writeFileSync(gz, await tgzOf(filesBelow(LC09)))
    for (const path of [tar, gz, version(NAME)])
      expect(await ingestPaths(app, [path], { copy: true })).toMatchObject([
        { kind: 'present', isNew: false },
      ])
    const rows = await all()
    expect(rows).toHaveLength(1)
    expect(rows[0]).toMatchObject({
      identity: `LANDSAT_L1TP:${NAME}:G20220209T040831`,
      satellite: 'landsat',
      platform: 'LC09',
      tile: '112081',
      baseline: '2.1',
      cloudPercent: 0.12,
    })
    expect(rows[0]?.location).toBe(`l1:landsat/112081/2022/${NAME}_20220209T040831`)
  })

  test('final geometry supersedes real time, a later making the earlier, collection 2 collection 1, in any order', async () => {
    const mades = (day: string) => (t: string) =>
      t.replace(/DATE_PRODUCT_GENERATED = .*/, `DATE_PRODUCT_GENERATED = ${day}T04:08:31Z`)
    const realTime = (t: string) => t.replaceAll('"T1"', '"RT"')
    const versions = [
      version('LC09_L1TP_112081_20220209_20220301_02_RT', (t) => realTime(mades('2022-03-01')(t))),
      version('LC09_L1TP_112081_20220209_20220210_02_T1', mades('2022-02-10')),
      version('LC09_L1TP_112081_20220209_20230501_02_T1', mades('2023-05-01')),
    ]
    const ends: unknown[] = []
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 2, 0],
    ]) {
      await app.db.deleteFrom('acquisition').execute()
      for (const i of order) await ingestPaths(app, [versions[i]!], { copy: false })
      ends.push(await states())
    }
    const expected = {
      LC09_L1TP_112081_20220209_20220301_02_RT: 'superseded',
      LC09_L1TP_112081_20220209_20220210_02_T1: 'superseded',
      LC09_L1TP_112081_20220209_20230501_02_T1: 'present',
    }
    expect(ends).toEqual([expected, expected, expected])
  })

  test('the same scene in collection 1 gives way to collection 2', async () => {
    // Collection 2 of the scene of 016/037, told by its metadata alone: images as they are.
    const c2 = version('LC08_L1TP_016037_20170813_20200903_02_T1', (t) =>
      t
        .replaceAll('LC91120812022040LGN00', 'LC80160372017225LGN00')
        .replaceAll('"LANDSAT_9"', '"LANDSAT_8"')
        .replace('    WRS_PATH = 112', '    WRS_PATH = 16')
        .replace('    WRS_ROW = 81', '    WRS_ROW = 37')
        .replace('DATE_ACQUIRED = 2022-02-09', 'DATE_ACQUIRED = 2017-08-13')
        .replace(/SCENE_CENTER_TIME = .*/, 'SCENE_CENTER_TIME = "15:54:15.7921340Z"'),
    )
    await ingestPaths(app, [c2, C1], { copy: false })
    expect(await states()).toEqual({
      LC08_L1TP_016037_20170813_20200903_02_T1: 'present',
      LC08_L1TP_016037_20170813_20170814_01_RT: 'superseded',
    })
  })

  test('levels without ground control are ignored with the reason, broken ones are broken', async () => {
    const systematic = version(NAME, (t) => t.replaceAll('"L1TP"', '"L1GT"'))
    const tar = join(folder, 'systematic.tar')
    const entries = Object.entries(filesBelow(systematic)).map(([name, bytes]) => ({ name, bytes }))
    writeFileSync(tar, await tarOf(entries))
    const paths = [systematic, tar, join(sharedData, 'landsat-l1-decimated/LC08_C2_092084')]
    const outcomes = await ingestPaths(app, paths, { copy: false })
    expect(outcomes).toMatchObject([
      { kind: 'ignored', code: 'LEVEL_NOT_CORRECTED', reason: expect.stringContaining('L1GT') as string },
      { kind: 'ignored', code: 'LEVEL_NOT_CORRECTED', path: tar },
      { kind: 'broken', code: 'GRID_MISMATCH' },
    ])
    const rows = await all()
    expect(rows.map(({ state, satellite }) => `${satellite} ${state}`)).toEqual([
      'landsat ignored',
      'landsat ignored',
      'landsat broken',
    ])
    // Known again, the tar is not even opened.
    const { mtime } = statSync(tar)
    writeFileSync(tar, Buffer.alloc(statSync(tar).size))
    utimesSync(tar, mtime, mtime)
    expect(await ingestPaths(app, [tar], { copy: false })).toEqual([outcomes[1]])
    expect(await all()).toEqual(rows)
  })

  test('a product that gives way to one without ground control in its folder is ignored', async () => {
    const path = version(NAME)
    await ingestPaths(app, [path], { copy: false })
    const mtl = join(path, `${NAME}_MTL.txt`)
    writeFileSync(mtl, readFileSync(mtl, 'latin1').replaceAll('"L1TP"', '"L1GT"'))
    await ingestPaths(app, [path], { copy: false })
    expect(await all()).toMatchObject([
      { state: 'ignored', tile: '112081', reasonCode: 'LEVEL_NOT_CORRECTED' },
    ])
  })

  test('what is broken is a product of Landsat all the same: by its kind, an archive by its name', async () => {
    const torn = version(NAME)
    rmSync(join(torn, `${NAME}_B4.TIF`))
    const cut = join(folder, `${NAME}.tar`)
    writeFileSync(cut, Buffer.alloc(100))
    const inside = join(folder, 'renamed.tar')
    const entries = Object.entries(filesBelow(torn)).map(([name, bytes]) => ({
      name: `scene/${name}`,
      bytes,
    }))
    writeFileSync(inside, await tarOf(entries))
    const outcomes = await ingestPaths(app, [torn, cut, inside], { copy: false })
    expect(outcomes.map((o) => (o.kind === 'broken' ? o.code : o.kind))).toEqual([
      'PRODUCT_INCOMPLETE',
      'ARCHIVE_UNSUPPORTED',
      'PRODUCT_INCOMPLETE',
    ])
    expect((await all()).map(({ satellite, state }) => [satellite, state])).toEqual(
      outcomes.map(() => ['landsat', 'broken']),
    )
  })

  test('a job takes them as it takes others', async () => {
    await ingestPaths(app, [LC09], { copy: false })
    const [row] = await all()
    const planned = await createL2aJob(app.db, { acquisitionIds: [row!.id], createdBy: 'test' })
    expect(planned.stepIds).toHaveLength(1)
    const step = await app.db
      .selectFrom('step')
      .select(['params', 'memory_mb', 'size_class'])
      .executeTakeFirstOrThrow()
    expect(step.params).toMatchObject({ input: row!.location })
    // It declares what its own images need, not those of a full Sentinel-2 tile.
    const { grid, bands } = await readL1tpMetadata(LC09)
    const size = { pixels: bands.length * grid.width * grid.height, bands: bands.length, threads: 4 }
    expect(bands.length).toBe(8)
    expect(step).toMatchObject({ memory_mb: l2a.resources(size).memoryMb, size_class: sizeClassOf(size) })
  })
})

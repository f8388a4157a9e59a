import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { ingestPaths, listAcquisitions } from '../../src/catalog/ingest.js'
import { setSetting } from '../../src/catalog/settings.js'
import { EXIT } from '../../src/domain/errors.js'
import { simulateL1c } from '../../src/simulator/simulate-l1c.js'
import { filesBelow, tarOf, tgzOf, zipOf } from '../support/archives.js'
import { productFolder, temporaryFolder, tilth } from '../support/cli.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'
import { L2A_RASTERS } from '../support/l2a-files.js'

const folder = temporaryFolder('ingest archives')
let database: TestDatabase
let app: App
let safePath: string
let zip: string
let made = 0

const save = (name: string, bytes: Buffer, ageSeconds = 3600): string => {
  const path = join(folder, `${++made}`, name)
  mkdirSync(join(folder, `${made}`))
  writeFileSync(path, bytes)
  const at = new Date(Date.now() - ageSeconds * 1000)
  utimesSync(path, at, at)
  return path
}
const all = () => listAcquisitions(app.db, { state: null, tile: null })
const staging = () => {
  const path = join(database.config.roots.l1, '.staging')
  return existsSync(path) ? readdirSync(path) : []
}

beforeAll(async () => {
  database = await createTestDatabase()
  app = await database.open()
  await setSetting(app.db, 'storage.min_free_mb', '0', { site: null, by: 'test' })
  const options = { tile: '31TCJ', date: '2025-05-10', pixelSizeM: 720, seed: 5, noiseDn: 0, outDir: folder }
  safePath = (await simulateL1c(options)).safePath
  zip = save('any name.bin', await zipOf(filesBelow(safePath, 'P.SAFE/')))
})
afterAll(() => database.close())
beforeEach(async () => {
  await app.db.deleteFrom('acquisition').execute()
  rmSync(database.config.roots.l1, { recursive: true, force: true })
  await app.db.deleteFrom('storage_root').execute()
})

test('a zip is unpacked into the root l1 and is one acquisition, however often it comes and as what', async () => {
  const [first] = await ingestPaths(app, [zip], { copy: false })
  expect(first).toMatchObject({ kind: 'present', path: `${zip}!/P.SAFE`, tile: '31TCJ', isNew: true })
  const [row] = await all()
  expect(row?.location).toMatch(/^l1:s2\/31TCJ\/2025\/.*\.SAFE$/)
  const place = join(database.config.roots.l1, row?.location.replace('l1:', '') ?? '')
  expect(filesBelow(place)).toEqual(filesBelow(safePath))
  expect(staging()).toEqual([])
  const again = await ingestPaths(app, [zip], { copy: false })
  expect(again).toMatchObject([
    {
      kind: 'present',
      path: `${zip}!/P.SAFE`,
      isNew: false,
      identity: first?.kind === 'present' ? first.identity : '',
    },
  ])
  const asTar = save('product.tgz', await tgzOf(filesBelow(safePath)))
  for (const path of [safePath, asTar])
    expect(await ingestPaths(app, [path], { copy: false })).toMatchObject([{ isNew: false }])
  expect(await all()).toMatchObject([{ id: row?.id, location: row?.location, state: 'present' }])
  expect(staging()).toEqual([])
})

test('an archive that was lost from the root is unpacked again from where it is', async () => {
  await ingestPaths(app, [zip], { copy: false })
  rmSync(join(database.config.roots.l1, 's2'), { recursive: true })
  expect(await ingestPaths(app, [zip], { copy: false })).toMatchObject([{ isNew: true }])
  expect(await all()).toHaveLength(1)
})

test('at once by several callers an archive is unpacked once', async () => {
  const others = await Promise.all([database.open(), database.open()])
  const outcomes = await Promise.all([app, ...others].map((one) => ingestPaths(one, [zip], { copy: false })))
  expect(outcomes.flat().filter((o) => o.kind === 'present' && o.isNew)).toHaveLength(1)
  expect(await all()).toHaveLength(1)
  expect(staging()).toEqual([])
})

test('several products in one archive are several acquisitions, a broken one among them does not hold the others', async () => {
  const other = await simulateL1c({
    tile: '31TCJ',
    date: '2025-06-14',
    pixelSizeM: 720,
    seed: 5,
    noiseDn: 0,
    outDir: folder,
  })
  const broken = Object.fromEntries(
    Object.entries(filesBelow(other.safePath, 'b/C.SAFE/')).filter(([name]) => !name.endsWith('MTD_TL.xml')),
  )
  const path = save(
    'both.zip',
    await zipOf({
      ...filesBelow(safePath, 'a/A.SAFE/'),
      ...filesBelow(other.safePath, 'b/B.SAFE/'),
      ...broken,
    }),
  )
  const outcomes = await ingestPaths(app, [path], { copy: false })
  expect(outcomes.map(({ kind, path: at }) => `${kind} ${at.replace(path, '')}`).sort()).toEqual([
    'broken !/b/C.SAFE',
    'present !/a/A.SAFE',
    'present !/b/B.SAFE',
  ])
  expect((await all()).map(({ state }) => state).sort()).toEqual(['broken', 'present', 'present'])
  // The reason names the member as the user knows it, and nothing is forgotten when the same archive comes again.
  const sayings = (said: typeof outcomes) =>
    said.map((o) => (o.kind === 'present' ? `${o.kind} ${o.path}` : `${o.code} ${o.path} ${o.reason}`)).sort()
  const [brokenOne = ''] = sayings(outcomes)
  expect(brokenOne).toMatch(`PRODUCT_INCOMPLETE ${path}!/b/C.SAFE '${path}!/b/C.SAFE/GRANULE/`)
  expect(brokenOne).not.toContain('.staging')
  const before = await all()
  expect(sayings(await ingestPaths(app, [path], { copy: false }))).toEqual(sayings(outcomes))
  expect(await all()).toEqual(before)
  // Mended, or gone from the archive, it is broken no more.
  writeFileSync(path, await zipOf(filesBelow(safePath, 'a/A.SAFE/')))
  await ingestPaths(app, [path], { copy: false })
  expect((await all()).map(({ state }) => state)).toEqual(['present', 'present'])
})

test('a broken product at the top of an archive stays recorded, with the archive in its reason', async () => {
  const files = Object.entries(filesBelow(safePath)).filter(([name]) => !name.endsWith('MTD_TL.xml'))
  const path = save('flat.zip', await zipOf(Object.fromEntries(files)))
  for (let times = 0; times < 2; times++) {
    expect(await ingestPaths(app, [path], { copy: false })).toMatchObject([{ kind: 'broken', path }])
    const [row, ...others] = await all()
    expect(others).toEqual([])
    expect(row).toMatchObject({ state: 'broken', sourcePath: path })
    expect(row?.reason).toMatch(`'${path}!/GRANULE/`)
    expect(row?.reason).not.toContain('.staging')
  }
})

test('what cannot be unpacked is recorded by its code; nothing of it is visible; the others go on', async () => {
  const files = filesBelow(safePath, 'P.SAFE/')
  const whole = await zipOf(files)
  const link = await tarOf([{ name: 'P.SAFE', type: 'symlink', linkname: '/etc' }])
  const cases = {
    'cut.zip': whole.subarray(0, whole.length / 2),
    'links.tar': link,
    'empty.zip': Buffer.alloc(0),
    'photos.zip': await zipOf({ 'a.jpg': Buffer.from('no product') }),
  }
  for (const [name, bytes] of Object.entries(cases)) save(join(name), bytes)
  const incoming = join(folder, 'incoming')
  rmSync(incoming, { recursive: true, force: true })
  mkdirSync(incoming)
  for (const [name, bytes] of [...Object.entries(cases), ['good.zip', whole] as const]) {
    writeFileSync(join(incoming, name), bytes)
    utimesSync(join(incoming, name), 0, 0)
  }
  const seen: [number, number][] = []
  const outcomes = await ingestPaths(app, [incoming], { copy: false, onProgress: (...p) => seen.push(p) })
  expect(seen).toEqual([1, 2, 3, 4, 5].map((i) => [i, 5]))
  const said = Object.fromEntries(
    outcomes.map((o) => [o.path.replace(`${incoming}/`, ''), o.kind === 'present' ? o.kind : o.code]),
  )
  expect(said).toEqual({
    'cut.zip': 'ARCHIVE_BROKEN',
    'links.tar': 'ARCHIVE_UNSAFE',
    'empty.zip': 'ARCHIVE_UNSUPPORTED',
    'photos.zip': 'PRODUCT_UNSUPPORTED',
    'good.zip!/P.SAFE': 'present',
  })
  expect(staging()).toEqual([])
  writeFileSync(join(incoming, 'cut.zip'), whole)
  await ingestPaths(app, [join(incoming, 'cut.zip')], { copy: false })
  expect((await all()).map(({ state, reasonCode }) => reasonCode ?? state).sort()).toEqual([
    'ARCHIVE_UNSAFE',
    'ARCHIVE_UNSUPPORTED',
    'PRODUCT_UNSUPPORTED',
    'present',
  ])
})

test('a cut archive that changed a moment ago is still being copied', async () => {
  const whole = await zipOf(filesBelow(safePath, 'P.SAFE/'))
  const path = save('fresh.zip', whole.subarray(0, whole.length / 2), 0)
  expect(await ingestPaths(app, [path], { copy: false })).toMatchObject([
    { kind: 'copying', code: 'PRODUCT_COPYING' },
  ])
  writeFileSync(path, whole)
  await ingestPaths(app, [path], { copy: false })
  expect(await all()).toMatchObject([{ state: 'present' }])
})

test('limits are settings', async () => {
  await setSetting(app.db, 'ingest.archive_max_entries', '10', { site: null, by: 'test' })
  expect(await ingestPaths(app, [zip], { copy: false })).toMatchObject([{ code: 'ARCHIVE_LIMIT' }])
  await app.db.deleteFrom('setting').where('key', '=', 'ingest.archive_max_entries').execute()
  expect(await ingestPaths(app, [zip], { copy: false })).toMatchObject([{ kind: 'present' }])
})

test('what an ingest that was killed left in staging is removed when it is old enough', async () => {
  const old = join(database.config.roots.l1, '.staging', '1-old')
  const young = join(database.config.roots.l1, '.staging', '1-young')
  await ingestPaths(app, [zip], { copy: false })
  for (const path of [old, young]) mkdirSync(path, { recursive: true })
  utimesSync(old, 0, 0)
  await ingestPaths(app, [zip], { copy: false })
  expect(staging()).toEqual(['1-young'])
})

test('`tilth l2a` takes an archive, gives the pixels of the folder and leaves nothing in scratch', async () => {
  const env = { TILTH_HOME: join(folder, 'home') }
  const [a, b] = [join(folder, 'from zip'), join(folder, 'from folder')]
  const fromZip = await tilth(['l2a', zip, '--out', a, '--quiet'], env)
  expect(fromZip.exitCode, fromZip.stderr).toBe(0)
  expect((await tilth(['l2a', safePath, '--out', b, '--quiet'], env)).exitCode).toBe(0)
  const sums = (out: string) =>
    readdirSync(productFolder(out))
      .filter((name) => name.endsWith('.tif'))
      .map((name) => [
        name,
        createHash('sha256')
          .update(readFileSync(join(productFolder(out), name)))
          .digest('hex'),
      ])
  expect(
    sums(a)
      .map(([name]) => name)
      .sort(),
  ).toEqual(L2A_RASTERS)
  expect(sums(a)).toEqual(sums(b))
  expect(readdirSync(join(env.TILTH_HOME, 'scratch'))).toEqual([])
  const broken = await tilth(
    ['l2a', save('x.zip', readFileSync(zip).subarray(0, 5000)), '--out', a, '--quiet'],
    env,
  )
  expect(broken.exitCode).toBe(EXIT.data)
  expect(broken.stderr).toContain('ARCHIVE_BROKEN')
  const torn = Object.entries(filesBelow(safePath, 'P.SAFE/')).filter(([name]) => !name.endsWith('TL.xml'))
  const tornZip = save('torn.zip', await zipOf(Object.fromEntries(torn)))
  const tornRun = await tilth(['l2a', tornZip, '--out', a, '--quiet'], env)
  expect(tornRun.stderr).toContain(`'${tornZip}!/P.SAFE/GRANULE/`)
  expect(tornRun.stderr).not.toContain('unpacked-')
  expect(readdirSync(join(env.TILTH_HOME, 'scratch'))).toEqual([])
})

test('a zip made by macOS holds one product, not a second one of its extra files', async () => {
  const files = filesBelow(safePath, 'P.SAFE/')
  const extras = Object.keys(files).map((name): [string, Buffer] => [
    `__MACOSX/${name.replace(/([^/]+)$/, '._$1')}`,
    Buffer.from('\0\x05'),
  ])
  const mac = save('mac.zip', await zipOf({ ...files, ...Object.fromEntries(extras) }))
  expect(await ingestPaths(app, [mac], { copy: false })).toMatchObject([{ kind: 'present', isNew: true }])
  expect(await all()).toHaveLength(1)
})

test('metadata overwritten by zeros keep no other product from being ingested', async () => {
  const files = filesBelow(safePath, '')
  const zeros = join(folder, `${++made}`)
  for (const [name, bytes] of Object.entries(files)) {
    const path = join(zeros, 'a.SAFE', name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, name === 'MTD_MSIL1C.xml' ? Buffer.alloc(bytes.length) : bytes)
  }
  const outcomes = await ingestPaths(app, [zeros, zip], { copy: false })
  expect(outcomes.map(({ kind }) => kind)).toEqual(['copying', 'present'])
  expect((await all()).find(({ state }) => state === 'found')?.reason).toContain('MTD_MSIL1C.xml')
})

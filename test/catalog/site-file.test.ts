import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'smol-toml'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { addSeason } from '../../src/catalog/seasons.js'
import { applySiteFile, exportSite, planSiteFile } from '../../src/catalog/site-file/apply-site-file.js'
import { locateToml } from '../../src/catalog/site-file/locate-toml.js'
import { setSiteTiles, siteTiles } from '../../src/catalog/site-tiles.js'
import { getSite, listSites } from '../../src/catalog/sites.js'
import { splitSite } from '../../src/catalog/split/split-site.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'
import { programRoot, temporaryFolder, tilth } from '../support/cli.js'

const EXAMPLE = readFileSync(join(programRoot, 'config/example-site.toml'), 'utf8')
let database: TestDatabase
let app: App
beforeAll(async () => {
  database = await createTestDatabase()
  app = await database.open()
})
afterAll(() => database.close())
beforeEach(async () => {
  await app.db.deleteFrom('site').where('parent_id', 'is not', null).execute()
  await app.db.deleteFrom('site').execute()
})

const plan = (text: string) => planSiteFile(app.db, text, { folder: '/', name: 'test.toml' })
const lines = async (text: string) =>
  (await plan(text)).changes.flatMap(({ slug, lines }) =>
    lines.map((line) => `${slug} ${line.sign} ${line.text}`),
  )
const apply = async (text: string) => applySiteFile(app.db, await plan(text), 'test')
const mistakes = async (text: string) =>
  plan(text).then(
    () => [],
    (error: unknown) => {
      expect(error).toMatchObject({ code: 'SITE_FILE_INVALID' })
      return (error as Error).message.split('\n').slice(1)
    },
  )

test('the example makes its sites; applied again, and exported and applied, it changes nothing', async () => {
  await apply(EXAMPLE)
  expect(await getSite(app.db, 'lauragais')).toMatchObject({
    subSites: ['lauragais-est'],
    seasons: [{ name: 'winter-2026', midOn: '2026-04-15' }, { name: 'summer-2026' }],
  })
  expect(await getSite(app.db, 'lauragais-est')).toMatchObject({
    parent: 'lauragais',
    seasonsOf: 'lauragais',
  })
  expect(
    (await siteTiles(app.db, 'lauragais')).filter((row) => row.enabled && row.sites.includes('lauragais')),
  ).toMatchObject([
    { tile: '31TCJ' },
    { tile: '197030' },
    { tile: '198030' },
    { tile: '199029' },
    { tile: '199030' },
  ])
  const settings = await app.db.selectFrom('setting').select(['key', 'updated_by']).orderBy('key').execute()
  expect(settings).toEqual([
    { key: 'processor.l2a.aot', updated_by: 'test' },
    { key: 'processor.l2a.max_parallelism', updated_by: 'test' },
  ])
  expect(await lines(EXAMPLE)).toEqual([])
  const exported = await exportSite(app.db, 'lauragais')
  expect(await lines(exported)).toEqual([])
  expect(parse(exported)).toMatchObject({
    site: [{ slug: 'lauragais', sub_site: [{ slug: 'lauragais-est' }] }],
  })
})

test('an export gives the same site in an empty database, split and filtered as it is', async () => {
  await apply(EXAMPLE)
  await apply(EXAMPLE.replaceAll('lauragais', 'other').replace(/# A part of the site[^]*$/, ''))
  await setSiteTiles(app.db, 'other', { enable: ['31TDJ'] })
  await splitSite(app.db, 'other', { kind: 'balanced', parts: 2 }, { dryRun: false })
  await addSeason(app.db, 'other-1', { name: 'own', startsOn: '2026-01-01', endsOn: '2026-02-01' })
  await setSiteTiles(app.db, 'other-2', { disable: ['landsat'] })
  const before = [await exportSite(app.db, 'other'), await siteTiles(app.db, 'other')]
  expect(await lines(await exportSite(app.db, 'other'))).toEqual([])
  await app.db.deleteFrom('site').where('parent_id', 'is not', null).execute()
  await app.db.deleteFrom('site').execute()
  await apply(before[0] as string)
  expect([await exportSite(app.db, 'other'), await siteTiles(app.db, 'other')]).toEqual(before)
})

test('the difference names what is added, changed and removed; parts that the file leaves out stay', async () => {
  await apply(EXAMPLE)
  const change = `
[[site]]
slug = "lauragais"
name = "New"
paused = true
geometry = { type = "Polygon", coordinates = [[[1.5, 43.35], [2, 43.35], [2, 43.65], [1.5, 43.65], [1.5, 43.35]]] }
sub_site = []
season = [{ name = "winter-2026", start = 2025-10-01, end = 2026-08-31 }]
[site.settings]
processor.l2a.wv = 1.5
`
  expect(await lines(change)).toEqual([
    "lauragais ~ name 'Lauragais, winter and summer crops' becomes 'New'",
    'lauragais ~ is paused',
    'lauragais ~ area: 4 vertices become 4',
    'lauragais ~ season winter-2026: 2025-10-01 to 2026-07-31, middle 2026-04-15, becomes 2025-10-01 to 2026-08-31, middle 2026-03-17',
    'lauragais - season summer-2026: 2026-04-01 to 2026-10-31',
    'lauragais + setting processor.l2a.wv: 1.5',
    'lauragais - setting processor.l2a.max_parallelism = 2',
    'lauragais - sub-site lauragais-est: becomes part of lauragais again',
  ])
  await apply(change)
  expect(await lines(change)).toEqual([])
  expect((await listSites(app.db)).map(({ slug, paused }) => [slug, paused])).toEqual([['lauragais', true]])
  expect(await lines('[[site]]\nslug = "lauragais"\n')).toEqual([])
})

test('all mistakes of a file are said at once, each with its line, and nothing is changed', async () => {
  await apply(EXAMPLE)
  expect(await mistakes('[[site]]\nslug = "a"\nname = \n')).toEqual([
    expect.stringMatching(/line 3: no TOML, column \d+/),
  ])
  expect(
    await mistakes(
      '# one\n[[site]]\nslug = 1\n\n[[site]]\nslug = "b"\nnmae = "x"\n[site.tiles.s2]\nonly = ["31TCJ"]\nadd = ["31TDJ"]\n[[site.season]]\nname = "s"\nstart = 2025-01-01\n[site.tiles.s3]\n',
    ),
  ).toEqual([
    "  line 3: 'site.slug': Invalid input: expected string, received number",
    "  line 7: 'site.nmae' is not known here",
    "  line 8: 'site.tiles.s2': only goes with neither add nor off",
    expect.stringMatching(/line 11: 'site.season.end': /),
    "  line 14: 'site.tiles.s3' is not known here",
  ])
  expect(
    await mistakes(`
[[site]]
slug = "Big One"
geometry = """
POLYGON ((0 0, 2 2,
  2 0, 0 2, 0 0))"""
[site.settings]
"processor.l2a.aot" = 7
executor.cpu_slots = 2
nonsense = 1
[site.tiles.landsat]
add = ["31TCJ",
  "999999"]
[[site]]
slug = "c"
geometry = "none.gpkg"
[[site.season]]
name = "a"
start = 2025-01-01
end = 2025-12-31
[[site.season]]
name = "b"
start = "2025-02-30"
end = 2025-12-31
[[site.season]]
name = "c"
start = 2025-03-01
end = 2025-10-31
[[site]]
slug = "lauragais-est"
[[site.sub_site]]
slug = "c"
`),
  ).toEqual([
    expect.stringMatching(/line 3: 'Big One' is no slug/),
    expect.stringMatching(/line 4: .*crosses itself at longitude 1, latitude 1/),
    expect.stringMatching(/line 8: .*processor.l2a.aot.*from 0 to 2|line 8: .*aot/),
    expect.stringMatching(/line 9: .*executor.cpu_slots.*whole system/),
    expect.stringMatching(/line 10: .*nonsense/),
    expect.stringMatching(/line 12: '31TCJ' is no tile of landsat/),
    expect.stringMatching(/line 12: '999999' is no Landsat tile/),
    expect.stringMatching(/line 16: '\/none.gpkg' cannot be read/),
    expect.stringMatching(/line 21: '2025-02-30' is no day/),
    expect.stringMatching(/line 25: Season 'c' .* lies within season 'a'/),
    expect.stringMatching(/line 31: site 'c' is on line 14 already/),
  ])
  expect(
    await mistakes(
      '[[site]]\nslug = "d"\n\n[[site]]\nslug = "lauragais-est"\n[[site.sub_site]]\nslug = "e"\n',
    ),
  ).toEqual([
    "  line 1: site 'd' is new and needs a geometry",
    "  line 4: site 'lauragais-est' is a sub-site of 'lauragais' and can have none of its own",
    "  line 6: site 'e' is new and needs a geometry",
  ])
  expect(await lines(EXAMPLE)).toEqual([])
})

test('what changed between the difference and its application is noticed', async () => {
  await apply(EXAMPLE)
  const text = EXAMPLE.replace('Lauragais, eastern part', 'East')
  const old = await plan(text)
  await addSeason(app.db, 'lauragais', { name: 'late', startsOn: '2026-06-01', endsOn: '2026-12-01' })
  await expect(applySiteFile(app.db, old, 'test')).rejects.toMatchObject({ code: 'CONFLICT' })
  expect((await getSite(app.db, 'lauragais-est')).name).toBe('Lauragais, eastern part')
})

test('of one transaction: what fails late leaves nothing of the file', async () => {
  await apply(EXAMPLE)
  const prepared = await plan(
    `${EXAMPLE}\n[[site]]\nslug = "z"\ngeometry = "POLYGON ((0 0, 1 0, 1 1, 0 0))"\n`,
  )
  const broken = {
    ...prepared,
    changes: prepared.changes.map((c) => (c.slug === 'z' ? { ...c, parent: 'nowhere' } : c)),
  }
  await expect(applySiteFile(app.db, broken, 'test')).rejects.toMatchObject({ code: 'CONFLICT' })
  expect((await listSites(app.db)).map(({ slug }) => slug)).toEqual(['lauragais', 'lauragais-est'])
})

test('lines of a TOML document are found through comments, strings over several lines, arrays and inline tables', () => {
  const text = [
    'a = 1 # [[no]]',
    'b = """',
    '[x] = "" # and "',
    '"""',
    "c.d = '''it''''",
    '"e f" = [1, # ]',
    '  "]"]',
    '[[t]]',
    'k = { m = "]", n = [ {o = 1} ] }',
    '[[t]]',
    '[[t.u]]',
    'v = 2',
    '[t.w]',
    'y = 3',
  ].join('\n')
  const line = locateToml(text)
  expect(parse(text)).toBeTruthy()
  expect(
    [
      ['a'],
      ['b'],
      ['c', 'd'],
      ['e f', 1],
      ['t', 0, 'k', 'n', 0],
      ['t', 1],
      ['t', 1, 'u', 0, 'v'],
      ['t', 1, 'w', 'y'],
      ['t', 1, 'q'],
    ].map(line),
  ).toEqual([1, 2, 5, 6, 9, 10, 12, 14, 10])
})

test('the commands print the difference first, ask before removing, and edit through the editor', async () => {
  const folder = temporaryFolder('site file')
  const file = join(folder, 'sites.toml')
  const editor = join(database.config.home, 'ed.sh')
  writeFileSync(file, EXAMPLE)
  const run = (...args: string[]) => tilth(['site', ...args], { ...database.env, EDITOR: `sh ${editor}` })
  expect((await run('apply', file, '--dry-run')).stdout).toMatch(/\+ site lauragais[^]*--dry-run/)
  expect(await listSites(app.db)).toEqual([])
  expect(await run('apply', file)).toMatchObject({ exitCode: 0, stderr: '' })
  expect((await run('apply', file)).stdout).toBe('nothing to change')
  writeFileSync(file, '[[site]]\nslug = "lauragais"\nseason = []\n')
  const asked = await run('apply', file)
  expect(asked).toMatchObject({
    exitCode: 64,
    stderr: expect.stringMatching(/Remove 2 things: say --yes/) as string,
  })
  expect((await getSite(app.db, 'lauragais')).seasons).toHaveLength(2)
  expect(JSON.parse((await run('apply', file, '--yes', '--json')).stdout)).toMatchObject({ applied: true })
  expect((await getSite(app.db, 'lauragais')).seasons).toEqual([])
  writeFileSync(editor, 'sed -i "s/Lauragais, eastern part/Edited/" "$1"\n')
  expect((await run('edit', 'lauragais')).stdout).toMatch(/name 'Lauragais, eastern part' becomes 'Edited'/)
  expect((await getSite(app.db, 'lauragais-est')).name).toBe('Edited')
  writeFileSync(join(folder, 'area.wkt'), 'POLYGON ((1.5 43.3, 1.6 43.3, 1.6 43.4, 1.5 43.3))')
  expect(
    (await run('set', 'lauragais', '--geometry', join(folder, 'area.wkt'), '--name', 'Small')).stdout,
  ).toMatch(/~ area: 4 vertices become 3/)
  expect((await getSite(app.db, 'lauragais')).bbox).toEqual([1.5, 43.3, 1.6, 43.4])
  expect((await run('set', 'nowhere', '--name', 'x')).exitCode).toBe(66)
})

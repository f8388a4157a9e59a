import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { addSeason, editSeason, removeSeason } from '../../src/catalog/seasons.js'
import { setSiteTiles, siteTiles } from '../../src/catalog/site-tiles.js'
import { addSite, getSite, listSites, parseArea, slugOf } from '../../src/catalog/sites.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'

const square = (west: number, south: number, size = 0.05) => [
  [
    [west, south],
    [west + size, south],
    [west + size, south + size],
    [west, south + size],
    [west, south],
  ],
]
const polygon = (coordinates: unknown) => JSON.stringify({ type: 'Polygon', coordinates })
const FIELD = polygon(square(1.4, 43.5))

describe('an area from GeoJSON text', () => {
  test('may be a polygon, a feature, or a collection, which becomes one area; heights are dropped', () => {
    const bare = parseArea(FIELD)
    const feature = { type: 'Feature', properties: { any: 1 }, geometry: JSON.parse(FIELD) as unknown }
    expect(parseArea(JSON.stringify(feature))).toEqual(bare)
    const other = { ...feature, geometry: { type: 'Polygon', coordinates: square(2, 43) } }
    expect(parseArea(JSON.stringify({ type: 'FeatureCollection', features: [feature, other] }))).toEqual({
      type: 'MultiPolygon',
      coordinates: [square(1.4, 43.5), square(2, 43)],
    })
    const high = square(1.4, 43.5).map((ring) => ring.map((p) => [...p, 120]))
    expect(parseArea(polygon(high))).toEqual(bare)
  })

  test.each([
    ['no JSON', '{"type": ', /no JSON/],
    ['no WKT', 'POLYGON((1 43, ...))', /WKT has 0 numbers for a position before/],
    ['JSON that is no GeoJSON', '{"a": 1}', /no GeoJSON object/],
    ['a point', '{"type":"Point","coordinates":[1,43]}', /is a Point; expected a Polygon/],
    ['a line', '{"type":"LineString","coordinates":[[1,43],[2,43]]}', /is a LineString; expected a Polygon/],
    [
      'a feature without geometry',
      '{"type":"Feature","properties":{},"geometry":null}',
      /Feature without geometry/,
    ],
    ['text for numbers', polygon([[['1', '43']]]), /"1" at coordinates.0.0.0.*expected number/],
    ['no ring', polygon([]), /empty/],
    ['an empty ring', polygon([[]]), /ring/i],
    ['an empty collection', '{"type":"FeatureCollection","features":[]}', /empty/],
    [
      'a bow tie',
      polygon([
        [
          [1, 43],
          [2, 44.5],
          [2, 43],
          [1, 44],
          [1, 43],
        ],
      ]),
      /cross/,
    ],
    [
      'a bow tie of equal halves',
      polygon([
        [
          [1, 43],
          [2, 44],
          [2, 43],
          [1, 44],
          [1, 43],
        ],
      ]),
      /cross/,
    ],
    [
      'an open ring',
      polygon([
        [
          [1, 43],
          [2, 43],
          [2, 44],
          [1, 44],
        ],
      ]),
      /not closed/,
    ],
    [
      'no area',
      polygon([
        [
          [1, 43],
          [2, 43],
          [3, 43],
          [1, 43],
        ],
      ]),
      /area/,
    ],
    ['a latitude of 91', polygon(square(1, 90.96)), /90\.96.*degrees/],
    ['metres of UTM', polygon(square(300_000, 4_900_020, 100)), /degrees/],
  ])('is refused when it is %s', (_, text, message) => {
    expect(() => parseArea(text)).toThrow(
      expect.objectContaining({
        code: 'GEOMETRY_INVALID',
        message: expect.stringMatching(message) as string,
      }) as Error,
    )
  })
})

test.each([
  ["Marne à l'Est", 'marne-a-l-est'],
  ['  Fields_2025 (north) ', 'fields-2025-north'],
  ['Łódź', 'odz'],
  ['x'.repeat(80), 'x'.repeat(63)],
])('the slug of %j is %s', (name, slug) => {
  expect(slugOf(name)).toBe(slug)
})
test('a name without a letter or digit has no slug, and the message says what to do', () => {
  expect(() => slugOf('田地')).toThrow(/--slug/)
})

describe('sites in the database', () => {
  let database: TestDatabase
  let app: App
  beforeAll(async () => {
    database = await createTestDatabase()
    app = await database.open()
  })
  afterAll(() => database.close())
  beforeEach(async () => {
    await app.db.deleteFrom('site').execute()
  })
  const add = (name = 'My fields', options: { slug?: string; parent?: string } = {}) =>
    addSite(app.db, { name, area: parseArea(FIELD), ...options })
  const enabled = async () =>
    (await siteTiles(app.db, 'my-fields'))
      .filter((row) => row.enabled && row.satellite === 's2')
      .map((row) => row.tile)

  test('a site has slug, box, tiles and parent; a taken slug, a bad one and an unknown parent change nothing', async () => {
    await add('Region')
    const site = await add('My fields', { parent: 'region' })
    expect(site).toMatchObject({
      slug: 'my-fields',
      parent: 'region',
      tiles: { s2: 1, landsat: 2 },
      seasons: [],
      paused: false,
    })
    expect(site.bbox).toEqual([1.4, 43.5, 1.4 + 0.05, 43.5 + 0.05])
    const mine = { origin: 'auto', enabled: true, sites: ['my-fields'] }
    expect(await siteTiles(app.db, 'my-fields')).toEqual([
      { satellite: 's2', tile: '31TCJ', ...mine },
      { satellite: 'landsat', tile: '198030', ...mine },
      { satellite: 'landsat', tile: '199030', ...mine },
    ])
    await expect(add()).rejects.toMatchObject({ code: 'CONFLICT' })
    await expect(add('Other', { slug: 'Big Slug' })).rejects.toMatchObject({ code: 'BAD_ARGUMENT' })
    await expect(add('Other', { parent: 'nowhere' })).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect((await listSites(app.db)).map(({ slug }) => slug)).toEqual(['my-fields', 'region'])
  })

  test('of two that take a slug at once one wins and the other is a conflict', async () => {
    const results = await Promise.allSettled([add(), add(), add()])
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    for (const result of results)
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'CONFLICT' })
    expect(await enabled()).toEqual(['31TCJ'])
  })

  test('an area beyond the grid has no tile and makes no site', async () => {
    await expect(
      addSite(app.db, { name: 'Pole', area: parseArea(polygon(square(10, 86))) }),
    ).rejects.toMatchObject({ code: 'GEOMETRY_INVALID' })
    expect(await listSites(app.db)).toEqual([])
  })

  test('seasons come out in order of time, whatever the order in which they were added', async () => {
    await add()
    await addSeason(app.db, 'my-fields', { name: 'b', startsOn: '2025-03-01', endsOn: '2025-10-31' })
    await addSeason(app.db, 'my-fields', { name: 'a', startsOn: '2026-03-01', endsOn: '2026-10-31' })
    await addSeason(app.db, 'my-fields', {
      name: 'z',
      startsOn: '2023-11-01',
      endsOn: '2024-08-01',
      midOn: '2024-05-01',
    })
    expect((await getSite(app.db, 'my-fields')).seasons).toEqual([
      { name: 'z', startsOn: '2023-11-01', midOn: '2024-05-01', endsOn: '2024-08-01' },
      { name: 'b', startsOn: '2025-03-01', midOn: '2025-07-01', endsOn: '2025-10-31' },
      { name: 'a', startsOn: '2026-03-01', midOn: '2026-07-01', endsOn: '2026-10-31' },
    ])
  })

  test.each([
    ['ends before it starts', { startsOn: '2025-10-31', endsOn: '2025-03-01' }, 'BAD_ARGUMENT'],
    [
      'has its middle outside',
      { startsOn: '2025-03-01', endsOn: '2025-10-31', midOn: '2025-11-01' },
      'BAD_ARGUMENT',
    ],
    ['has a 30 February', { startsOn: '2025-02-30', endsOn: '2025-10-31' }, 'BAD_ARGUMENT'],
    ['has no day', { startsOn: 'spring', endsOn: '2025-10-31' }, 'BAD_ARGUMENT'],
    ['lies within another', { startsOn: '2023-04-01', endsOn: '2023-09-30' }, 'CONFLICT'],
    ['lies around another', { startsOn: '2023-01-01', endsOn: '2023-12-31' }, 'CONFLICT'],
    ['has the days of another', { startsOn: '2023-03-01', endsOn: '2023-10-31' }, 'CONFLICT'],
    ['has the name of another', { name: 'once', startsOn: '2024-03-01', endsOn: '2024-10-31' }, 'CONFLICT'],
  ])('a season that %s is refused', async (_, season, code) => {
    await add()
    await addSeason(app.db, 'my-fields', { name: 'once', startsOn: '2023-03-01', endsOn: '2023-10-31' })
    await expect(addSeason(app.db, 'my-fields', { name: 'new', ...season })).rejects.toMatchObject({ code })
    expect((await getSite(app.db, 'my-fields')).seasons).toHaveLength(1)
  })

  test('seasons may overlap; they are edited and removed, and the database itself refuses nesting', async () => {
    await add()
    await addSeason(app.db, 'my-fields', { name: 'winter', startsOn: '2024-10-01', endsOn: '2025-07-15' })
    await addSeason(app.db, 'my-fields', { name: 'summer', startsOn: '2025-04-01', endsOn: '2025-10-31' })
    expect(await editSeason(app.db, 'my-fields', 'summer', { endsOn: '2025-11-30' })).toEqual({
      name: 'summer',
      startsOn: '2025-04-01',
      midOn: '2025-07-17',
      endsOn: '2025-11-30',
    })
    await expect(editSeason(app.db, 'my-fields', 'summer', { startsOn: '2024-09-01' })).rejects.toMatchObject(
      {
        code: 'CONFLICT',
        message: expect.stringMatching(/'winter' .* lies within season 'summer'/) as string,
      },
    )
    expect(
      await editSeason(app.db, 'my-fields', 'summer', { name: 'dry', endsOn: '2025-07-16' }),
    ).toMatchObject({ name: 'dry', midOn: '2025-05-24' })
    await expect(editSeason(app.db, 'my-fields', 'summer', {})).rejects.toMatchObject({ code: 'NOT_FOUND' })
    const { id } = await getSite(app.db, 'my-fields')
    const nested = { starts_on: '2024-11-01', mid_on: '2025-02-01', ends_on: '2025-06-01' }
    await expect(
      app.db
        .insertInto('season')
        .values({ site_id: id, name: 'nested', ...nested })
        .execute(),
    ).rejects.toMatchObject({ constraint: 'season_not_nested' })
    await removeSeason(app.db, 'my-fields', 'winter')
    await expect(removeSeason(app.db, 'my-fields', 'winter')).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect((await getSite(app.db, 'my-fields')).seasons.map(({ name }) => name)).toEqual(['dry'])
  })

  test('of two seasons that lie within each other and are added at once one wins', async () => {
    await add()
    const results = await Promise.allSettled([
      addSeason(app.db, 'my-fields', { name: 'a', startsOn: '2025-01-01', endsOn: '2025-12-31' }),
      addSeason(app.db, 'my-fields', { name: 'b', startsOn: '2025-03-01', endsOn: '2025-10-31' }),
    ])
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  })

  test('a sub-site has the seasons of its parent until it has its own', async () => {
    await add('Region')
    await add('My fields', { parent: 'region' })
    await addSeason(app.db, 'region', { name: 'year', startsOn: '2025-01-01', endsOn: '2025-12-31' })
    expect(await getSite(app.db, 'my-fields')).toMatchObject({
      seasons: [{ name: 'year' }],
      seasonsOf: 'region',
    })
    await addSeason(app.db, 'my-fields', { name: 'short', startsOn: '2025-03-01', endsOn: '2025-06-30' })
    expect(await getSite(app.db, 'my-fields')).toMatchObject({
      seasons: [{ name: 'short' }],
      seasonsOf: 'my-fields',
    })
    await removeSeason(app.db, 'my-fields', 'short')
    expect(await getSite(app.db, 'my-fields')).toMatchObject({ seasonsOf: 'region' })
  })

  test('sub-sites have none of their own: the command says whose parent to take, the database refuses every way', async () => {
    const region = await add('Region')
    const child = await add('My fields', { parent: 'region' })
    await expect(add('Deeper', { parent: 'my-fields' })).rejects.toMatchObject({
      code: 'CONFLICT',
      message: expect.stringMatching(/sub-site of 'region'.*Take 'region'/) as string,
    })
    const other = await add('Other')
    const setParent = (id: number, parentId: number) =>
      app.db.updateTable('site').set({ parent_id: parentId }).where('id', '=', id).execute()
    await expect(setParent(other.id, child.id)).rejects.toMatchObject({ constraint: 'site_one_level' })
    await expect(setParent(region.id, other.id)).rejects.toMatchObject({ constraint: 'site_one_level' })
    // Two halves of a second level at once: the later one sees the earlier.
    const third = await add('Third')
    const results = await Promise.allSettled([setParent(other.id, third.id), setParent(third.id, region.id)])
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  })

  test('what a parent has is the union over its sub-sites, each tile once, at any time', async () => {
    await add('Region')
    await add('My fields', { parent: 'region' })
    await add('East', { parent: 'region' })
    await setSiteTiles(app.db, 'region', { disable: ['s2', 'landsat'] })
    await setSiteTiles(app.db, 'east', { enable: ['31TDJ'] })
    const all = async () =>
      (await siteTiles(app.db, 'region')).map((row) => [row.tile, row.enabled, row.sites.join(' ')])
    expect(await all()).toEqual([
      ['31TCJ', true, 'east my-fields'],
      ['31TDJ', true, 'east'],
      ['198030', true, 'east my-fields'],
      ['199030', true, 'east my-fields'],
    ])
    await setSiteTiles(app.db, 'east', { only: ['31TDJ'], disable: ['landsat'] })
    await setSiteTiles(app.db, 'my-fields', { disable: ['198030'] })
    expect(await all()).toEqual([
      ['31TCJ', true, 'my-fields'],
      ['31TDJ', true, 'east'],
      ['198030', false, 'east my-fields region'],
      ['199030', true, 'my-fields'],
    ])
    expect((await getSite(app.db, 'region')).tiles).toEqual({ s2: 2, landsat: 1 })
  })

  test('the tile filter: only, enable and disable; tiles of the polygon stay known, a bad name changes nothing', async () => {
    await add()
    await setSiteTiles(app.db, 'my-fields', { enable: ['31TDJ', 't31tdj', '31TDH'] })
    expect(await enabled()).toEqual(['31TCJ', '31TDH', '31TDJ'])
    await setSiteTiles(app.db, 'my-fields', { disable: ['31TCJ'] })
    expect(await enabled()).toEqual(['31TDH', '31TDJ'])
    await setSiteTiles(app.db, 'my-fields', { only: ['31TDJ'] })
    expect(await siteTiles(app.db, 'my-fields')).toMatchObject([
      { satellite: 's2', tile: '31TCJ', origin: 'auto', enabled: false },
      { satellite: 's2', tile: '31TDJ', origin: 'manual', enabled: true },
      { satellite: 'landsat', enabled: true },
      { satellite: 'landsat', enabled: true },
    ])
    await expect(
      setSiteTiles(app.db, 'my-fields', { only: ['31TCJ'], disable: ['99XXX'] }),
    ).rejects.toMatchObject({ code: 'TILE_UNKNOWN' })
    expect(await enabled()).toEqual(['31TDJ'])
    expect((await getSite(app.db, 'my-fields')).tiles).toEqual({ s2: 1, landsat: 2 })
    await setSiteTiles(app.db, 'my-fields', { only: ['198030'], enable: ['s2'] })
    expect((await getSite(app.db, 'my-fields')).tiles).toEqual({ s2: 2, landsat: 1 })
    await setSiteTiles(app.db, 'my-fields', { disable: ['landsat'] })
    expect((await getSite(app.db, 'my-fields')).tiles).toEqual({ s2: 2, landsat: 0 })
    await setSiteTiles(app.db, 'my-fields', { only: ['31TDJ'], enable: ['landsat'] })
    expect((await getSite(app.db, 'my-fields')).tiles).toEqual({ s2: 1, landsat: 2 })
    await expect(setSiteTiles(app.db, 'nowhere', { only: [] })).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })
})

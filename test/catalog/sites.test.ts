import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import {
  addSeason,
  addSite,
  getSite,
  listSites,
  parseArea,
  setSiteTiles,
  siteTiles,
  slugOf,
} from '../../src/catalog/sites.js'
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
    ['no JSON', 'POLYGON((1 43, ...))', /no JSON/],
    ['JSON that is no GeoJSON', '{"a": 1}', /no GeoJSON Polygon/],
    ['a point', '{"type":"Point","coordinates":[1,43]}', /no GeoJSON Polygon/],
    ['a line', '{"type":"LineString","coordinates":[[1,43],[2,43]]}', /no GeoJSON Polygon/],
    ['a feature without geometry', '{"type":"Feature","properties":{},"geometry":null}', /no GeoJSON/],
    ['text for numbers', polygon([[['1', '43']]]), /no GeoJSON Polygon/],
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
    (await siteTiles(app.db, 'my-fields')).filter((row) => row.enabled).map((row) => row.tile)

  test('a site has slug, box, tiles and parent; a taken slug, a bad one and an unknown parent change nothing', async () => {
    await add('Region')
    const site = await add('My fields', { parent: 'region' })
    expect(site).toMatchObject({ slug: 'my-fields', parent: 'region', tiles: 1, seasons: [], paused: false })
    expect(site.bbox).toEqual([1.4, 43.5, 1.4 + 0.05, 43.5 + 0.05])
    expect(await siteTiles(app.db, 'my-fields')).toEqual([
      { satellite: 's2', tile: '31TCJ', origin: 'auto', enabled: true },
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
    ['has the name of another', { name: 'once', startsOn: '2024-03-01', endsOn: '2024-10-31' }, 'CONFLICT'],
  ])('a season that %s is refused', async (_, season, code) => {
    await add()
    await addSeason(app.db, 'my-fields', { name: 'once', startsOn: '2023-03-01', endsOn: '2023-10-31' })
    await expect(addSeason(app.db, 'my-fields', { name: 'new', ...season })).rejects.toMatchObject({ code })
    expect((await getSite(app.db, 'my-fields')).seasons).toHaveLength(1)
  })

  test('the tile filter: only, enable and disable; tiles of the polygon stay known, a bad name changes nothing', async () => {
    await add()
    await setSiteTiles(app.db, 'my-fields', { enable: ['31TDJ', 't31tdj', '31TDH'] })
    expect(await enabled()).toEqual(['31TCJ', '31TDH', '31TDJ'])
    await setSiteTiles(app.db, 'my-fields', { disable: ['31TCJ'] })
    expect(await enabled()).toEqual(['31TDH', '31TDJ'])
    await setSiteTiles(app.db, 'my-fields', { only: ['31TDJ'] })
    expect(await siteTiles(app.db, 'my-fields')).toEqual([
      { satellite: 's2', tile: '31TCJ', origin: 'auto', enabled: false },
      { satellite: 's2', tile: '31TDJ', origin: 'manual', enabled: true },
    ])
    await expect(
      setSiteTiles(app.db, 'my-fields', { only: ['31TCJ'], disable: ['99XXX'] }),
    ).rejects.toMatchObject({ code: 'TILE_UNKNOWN' })
    expect(await enabled()).toEqual(['31TDJ'])
    expect((await getSite(app.db, 'my-fields')).tiles).toBe(1)
    await expect(setSiteTiles(app.db, 'nowhere', { only: [] })).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })
})

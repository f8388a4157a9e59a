import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { addSeason } from '../../src/catalog/seasons.js'
import { setSetting } from '../../src/catalog/settings.js'
import { setSiteTiles, siteTiles } from '../../src/catalog/site-tiles.js'
import { addSite, getSite, listSites, siteArea } from '../../src/catalog/sites.js'
import { balanceTiles, pieces, type PlacedTile } from '../../src/catalog/split/balance-tiles.js'
import { mergeSites } from '../../src/catalog/split/merge-site.js'
import { splitSite, type SplitBy } from '../../src/catalog/split/split-site.js'
import { claimReadySteps } from '../../src/db/steps/claim-ready-steps.js'
import { completeStep } from '../../src/db/steps/complete-step.js'
import { readAreaGroups } from '../../src/products/areas/read-area-file.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'
import { tilth } from '../support/cli.js'
import { insertSteps, stepOf } from '../support/queue.js'

const box = (w: number, s: number, e: number, n: number) => ({
  type: 'Polygon' as const,
  coordinates: [
    [
      [w, s],
      [e, s],
      [e, n],
      [w, n],
      [w, s],
    ] as const,
  ],
})

let database: TestDatabase
let app: App
beforeAll(async () => {
  database = await createTestDatabase()
  app = await database.open()
})
afterAll(() => database.close())
beforeEach(async () => {
  for (const table of ['product', 'job', 'acquisition', 'setting'] as const)
    await app.db.deleteFrom(table).execute()
  await app.db.deleteFrom('site').where('parent_id', 'is not', null).execute()
  await app.db.deleteFrom('site').execute()
  await addSite(app.db, { name: 'Region', area: box(1.5, 43.5, 3.5, 45) })
})

const split = (by: SplitBy, dryRun = false) => splitSite(app.db, 'region', by, { dryRun })
const merge = (...children: string[]) => mergeSites(app.db, 'region', children, { dryRun: false, by: 'test' })
const union = async () =>
  (await siteTiles(app.db, 'region')).map(({ satellite, tile, enabled, origin }) => ({
    satellite,
    tile,
    enabled,
    origin,
  }))
const enabledOf = async (slug: string) =>
  (await siteTiles(app.db, slug)).filter((row) => row.enabled).map(({ tile }) => tile)
const square = (area: Awaited<ReturnType<typeof siteArea>>) => {
  const polygons = area.type === 'Polygon' ? [area.coordinates] : area.coordinates
  return polygons.reduce(
    (sum, [ring = []]) =>
      sum + ring.slice(1).reduce((s, [x, y], i) => s + (ring[i]![0] * y - x * ring[i]![1]) / 2, 0),
    0,
  )
}

describe('a split', () => {
  test('by tile makes a sub-site for each Sentinel-2 tile, with its part of the area and the Landsat scenes there', async () => {
    const before = await union()
    const tiles = before.filter((row) => row.satellite === 's2').map(({ tile }) => tile)
    const dry = await split({ kind: 'tile' }, true)
    expect((await getSite(app.db, 'region')).subSites).toEqual([])
    expect(await split({ kind: 'tile' })).toEqual(dry)
    const region = await getSite(app.db, 'region')
    expect(region.subSites).toEqual(tiles.map((tile) => `region-${tile.toLowerCase()}`).sort())
    expect(await union()).toEqual(before)
    const child = `region-${tiles[0]!.toLowerCase()}`
    const own = await enabledOf(child)
    expect(own.filter((tile) => tile.length === 5)).toEqual([tiles[0]])
    expect(own.length).toBeGreaterThan(1)
    expect(square(await siteArea(app.db, await getSite(app.db, child)))).toBeLessThan(3)
  })

  test('by path puts each Landsat scene and each Sentinel-2 tile into one sub-site', async () => {
    const before = await union()
    await split({ kind: 'landsat-path' })
    const { subSites } = await getSite(app.db, 'region')
    expect(subSites).toEqual(
      ['region-p197', 'region-p198', 'region-p199'].filter((slug) => subSites.includes(slug)),
    )
    expect(subSites.length).toBeGreaterThan(1)
    const all = (await Promise.all(subSites.map(enabledOf))).flat().sort()
    expect(all).toEqual([...new Set(all)])
    expect(all).toEqual(before.map(({ tile }) => tile).sort())
    expect(await union()).toEqual(before)
  })

  test('into balanced parts differs by one tile at most, and is the same each time', async () => {
    const before = await union()
    const n = before.filter((row) => row.satellite === 's2').length
    const plan = await split({ kind: 'balanced', parts: 3 }, true)
    expect(await split({ kind: 'balanced', parts: 3 })).toEqual(plan)
    const sizes = await Promise.all(
      ['region-1', 'region-2', 'region-3'].map(
        async (slug) => (await enabledOf(slug)).filter((t) => t.length === 5).length,
      ),
    )
    expect(sizes.reduce((a, b) => a + b)).toBe(n)
    expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
    expect(await union()).toEqual(before)
  })

  test('by attribute joins polygons of one value, clips them to the site and leaves the other tiles with it', async () => {
    const before = await union()
    const file = join(database.config.home, 'zones.geojson')
    const zone = (name: string | null, geometry: object) => ({
      type: 'Feature',
      properties: { zone: name },
      geometry,
    })
    const features = [
      zone('Plain', box(1, 43, 2, 44)),
      zone('Hills', box(3, 44.5, 4, 46)),
      zone('Plain', box(2, 43, 2.2, 44)),
      zone('Far away', box(20, 43, 21, 44)),
    ]
    writeFileSync(file, JSON.stringify({ type: 'FeatureCollection', features }))
    const plan = await split({ kind: 'attribute', groups: await readAreaGroups(file, 'zone') })
    expect(plan.notes).toEqual(['Far away: shares no area with the site, no sub-site is made'])
    expect(plan.remaining.length).toBeGreaterThan(0)
    expect((await getSite(app.db, 'region')).subSites).toEqual(['region-hills', 'region-plain'])
    expect((await getSite(app.db, 'region-plain')).bbox).toEqual([1.5, 43.5, 2.2, 44])
    expect(square(await siteArea(app.db, await getSite(app.db, 'region-plain')))).toBeCloseTo(0.35, 9)
    expect(await union()).toEqual(before)
    await expect(readAreaGroups(file, 'region')).rejects.toThrow(/has no field 'region'; it has zone/)
    writeFileSync(
      file,
      JSON.stringify({ type: 'FeatureCollection', features: [zone(null, box(1, 43, 2, 44))] }),
    )
    await expect(readAreaGroups(file, 'zone')).rejects.toThrow(/polygon 1 has no value of 'zone'/)
  })

  test('keeps a tile filter: what was off stays off, by whatever way back', async () => {
    const [first, second] = (await enabledOf('region')).filter((tile) => tile.length === 5)
    await setSiteTiles(app.db, 'region', { disable: [first!], enable: ['30TYP'] })
    const before = await union()
    const plan = await split({ kind: 'tile' })
    expect(plan.notes).toEqual(['30TYP: shares no area with the site, no sub-site is made'])
    expect(plan.remaining.map(({ tile }) => tile)).toContain('30TYP')
    expect(plan.children.map(({ slug }) => slug)).not.toContain(`region-${first!.toLowerCase()}`)
    expect(plan.children.map(({ slug }) => slug)).toContain(`region-${second!.toLowerCase()}`)
    expect(await union()).toEqual(before)
    await merge()
    expect(await union()).toEqual(before)
  })

  test('is refused where it would be a second one, a second level, without tiles, or over a taken name; nothing is changed then', async () => {
    await addSite(app.db, { name: 'Taken', slug: 'region-2', area: box(10, 45, 10.1, 45.1) })
    await expect(split({ kind: 'balanced', parts: 2 })).rejects.toThrow(/'region-2' cannot be made/)
    expect((await getSite(app.db, 'region')).subSites).toEqual([])
    await split({ kind: 'landsat-path' })
    await expect(split({ kind: 'tile' })).rejects.toThrow(/has sub-sites already.*tilth site merge region/)
    await expect(splitSite(app.db, 'region-p198', { kind: 'tile' }, { dryRun: false })).rejects.toThrow(
      /sub-site of 'region'/,
    )
    await setSiteTiles(app.db, 'region-2', { disable: ['s2'] })
    await expect(splitSite(app.db, 'region-2', { kind: 'tile' }, { dryRun: false })).rejects.toThrow(
      /cannot be split so: it has no enabled tile/,
    )
  })

  test('over the antimeridian cuts on the right turn', async () => {
    await addSite(app.db, { name: 'Fiji', area: box(178, -18, 182, -16) })
    const plan = await splitSite(app.db, 'fiji', { kind: 'balanced', parts: 2 }, { dryRun: false })
    expect(plan.children).toHaveLength(2)
    for (const { slug } of plan.children) {
      const { bbox } = await getSite(app.db, slug)
      expect(bbox[2] - bbox[0]).toBeLessThan(4)
    }
  })
})

describe('a merge', () => {
  test('undoes a split: tiles, jobs and steps come back, running ones go on, what is dropped is said', async () => {
    const before = await union()
    await split({ kind: 'balanced', parts: 2 })
    const child = await getSite(app.db, 'region-1')
    const other = await getSite(app.db, 'region-2')
    await addSeason(app.db, 'region-1', { name: 'short', startsOn: '2025-03-01', endsOn: '2025-06-01' })
    await setSetting(app.db, 'processor.l2a.aot', '0.2', { site: 'region-1', by: 'test' })
    const mine = await insertSteps(app.db, [{}, {}], { siteId: child.id })
    const theirs = await insertSteps(app.db, [{}], { siteId: other.id })
    const [claim] = await claimReadySteps(app.db, {
      ...{ executor: 'local', node: 'here', pid: 1, leaseSeconds: 30 },
      grants: [{ id: mine.stepIds[0]!, threads: 1, settingsId: 0 }],
    })
    expect(await merge('region-1')).toEqual([
      {
        slug: 'region-1',
        dropped: [
          "name 'Region part 1' and its area",
          expect.stringMatching(/^its tile filter: .* off$/) as string,
          'season short, 2025-03-01 to 2025-06-01',
          'setting processor.l2a.aot = 0.2',
        ],
        open: { running: 1, waiting: 1 },
      },
    ])
    const region = await getSite(app.db, 'region')
    expect(region.subSites).toEqual(['region-2'])
    for (const id of mine.stepIds) expect((await stepOf(app.db, id)).site_id).toBe(region.id)
    expect((await stepOf(app.db, theirs.stepIds[0]!)).site_id).toBe(other.id)
    expect(await completeStep(app.db, claim!, [], {})).toEqual({ kind: 'published' })
    expect(await union()).toEqual(before)
    await merge()
    expect((await listSites(app.db)).map(({ slug }) => slug)).toEqual(['region'])
    expect(await union()).toEqual(before)
  })

  test('takes over what sub-sites changed meanwhile, so that the union stays', async () => {
    await split({ kind: 'balanced', parts: 2 })
    const [tile] = (await enabledOf('region-2')).filter((t) => t.length === 5)
    await setSiteTiles(app.db, 'region-2', { disable: [tile!], enable: ['32TLP'] })
    const before = await union()
    expect(before).toContainEqual({ satellite: 's2', tile: '32TLP', enabled: true, origin: 'manual' })
    await merge()
    expect(await union()).toEqual(before)
  })

  test('of what is no sub-site is refused', async () => {
    await expect(merge()).rejects.toThrow(/has no sub-sites/)
    await split({ kind: 'balanced', parts: 2 })
    await addSite(app.db, { name: 'Other', area: box(10, 45, 10.1, 45.1) })
    await expect(merge('region-1', 'other')).rejects.toThrow(/'other' is no sub-site of 'region'/)
    expect((await getSite(app.db, 'region')).subSites).toHaveLength(2)
  })
})

test('of a split and a merge at once, and of two splits, one comes after the other', async () => {
  const splits = await Promise.allSettled([split({ kind: 'tile' }), split({ kind: 'balanced', parts: 2 })])
  expect(splits.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  const before = await union()
  await Promise.allSettled([merge(), merge(), split({ kind: 'tile' })])
  expect(await union()).toEqual(before)
})

test('products of a parent are those of its own and its sub-sites’ tiles, each once, before and after', async () => {
  const [a, b] = (await enabledOf('region')).filter((tile) => tile.length === 5)
  for (const [name, tile] of [
    ['P1', a!],
    ['P2', b!],
    ['P3', '32TLP'],
  ] as const)
    await app.db
      .insertInto('product')
      .values({
        ...{
          name,
          level: 'L2A',
          processor: 'l2a',
          processor_version: 1,
          satellite: 's2',
          platform: 'S2A',
          tile,
        },
        ...{ sensed_at: '2025-05-10T10:50:31Z', location: `archive:${name}`, provenance: '{}' },
      })
      .execute()
  const products = async () =>
    (
      JSON.parse((await tilth(['products', '--site', 'region', '--json'], database.env)).stdout) as {
        name: string
      }[]
    ).map(({ name }) => name)
  expect(await products()).toEqual(['P1', 'P2'])
  const done = await tilth(['site', 'split', 'region', '--by', 'balanced', '2'], database.env)
  expect(done).toMatchObject({ exitCode: 0, stderr: '' })
  expect(done.stdout).toMatch(/region-1 +Region part 1 .*\n(.*\n)*site region has 2 sub-sites/)
  await setSiteTiles(app.db, 'region', { enable: [a!] })
  expect(await products()).toEqual(['P1', 'P2'])
  expect((await tilth(['site', 'merge', 'region', '--dry-run'], database.env)).stdout).toMatch(
    /drops name[^]*--dry-run/,
  )
  expect((await tilth(['site', 'merge', 'region'], database.env)).stdout).toMatch(
    /2 sub-sites merged into region/,
  )
  expect(await products()).toEqual(['P1', 'P2'])
  expect((await tilth(['site', 'split', 'region', '--by', 'balanced', '1'], database.env)).exitCode).toBe(64)
})

describe('balanced parts', () => {
  const touches = (a: PlacedTile, b: PlacedTile) =>
    Math.max(Math.abs(a.centre[0] - b.centre[0]), Math.abs(a.centre[1] - b.centre[1])) <= 1
  const cell = fc.tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 9 }))
  const tilesOf = (cells: readonly (readonly [number, number])[]): PlacedTile[] =>
    cells.map(([x, y]) => ({ tile: `${x}-${y}`, centre: [x, y] }))

  test('hold each tile once, differ by at most one, whatever the order of the input', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(cell, { minLength: 1, maxLength: 60, selector: String }),
        fc.integer({ min: 1, max: 12 }),
        (cells, n) => {
          const parts = balanceTiles(tilesOf(cells), n, touches)
          const names = parts.map((part) => part.map(({ tile }) => tile))
          expect(names.flat().sort()).toEqual(
            tilesOf(cells)
              .map(({ tile }) => tile)
              .sort(),
          )
          const sizes = parts.map((part) => part.length)
          expect(parts).toHaveLength(Math.min(n, cells.length))
          expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
          const again = balanceTiles(tilesOf([...cells].reverse()), n, touches)
          expect(again.map((part) => part.map(({ tile }) => tile))).toEqual(names)
        },
      ),
    )
  })
  test('of a full grid are contiguous', () => {
    const grid = tilesOf(Array.from({ length: 60 }, (_, i) => [i % 10, Math.floor(i / 10)] as const))
    for (let n = 1; n <= 12; n++)
      for (const part of balanceTiles(grid, n, touches)) expect(pieces(part, touches)).toBe(1)
  })
})

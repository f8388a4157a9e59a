import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import type { App } from '../../src/app.js'
import { deleteBelow, deleteDoomed } from '../../src/catalog/remove/delete-doomed.js'
import { planRemoval, removeSite } from '../../src/catalog/remove/remove-site.js'
import { addSite, listSites } from '../../src/catalog/sites.js'
import { provenRoots } from '../../src/catalog/storage-roots.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'
import { temporaryFolder, tilth } from '../support/cli.js'
import { insertSteps, stepOf } from '../support/queue.js'

let database: TestDatabase
let app: App
let roots: Readonly<Record<string, string>>
let user: string
beforeAll(async () => {
  database = await createTestDatabase()
  app = await database.open()
  roots = await provenRoots(app.db, app.config)
  user = temporaryFolder('user data')
})
afterAll(() => database.close())

const area = (w: number) => ({
  type: 'Polygon' as const,
  coordinates: [
    [
      [w, 43.5],
      [w + 0.05, 43.5],
      [w + 0.05, 43.55],
      [w, 43.55],
      [w, 43.5],
    ] as const,
  ],
})
const publish = async (name: string, tile: string) => {
  const location = `L2A/${tile}/2025/05/${name}/r1-1`
  mkdirSync(join(roots['archive']!, location), { recursive: true })
  writeFileSync(join(roots['archive']!, location, 'B02.tif'), 'x'.repeat(1000))
  const scene = join(user, name)
  mkdirSync(scene, { recursive: true })
  writeFileSync(join(scene, 'pixels'), 'precious')
  mkdirSync(join(roots['l1']!, 's2'), { recursive: true })
  if (!existsSync(join(roots['l1']!, 's2', name))) symlinkSync(scene, join(roots['l1']!, 's2', name))
  const { id } = await app.db
    .insertInto('acquisition')
    .values({
      ...{ identity: name, satellite: 's2', platform: 'S2A', tile, state: 'present' },
      ...{ sensed_at: '2025-05-10T10:50:31Z', location: `l1:s2/${name}` },
    })
    .returning('id')
    .executeTakeFirstOrThrow()
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
      ...{
        sensed_at: '2025-05-10T10:50:31Z',
        location: `archive:${location}`,
        provenance: '{}',
        acquisition_id: id,
      },
    })
    .execute()
  return { folder: join(roots['archive']!, location), link: join(roots['l1']!, 's2', name), scene }
}
let own: Awaited<ReturnType<typeof publish>>
let shared: Awaited<ReturnType<typeof publish>>
beforeEach(async () => {
  for (const table of ['product', 'job', 'acquisition', 'doomed_path'] as const)
    await app.db.deleteFrom(table).execute()
  await app.db.deleteFrom('site').where('parent_id', 'is not', null).execute()
  await app.db.deleteFrom('site').execute()
  // 31TCJ is the first site's alone, 31TDJ both sites'.
  await addSite(app.db, { name: 'Going', area: { ...area(1.4), type: 'Polygon' } })
  await addSite(app.db, { name: 'Going part', parent: 'going', area: area(2.3) })
  await addSite(app.db, { name: 'Staying', area: area(2.3) })
  own = await publish('own', '31TCJ')
  shared = await publish('shared', '31TDJ')
})
const all = { products: true, l1: true }

test('by itself it keeps every product and acquisition; the plan says what would go', async () => {
  const plan = await planRemoval(app.db, roots, 'going', { products: false, l1: false })
  expect(plan).toMatchObject({
    sites: ['going', 'going-part'],
    products: 0,
    acquisitions: 0,
    files: 0,
    bytes: 0,
  })
  await removeSite(app.db, roots, 'going', { products: false, l1: false, by: 'test' })
  expect((await listSites(app.db)).map(({ slug }) => slug)).toEqual(['staying'])
  for (const { folder, link } of [own, shared])
    expect([existsSync(folder), existsSync(link)]).toEqual([true, true])
  expect(await app.db.selectFrom('product').select('name').orderBy('name').execute()).toHaveLength(2)
})

test('products and links of tiles that nobody else has go when asked; those of others and what a link leads to stay', async () => {
  expect(await planRemoval(app.db, roots, 'going', all)).toMatchObject({
    products: 1,
    acquisitions: 1,
    files: 2,
    bytes: 1000,
  })
  const done = await removeSite(app.db, roots, 'going', { ...all, by: 'test' })
  expect(done).toEqual({
    deleted: expect.arrayContaining(['archive:L2A/31TCJ/2025/05/own/r1-1', 'l1:s2/own']) as string[],
    kept: [],
  })
  expect([existsSync(own.folder), existsSync(own.link), readdirSync(own.scene)]).toEqual([
    false,
    false,
    ['pixels'],
  ])
  expect(existsSync(join(roots['archive']!, 'L2A/31TCJ'))).toBe(false)
  expect([existsSync(shared.folder), existsSync(shared.link)]).toEqual([true, true])
  expect(await app.db.selectFrom('acquisition').select('identity').execute()).toEqual([
    { identity: 'shared' },
  ])
  expect(await app.db.selectFrom('doomed_path').select('location').execute()).toEqual([])
})

test('open steps of a shared tile become those of the other site, the rest is cancelled', async () => {
  const going = (await listSites(app.db)).find(({ slug }) => slug === 'going')!
  const staying = (await listSites(app.db)).find(({ slug }) => slug === 'staying')!
  const { stepIds } = await insertSteps(app.db, [{}, {}], { siteId: going.id })
  const tasks = await Promise.all(stepIds.map(async (id) => (await stepOf(app.db, id)).task_id))
  await app.db.updateTable('task').set({ tile: '31TDJ' }).where('id', '=', tasks[1]!).execute()
  await removeSite(app.db, roots, 'going', { ...all, by: 'test' })
  expect(await stepOf(app.db, stepIds[0]!)).toMatchObject({ state: 'cancelled', site_id: null })
  expect(await stepOf(app.db, stepIds[1]!)).toMatchObject({ state: 'ready', site_id: staying.id })
})

test('the removal and its cancels are one: where the one is refused, so are the others', async () => {
  const going = (await listSites(app.db)).find(({ slug }) => slug === 'going')!
  const { id: job, stepIds } = await insertSteps(app.db, [{}], { siteId: going.id })
  const refuse = (name: string, when: string) =>
    sql`
    create function ${sql.raw(name)}() returns trigger language plpgsql as
      $$ begin raise exception 'not now'; end $$;
    create trigger ${sql.raw(name)} ${sql.raw(when)} for each row execute function ${sql.raw(name)}()`.execute(
      app.db,
    )
  const drop = (name: string) => sql`drop function if exists ${sql.raw(name)} cascade`.execute(app.db)
  const remove = () => removeSite(app.db, roots, 'going', { ...all, by: 'test' })
  const state = async () => (await stepOf(app.db, stepIds[0]!)).state

  await refuse('refuse_cancel', 'before update of state on step')
  onTestFinished(async () => {
    await drop('refuse_cancel')
  })
  await expect(remove()).rejects.toThrow('not now')
  expect([(await listSites(app.db)).length, await state()]).toEqual([3, 'ready'])
  await drop('refuse_cancel')

  await refuse('refuse_end', 'before delete on site')
  onTestFinished(async () => {
    await drop('refuse_end')
  })
  await expect(remove()).rejects.toThrow('not now')
  expect([(await listSites(app.db)).length, await state()]).toEqual([3, 'ready'])
  await drop('refuse_end')

  await remove()
  const ended = await app.db.selectFrom('job').select('state').where('id', '=', job).executeTakeFirstOrThrow()
  expect([(await listSites(app.db)).length, await state(), ended.state]).toEqual([
    1,
    'cancelled',
    'cancelled',
  ])
})

test('a task forgets its acquisition only where that goes', async () => {
  const id = async (identity: string) =>
    (
      await app.db
        .selectFrom('acquisition')
        .select('id')
        .where('identity', '=', identity)
        .executeTakeFirstOrThrow()
    ).id
  await publish('own too', '31TCJ')
  // A version of another tile names it as the one that superseded it: it stays.
  await app.db
    .updateTable('acquisition')
    .set({ state: 'superseded', superseded_by: await id('own') })
    .where('identity', '=', 'shared')
    .execute()
  const { stepIds } = await insertSteps(app.db, [{}, {}])
  const tasks = await Promise.all(stepIds.map(async (step) => (await stepOf(app.db, step)).task_id))
  for (const [i, identity] of ['own', 'own too'].entries())
    await app.db
      .updateTable('task')
      .set({ acquisition_id: await id(identity) })
      .where('id', '=', tasks[i]!)
      .execute()
  await removeSite(app.db, roots, 'going', { ...all, by: 'test' })
  const left = await app.db
    .selectFrom('task')
    .select('acquisition_id')
    .where('id', 'in', tasks)
    .orderBy('id')
    .execute()
  expect(left.map((row) => row.acquisition_id)).toEqual([await id('own'), null])
})

test('what a crash left after the rows is deleted by the next look, unless a row names it again', async () => {
  await app.db.deleteFrom('product').where('name', '=', 'own').execute()
  for (const location of ['archive:L2A/31TCJ/2025/05/own/r1-1', 'archive:L2A/31TDJ/2025/05/shared/r1-1'])
    await app.db.insertInto('doomed_path').values({ location, doomed_by: 'test' }).execute()
  expect((await deleteDoomed(app.db, roots)).deleted).toEqual(['archive:L2A/31TCJ/2025/05/own/r1-1'])
  expect([existsSync(own.folder), existsSync(shared.folder)]).toEqual([false, true])
})

test('no path leads out: dots, the root itself, links on the way are refused and said', async () => {
  symlinkSync(user, join(roots['archive']!, 'elsewhere'))
  for (const path of ['', '.', '..', 'a/../../b', 'L2A//x', 'elsewhere/own', 'elsewhere/own/pixels'])
    await expect(deleteBelow(roots['archive']!, path)).rejects.toMatchObject({ code: 'CONFLICT' })
  await app.db
    .insertInto('doomed_path')
    .values({ location: 'archive:elsewhere/own', doomed_by: 'test' })
    .execute()
  expect((await deleteDoomed(app.db, roots)).kept).toMatchObject([
    { reason: expect.stringMatching(/by a link/) as string },
  ])
  expect(readdirSync(join(user, 'own'))).toEqual(['pixels'])
})

test('the command says what it would do and needs --yes', async () => {
  const run = (...args: string[]) => tilth(['site', 'remove', 'going', ...args], database.env)
  expect((await run('--products', 'delete')).stdout).toMatch(
    /products +1\n[^]*nothing was removed; --yes does it/,
  )
  expect(await listSites(app.db)).toHaveLength(3)
  expect((await run('--l1', 'delete')).exitCode).toBe(64)
  expect((await run('--products', 'delete', '--yes')).stdout).toMatch(/site going is removed/)
  expect(await listSites(app.db)).toHaveLength(1)
  expect((await run('--yes')).exitCode).toBe(66)
})

test('the steps of a site are found without a look at all others', async () => {
  const { rows } = await app.db.transaction().execute(async (trx) => {
    await sql`set local enable_seqscan = off`.execute(trx)
    return sql<{ 'QUERY PLAN': string }>`explain update step set site_id = null where site_id = 1`.execute(
      trx,
    )
  })
  expect(rows.map((row) => row['QUERY PLAN']).join('\n')).toContain('step_site_idx')
})

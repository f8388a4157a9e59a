import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { addSeason } from '../../src/catalog/seasons.js'
import { setSiteTiles } from '../../src/catalog/site-tiles.js'
import { addSite } from '../../src/catalog/sites.js'
import { registeredRoots } from '../../src/catalog/storage-roots.js'
import { insertJob } from '../../src/db/jobs/insert-job.js'
import { createL2aJob } from '../../src/scheduler/create-l2a-job.js'
import { formatExplanation, type Explanation } from '../../src/scheduler/why/explanation.js'
import { why as ask } from '../../src/scheduler/why/why.js'
import { tilth } from '../support/cli.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'
import { setSetting } from '../support/queue.js'

let database: TestDatabase
let app: App
beforeAll(async () => {
  database = await createTestDatabase()
  app = await database.open()
  const ring = [
    [1.4, 43.5],
    [1.5, 43.5],
    [1.5, 43.6],
    [1.4, 43.6],
    [1.4, 43.5],
  ] as const
  await addSite(app.db, { name: 'Fields', area: { type: 'Polygon', coordinates: [ring] } })
  await addSeason(app.db, 'fields', { name: '2025', startsOn: '2025-03-01', endsOn: '2025-10-31' })
})
afterAll(() => database.close())
beforeEach(async () => {
  for (const table of ['product', 'job', 'acquisition', 'setting'] as const)
    await app.db.deleteFrom(table).execute()
  await app.db.updateTable('site').set({ paused: false }).execute()
  await setSiteTiles(app.db, 'fields', { enable: ['31TCJ'] })
  await setSetting(app.db, 'storage.min_free_mb', 0)
})

const host = () => ({ node: app.config.host, proveRoots: () => registeredRoots(app.db, app.config) })
const why = (what: string) => ask(app.db, what, host())
/** All that an answer says, of its parts too. */
const said = (found: Explanation): string => formatExplanation(found)

let count = 0
interface Over {
  tile?: string
  satellite?: 's2' | 'landsat'
  sensed_at?: string
  state?: 'broken' | 'superseded'
  reason_code?: string
  reason?: string
}
async function acquire(over: Over = {}): Promise<number> {
  count++
  const { id } = await app.db
    .insertInto('acquisition')
    .values({
      identity: `test:${count}`,
      satellite: 's2',
      platform: 'S2A',
      tile: '31TCJ',
      sensed_at: '2025-05-10T10:50:31Z',
      product_uri: `S2A_MSIL1C_test${count}.SAFE`,
      location: `l1:test${count}`,
      state: 'present',
      ...over,
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  return id
}
const end = (id: number, set: Record<string, unknown>) =>
  app.db.updateTable('step').set(set).where('id', '=', id).execute()

test('an acquisition that no job asked for names the site whose job would take it, and the command', async () => {
  const id = await acquire()
  const found = await why(`acquisition:${id}`)
  expect(found).toMatchObject({
    verdict: 'waits for a job',
    reasons: ['no job of site fields has asked for it'],
    next: ['tilth process --site fields'],
  })
  // By its name too, with and without the extension and a path before it.
  expect(await why(`S2A_MSIL1C_test${count}`)).toEqual(found)
  expect(await why(`acquisition:/data/S2A_MSIL1C_test${count}.SAFE/`)).toEqual(found)
})

test('a disabled row of the tile filter, a day outside all seasons and a tile of no site are told apart', async () => {
  const id = await acquire()
  await setSiteTiles(app.db, 'fields', { disable: ['31TCJ'] })
  expect(await why(`acquisition:${id}`)).toMatchObject({
    reasons: [expect.stringContaining('tile filter of site fields leaves out s2 31TCJ')],
    next: ['tilth tiles set fields --enable 31TCJ'],
  })
  await setSiteTiles(app.db, 'fields', { enable: ['31TCJ'] })
  const winter = await acquire({ sensed_at: '2025-01-10T10:50:31Z' })
  expect((await why(`acquisition:${winter}`)).reasons).toEqual([
    '2025-01-10 is in no season of site fields: 2025 is 2025-03-01 to 2025-10-31',
  ])
  const elsewhere = await acquire({ tile: '33UUP' })
  expect((await why(`acquisition:${elsewhere}`)).reasons).toEqual(['tile 33UUP belongs to no site'])
  // The same name on the other satellite's grid is another tile.
  const landsat = await acquire({ satellite: 'landsat' })
  expect((await why(`acquisition:${landsat}`)).reasons).toEqual(['tile 31TCJ belongs to no site'])
})

test('broken and superseded acquisitions give their own reason, broken ones with what to do', async () => {
  const broken = await acquire({ state: 'broken', reason_code: 'MISSING_BAND', reason: 'B05 is not there' })
  const found = await why(`acquisition:${broken}`)
  expect(found.verdict).toBe('cannot be read')
  expect(found.reasons[0]).toBe('MISSING_BAND: B05 is not there')
  const old = await acquire({ state: 'superseded', reason: 'superseded by X' })
  expect((await why(`acquisition:${old}`)).reasons).toEqual(['superseded by X'])
})

test('with a step it goes on to why the step waits, and through a chain to its root', async () => {
  const id = await acquire()
  const { stepIds } = await createL2aJob(app.db, { site: 'fields', createdBy: 'test' })
  expect(said(await why(`acquisition:${id}`))).toContain('`tilth up`')
  const { id: job } = await insertJob(app.db, {
    ...{ processor: 'l2a', siteId: null, params: {}, priority: 100, createdBy: 'test' },
    tasks: [1, 2].map(() => ({
      ...{ tile: null, acquisitionId: null, params: {}, memoryMb: 64, cpu: 1 },
    })),
  })
  const [second, third] = (
    await app.db.selectFrom('step').select('id').where('job_id', '=', job).orderBy('id').execute()
  ).map((step) => step.id)
  await app.db
    .insertInto('step_dependency')
    .values([
      { step_id: second!, predecessor_id: stepIds[0]! },
      { step_id: third!, predecessor_id: second! },
    ])
    .execute()
  await end(second!, { state: 'blocked' })
  await end(third!, { state: 'blocked' })
  const found = await why(String(third))
  expect(found.reasons).toEqual([`waits for step ${second} (blocked)`])
  expect(found.parts).toMatchObject([{ subject: expect.stringContaining(`step ${stepIds[0]} `) as string }])
  expect(await why(`job:${job}`)).toMatchObject({ verdict: 'is not done', reasons: ['2 blocked'] })
})

test('failed and quarantined steps say code, message, what to do, and how to try again', async () => {
  await acquire()
  const { stepIds } = await createL2aJob(app.db, { site: 'fields', createdBy: 'test' })
  const [step] = stepIds
  const error = { error_code: 'RASTER_UNREADABLE', error_message: 'B02.jp2 ends early', ended_at: new Date() }
  await end(step!, { state: 'failed', ...error })
  expect(await why(`step:${step}`)).toMatchObject({
    verdict: 'failed for good',
    next: [`tilth logs ${step}`, `tilth retry ${step}`],
  })
  await end(step!, { state: 'quarantined', failures: 3 })
  const site = said(await why('fields'))
  expect(site).toMatch(/is quarantined after 3 failed attempts/)
  expect(site).toMatch(/RASTER_UNREADABLE: B02.jp2 ends early/)
})

test('a product that is not there is explained by the acquisition of that tile and time', async () => {
  const name = 'S2A_L2A_31TCJ_20250510T105031_R051'
  expect((await why(name)).reasons).toEqual(['no acquisition of tile 31TCJ on 2025-05-10 is known'])
  const id = await acquire()
  expect(await why(name)).toMatchObject({
    verdict: 'is not there',
    parts: [{ verdict: 'waits for a job' }],
  })
  await app.db
    .insertInto('product')
    .values({
      ...{ name, level: 'L2A', processor: 'l2a', processor_version: 1, satellite: 's2', platform: 'S2A' },
      ...{ tile: '31TCJ', sensed_at: '2025-05-10T10:50:31Z', location: 'archive:x', provenance: '{}' },
      acquisition_id: id,
    })
    .execute()
  expect((await why(name)).verdict).toMatch(/^is there since /)
  expect((await why(`acquisition:${id}`)).verdict).toBe(`is corrected: ${name}`)
  expect((await why('31TCJ')).verdict).toBe('is complete: all 1 acquisitions are corrected')
  await app.db
    .updateTable('product')
    .set({ stale_since: new Date(), stale_reason: 'acquisition X was superseded' })
    .execute()
  expect(await why(name)).toMatchObject({
    verdict: 'is there, but stale',
    reasons: ['acquisition X was superseded', 'it lies in archive:x'],
    next: ['tilth process --stale'],
  })
  await app.db
    .updateTable('product')
    .set({ removed_at: new Date(), removed_reason: 'older than 30 days' })
    .execute()
  expect(await why(name)).toMatchObject({
    verdict: expect.stringMatching(/^was removed /) as string,
    reasons: ['older than 30 days'],
  })
  expect((await why(`acquisition:${id}`)).verdict).toBe('waits for a job')
})

test('a tile and a site put acquisitions of the same position together', async () => {
  for (let i = 0; i < 5; i++) await acquire()
  await acquire({ state: 'broken', reason_code: 'METADATA_INVALID', reason: 'no root element' })
  await app.db.updateTable('site').set({ paused: true }).execute()
  const tile = await why('T31TCJ')
  expect(tile.parts.map(({ subject, verdict }) => [subject.replace(/ .*/, ''), verdict])).toEqual([
    ['5', 'wait for a job'],
    ['acquisition', 'cannot be read'],
  ])
  expect(tile.reasons).toEqual(['site fields has it enabled and is paused'])
  expect(await why('site:fields')).toMatchObject({
    verdict: 'has 0 of 5 present acquisitions corrected, of 6 known',
    reasons: ['it is paused: nothing of it starts', 'no acquisition of 198030, 199029, 199030'],
  })
})

test('what there is not is NOT_FOUND with the command that lists; a malformed number is BAD_ARGUMENT', async () => {
  for (const [what, list] of [
    ['99999', 'tilth steps'],
    ['job:99999', 'tilth jobs'],
    ['nowhere', 'tilth site list'],
    ['S2A_MSIL1C_none.SAFE', 'tilth acquisitions'],
  ] as const)
    await expect(why(what)).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringContaining(list) as string,
    })
  await expect(why('step:x')).rejects.toMatchObject({ code: 'BAD_ARGUMENT' })
  await expect(why('product:x')).rejects.toMatchObject({ code: 'BAD_ARGUMENT' })
})

test('the commands say it in words and as JSON; acquisitions lists where each stands', async () => {
  const id = await acquire()
  const words = await tilth(['why', `acquisition:${id}`], database.env)
  expect(words.stdout).toMatch(/waits for a job\n {2}no job of site fields/)
  const json = await tilth(['why', 'fields', '--json'], database.env)
  expect(JSON.parse(json.stdout)).toMatchObject({ subject: 'site fields' })
  const listed = await tilth(['acquisitions', '--site', 'fields', '--json'], database.env)
  expect(JSON.parse(listed.stdout)).toMatchObject([{ acquisitionId: id, standing: 'not asked for' }])
})

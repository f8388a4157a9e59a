import { afterAll, beforeAll, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { layersOf, type SettingOrigin } from '../../src/config/resolve-settings.js'
import { definitionOf, isSettingKey } from '../../src/config/settings.js'
import { insertJob } from '../../src/db/jobs/insert-job.js'
import { listSteps } from '../../src/db/jobs/list-steps.js'
import { claimReadySteps } from '../../src/db/steps/claim-ready-steps.js'
import { SettingSnapshots } from '../../src/db/steps/setting-snapshots.js'
import { freezeSettings } from '../../src/scheduler/freeze-settings.js'
import { createStepStore } from '../../src/scheduler/step-store.js'
import { readSettings, SettingsInForce } from '../../src/scheduler/settings-in-force.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'
import { setSetting } from '../support/queue.js'

let database: TestDatabase
let app: App
beforeAll(async () => {
  database = await createTestDatabase()
  app = await database.open()
})
afterAll(() => database.close())

test('job settings are frozen with their origin, what is given by hand wins, and live settings are never among them', () => {
  const settings = new SettingsInForce(
    layersOf({
      sites: [
        { id: 1, slug: 'region', parentId: null },
        { id: 2, slug: 'farm', parentId: 1 },
      ],
      settings: [
        { key: 'processor.l2a.aot', siteId: 1, value: 0.3 },
        { key: 'processor.l2a.wv', siteId: 2, value: 3 },
        { key: 'processor.l2a.ozone', siteId: null, value: 350 },
        { key: 'processor.l2a.max_parallelism', siteId: null, value: 7 },
      ],
    }),
  )
  const { values, origins, frozen } = freezeSettings(settings, 'l2a', 2, { ozone: 280, other: 1 })
  expect(values).toEqual({
    ...{ aot: 0.3, wv: 3, ozone: 280, aerosol: 'auto', auxiliary: '', dem: '', other: 1 },
    ...{ mode: 'auto', max_state_age: 0, other_orbits: false, backward_dates: 8, max_cloud: 90 },
    ...{
      engine: 'own',
      dem_error: 2,
      adjacency: true,
      slopes: 'lambert',
      cloud_mask: '',
      cloud_dilation: 120,
    },
    ...{ nbar: false, bandpass: 'none', uncertainty: false, bands: 'all', coregister: '' },
  })
  expect(origins).toEqual({
    aot: 'parent site region',
    wv: 'site farm',
    ozone: 'cli',
    aerosol: 'default',
    auxiliary: 'default',
    dem: 'default',
    dem_error: 'default',
    other: 'cli',
    engine: 'default',
    adjacency: 'default',
    slopes: 'default',
    nbar: 'default',
    bandpass: 'default',
    uncertainty: 'default',
    cloud_mask: 'default',
    bands: 'default',
    coregister: 'default',
    cloud_dilation: 'default',
    mode: 'default',
    max_state_age: 'default',
    other_orbits: 'default',
    backward_dates: 'default',
    max_cloud: 'default',
  })
  expect(frozen['processor.l2a.aot']).toEqual({
    value: 0.3,
    origin: { kind: 'job', from: { kind: 'parent', site: 'region' } },
  })
  expect(frozen['processor.l2a.ozone']).toEqual({
    value: 280,
    origin: { kind: 'job', from: { kind: 'cli' } },
  })
  expect(frozen['products.codec']).toEqual({
    value: 'deflate',
    origin: { kind: 'job', from: { kind: 'default' } },
  })
  for (const key of Object.keys(frozen)) expect(isSettingKey(key) && definitionOf(key).effect).toBe('job')
})

test('all settings of import_l2a are live: nothing is frozen but how its products are written, which is no parameter', () => {
  const settings = new SettingsInForce(
    layersOf({
      sites: [{ id: 1, slug: 'farm', parentId: null }],
      settings: [{ key: 'products.codec', siteId: 1, value: 'zstd' }],
    }),
  )
  const frozen = (value: string, from: SettingOrigin) => ({
    ...{ values: {}, origins: {} },
    frozen: { 'products.codec': { value, origin: { kind: 'job', from } } },
  })
  expect(freezeSettings(settings, 'import_l2a', null, {})).toEqual(frozen('deflate', { kind: 'default' }))
  expect(freezeSettings(settings, 'import_l2a', 1, {})).toEqual(
    frozen('zstd', { kind: 'site', site: 'farm' }),
  )
  expect(settings.shownOnStep('import_l2a', null, 'local')).toMatchObject({
    'processor.import_l2a.max_parallelism': { value: 0 },
    'processor.import_l2a.tile_threads_hint': { value: 2 },
    'processor.import_l2a.executor': { value: 'inherit' },
  })
})

test('a step shows whatever decides when and how it runs: Slurm only where Slurm runs it, pressure only on a machine of ours', () => {
  const settings = new SettingsInForce(
    layersOf({
      sites: [{ id: 1, slug: 'farm', parentId: null }],
      settings: [
        { key: 'fair.weight', siteId: 1, value: 3 },
        { key: 'slurm.partition', siteId: 1, value: 'night' },
        { key: 'storage.quota_mb', siteId: null, value: 5000 },
      ],
    }),
  )
  const local = settings.shownOnStep('l2a', 1, 'local')
  const slurm = settings.shownOnStep('l2a', 1, 'slurm')
  for (const shown of [local, slurm])
    expect(shown).toMatchObject({
      'fair.weight': { value: 3, origin: { kind: 'site', site: 'farm' } },
      'fair.deadline_share': { origin: { kind: 'default' } },
      'storage.quota_mb': { value: 5000, origin: { kind: 'global' } },
    })
  expect(slurm['slurm.partition']).toEqual({ value: 'night', origin: { kind: 'site', site: 'farm' } })
  const groupsOf = (shown: Readonly<Record<string, unknown>>) =>
    new Set(Object.keys(shown).map((key) => key.split('.')[0]))
  const common = ['executor', 'fair', 'limits', 'processor', 'resources', 'retry', 'storage']
  expect(groupsOf(local)).toEqual(new Set([...common, 'pressure']))
  expect(groupsOf(slurm)).toEqual(new Set([...common, 'slurm']))
  // Claims between two readings of the settings name the same one without writing it out again.
  expect(settings.shownOnStep('l2a', 1, 'local')).toBe(local)
})

test('a claimed step shows the live settings of that moment and the job settings of the moment its job was made', async () => {
  await setSetting(app.db, 'processor.l2a.wv', 3)
  const before = await readSettings(app.db)
  const { stepIds } = await insertJob(app.db, {
    processor: 'l2a',
    siteId: null,
    params: {},
    settings: freezeSettings(before, 'l2a', null, {}).frozen as never,
    priority: 100,
    createdBy: 'test',
    tasks: [{ tile: '31TCJ', acquisitionId: null, params: {}, memoryMb: 64, cpu: 1 }],
  })
  await setSetting(app.db, 'processor.l2a.wv', 5)
  await setSetting(app.db, 'retry.max_failures', 9)
  const now = await readSettings(app.db)
  const snapshots = new SettingSnapshots(app.db)
  const settingsId = await snapshots.idOf(now.shownOnStep('l2a', null, 'local'))
  // Looked up again by another process, it is the same one; other settings are not.
  expect(await new SettingSnapshots(app.db).idOf(now.shownOnStep('l2a', null, 'local'))).toBe(settingsId)
  expect(await snapshots.idOf({})).not.toBe(settingsId)
  await claimReadySteps(app.db, {
    executor: 'local',
    node: 'here',
    pid: 1,
    leaseSeconds: 30,
    grants: [{ id: stepIds[0]!, threads: 1, settingsId }],
  })
  const [step] = await listSteps(app.db, { ids: stepIds, limit: 1 })
  const shown = step!.settings as Record<string, unknown>
  expect(shown['processor.l2a.wv']).toEqual({
    value: 3,
    origin: { kind: 'job', from: { kind: 'global' } },
  })
  expect(shown['retry.max_failures']).toEqual({ value: 9, origin: { kind: 'global' } })
  expect(shown['limits.time_s']).toEqual({ value: 21_600, origin: { kind: 'default' } })
})

test('a step process is told the codec that was frozen, and the memory that it was admitted with only where an operator has set that', async () => {
  const claimed = async () => {
    const settings = await readSettings(app.db)
    const { stepIds } = await insertJob(app.db, {
      ...{ processor: 'l2a', siteId: null, params: {}, priority: 100, createdBy: 'test' },
      settings: freezeSettings(settings, 'l2a', null, {}).frozen as never,
      tasks: [{ tile: '31TCJ', acquisitionId: null, params: {}, memoryMb: 64, cpu: 1 }],
    })
    const id = stepIds[0]!
    const settingsId = await new SettingSnapshots(app.db).idOf(settings.shownOnStep('l2a', null, 'local'))
    await claimReadySteps(app.db, {
      ...{ executor: 'local', node: 'here', pid: 1, leaseSeconds: 30 },
      grants: [{ id, threads: 1, settingsId, granted: { memory_mb: 900 } }],
    })
    return createStepStore(app.db).read({ id, attempt: 1 })
  }
  expect(await claimed()).toMatchObject({ codec: 'deflate', memoryMb: null })
  await setSetting(app.db, 'products.codec', 'zstd')
  await setSetting(app.db, 'processor.l2a.memory_mb', 700)
  // 900: it was raised after 700 had been too little.
  expect(await claimed()).toMatchObject({ codec: 'zstd', memoryMb: 900 })
})

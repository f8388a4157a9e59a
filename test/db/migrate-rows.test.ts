import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadConfig } from '../../src/config/config.js'
import { connect } from '../../src/db/connect.js'
import { migrate, readMigrations } from '../../src/db/migrate.js'
import { settleEnds } from '../../src/db/steps/settle-ends.js'
import { listReadySteps } from '../../src/db/steps/list-ready-steps.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.close())

/** Three levels of sites, overlapping seasons, a superseded acquisition, a step in each state, a chain of two steps, and products. */
const FIRST_ROWS = `
  insert into site (slug, name, geometry, bbox) select 'top', 'Top', '{}', box(point(1, 1), point(0, 0));
  insert into site (slug, name, parent_id, geometry, bbox) values ('middle', 'Middle', 1, '{}', box(point(1, 1), point(0, 0)));
  insert into site (slug, name, parent_id, geometry, bbox) values ('low', 'Low', 2, '{}', box(point(1, 1), point(0, 0)));
  insert into site (slug, name, parent_id, geometry, bbox) values ('lowest', 'Lowest', 3, '{}', box(point(1, 1), point(0, 0)));
  insert into season (site_id, name, starts_on, mid_on, ends_on) values
    (1, 'a', '2026-01-01', '2026-06-01', '2026-12-01'), (1, 'within a', '2026-02-01', '2026-03-01', '2026-04-01');
  insert into site_tile (site_id, satellite, tile, origin) select id, 's2', '31TCJ', 'auto' from site;
  insert into setting (key, site_id, value, updated_by) values ('retry.max_failures', null, '4', 'u'), ('processor.l2a.aot', 1, '0.2', 'u');
  insert into acquisition (identity, satellite, platform, tile, sensed_at, baseline, generated_at, location, state, reason) values
    ('S2_L1C:A:N0400', 's2', 'S2A', '31TCJ', '2026-05-01', '04.00', '2026-05-01 12:00', 'l1:a', 'superseded', 'superseded by S2_L1C:A:N0500'),
    ('S2_L1C:A:N0500', 's2', 'S2A', '31TCJ', '2026-05-01', '05.00', '2026-05-02 12:00', 'l1:b', 'present', null),
    ('LC08:x', 'landsat', 'LC08', '199030', '2026-05-01', null, '2026-05-02 12:00', 'l1:c', 'present', null),
    ('S2_L1C:found', 's2', null, null, null, null, null, 'l1:d', 'found', null),
    ('S2_L1C:broken', 's2', null, null, null, null, null, 'l1:e', 'broken', 'unreadable'),
    ('S2_L1C:gone', 's2', 'S2A', '31TCJ', '2026-04-01', null, null, 'l1:f', 'superseded', null);
  insert into job (processor, site_id, state, ended_at, created_by) values
    ('l2a', 1, 'active', null, 'u'), ('l2a', 4, 'succeeded', now(), 'u'), ('l2a', null, 'failed', now(), 'u'), ('l2a', 1, 'cancelled', now(), 'u'),
    ('l2a', 1, 'active', null, 'u');
  insert into task (job_id, processor, tile, acquisition_id) select 1, 'l2a', '31TCJ', 2 from generate_series(1, 7);
  insert into task (job_id, processor, tile, acquisition_id) select j, 'l2a', '31TCJ', 1 from generate_series(2, 5) j;
  insert into step (task_id, job_id, site_id, processor, state, attempt, lease_expires_at, node, pid, error_code, ended_at, started_at)
    select id, 1, 1, 'l2a', state, 1, case when state = 'running' then now() + interval '1 hour' end, 'n', 1,
      case when state in ('failed', 'quarantined') then 'STEP_KILLED' end, now(), now()
    from unnest(enum_range(null::step_state)) with ordinality as s(state, id);
  insert into step (task_id, job_id, site_id, processor, state, attempt, error_code, started_at, ended_at) values
    (8, 2, 4, 'l2a', 'succeeded', 1, null, now(), now()), (9, 3, null, 'l2a', 'failed', 1, 'X', now(), now()), (10, 4, 1, 'l2a', 'cancelled', 0, null, null, now()),
    (11, 5, 1, 'l2a', 'succeeded', 1, null, now(), now());
  update step set settings = '{"retry.max_failures": {"value": 4, "origin": {"kind": "global"}}}' where id in (3, 4, 8);
  update step set settings = '{"executor.lease_s": {"value": 30, "origin": {"kind": "default"}}}' where id = 5;
  -- Blocked behind the one that has succeeded: it would have been set free at this moment.
  insert into step_dependency (step_id, predecessor_id) values (1, 4);
  insert into step_event (step_id, attempt, kind) select id, attempt, kind from step, unnest(array['claimed', 'succeeded']) as kind;
  insert into product (name, level, processor, processor_version, satellite, platform, tile, sensed_at, acquisition_id, step_id, attempt, location, provenance)
    select 'P' || a, 'L2A', 'l2a', 1, 's2', 'S2A', '31TCJ', '2026-05-01', a, 4, 1, 'archive:L2A/31TCJ/P' || a, '{}' from generate_series(1, 3) a;
  insert into storage_root (name, host, path, marker) values ('archive', 'h', '/data', gen_random_uuid());`

test('a database of the first version with rows of every kind comes to the newest, and its queue goes on', async () => {
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  await client.query('drop schema public cascade; create schema public')
  const connection = await connect({ databaseUrl: database.url, home: database.config.home })
  const { db } = connection
  const files = await readMigrations(join(loadConfig({}).programRoot, 'sql', 'migrations'))
  await migrate(db, files.slice(0, 1))
  await client.query(FIRST_ROWS)
  expect(await migrate(db, files)).toEqual(files.slice(1).map(({ name }) => name))

  const select = async (text: string) => (await client.query<Record<string, unknown>>(text)).rows
  expect(await select('select slug, parent_id::int as parent from site order by id')).toEqual([
    { slug: 'top', parent: null },
    { slug: 'middle', parent: 1 },
    { slug: 'low', parent: 1 },
    { slug: 'lowest', parent: 1 },
  ])
  expect(
    await select(
      'select identity, superseded_by::int as by, reason from acquisition where id in (1, 2, 6) order by id',
    ),
  ).toEqual([
    {
      identity: 'S2_L1C:A:N0400:G20260501T120000',
      by: 2,
      reason: 'superseded by S2_L1C:A:N0500:G20260502T120000',
    },
    { identity: 'S2_L1C:A:N0500:G20260502T120000', by: null, reason: null },
    { identity: 'S2_L1C:gone', by: null, reason: null },
  ])
  expect(
    await select('select name, revision, stale_since is not null as stale from product order by id'),
  ).toEqual([
    { name: 'P1', revision: 1, stale: true },
    { name: 'P2', revision: 1, stale: false },
    { name: 'P3', revision: 1, stale: false },
  ])
  expect(await select('select products, bytes::int as bytes from storage_use')).toEqual([
    { products: 3, bytes: 0 },
  ])
  expect(await select('select key, site, changed_by from setting_change order by key')).toEqual([
    { key: 'processor.l2a.aot', site: 'top', changed_by: 'u' },
    { key: 'retry.max_failures', site: null, changed_by: 'u' },
  ])
  const retries = { 'retry.max_failures': { value: 4, origin: { kind: 'global' } } }
  expect(await select('select id::int as id, settings_of(step) as settings from step order by id')).toEqual(
    [
      null,
      null,
      retries,
      retries,
      { 'executor.lease_s': { value: 30, origin: { kind: 'default' } } },
      null,
      null,
      retries,
    ]
      .concat([null, null, null])
      .map((settings, i) => ({ id: i + 1, settings })),
  )
  expect(await select('select count(*)::int as n from setting_snapshot')).toEqual([{ n: 2 }])
  expect(await settleEnds(db)).toBe(1)
  expect((await listReadySteps(db, { executor: 'local', limit: 10 })).map(({ id }) => id).sort()).toEqual([
    1, 2,
  ])
  expect(await select('select state from job order by id')).toEqual(
    ['active', 'succeeded', 'failed', 'cancelled', 'succeeded'].map((state) => ({ state })),
  )
  // Rows of before can still be written, in every way that the rules of the newest version look at.
  await client.query(`update season set name = 'renamed' where name = 'within a'`)
  await client.query(`update product set location = 'archive:L2A/31TCJ/P2b', step_id = 8 where name = 'P2'`)
  await client.query('delete from job where id = 1')
  expect(await select('select distinct step_id::int as id from step_event order by 1')).toEqual(
    [8, 9, 10, 11].map((id) => ({ id })),
  )
  await connection.close()
  await client.end()
})

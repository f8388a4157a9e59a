import { sql } from 'kysely'
import type { App } from '../../src/app.js'
import { lookAtSchedules } from '../../src/scheduler/schedules/look.js'

export interface Tick {
  readonly seconds: number
  readonly jobs: number
  readonly steps: number
}

/** All schedules are due for a look, then one tick of the duty that looks at them. Throws where a schedule failed. */
export async function timeTick({ db }: App): Promise<Tick> {
  await sql`update schedule set look_at = now() where look_at > now()`.execute(db)
  const begun = performance.now()
  const looked = await lookAtSchedules(db)
  const seconds = (performance.now() - begun) / 1000
  const failed = looked.find(({ error }) => error !== null)
  if (failed !== undefined)
    throw new Error(`Schedule ${failed.schedule.name} of ${failed.schedule.site}: ${failed.error ?? ''}`)
  return {
    seconds,
    jobs: looked.filter(({ jobId }) => jobId !== null).length,
    steps: looked.reduce((sum, { steps }) => sum + steps, 0),
  }
}

let served = 0

/** So many new acquisitions at once, one of each tile in turn, as an ingest records them. */
export async function addAcquisitions({ db }: App, count: number): Promise<void> {
  served += 1
  const { rows } = await sql<{ n: number }>`
    with tile as (select row_number() over (order by satellite, tile) as n, satellite, tile from (select distinct satellite, tile from site_tile) t),
    fresh as (
      select i, tile.satellite, tile.tile, case tile.satellite when 's2' then 'S2C' else 'LC09' end as platform
      from generate_series(1, ${count}::int) i join tile on tile.n = 1 + (i * 7919::bigint) % (select count(*) from tile)),
    made as (
      insert into acquisition (identity, satellite, platform, tile, relative_orbit, sensed_at, baseline, product_uri, location, state, bbox, cloud_percent, metadata)
      select 'fresh:' || ${served}::int || ':' || i, satellite, platform, tile, 1 + i % 143,
        timestamptz '2025-09-20 10:30Z' - ${served}::int * interval '2 hours' + i * interval '1 second', '05.11',
        platform || '_' || tile || '_' || ${served}::int || '_' || i || '.SAFE', 'l1:fresh/' || ${served}::int || '/' || i || '.SAFE', 'present', box '((1,1),(0,0))', 10,
        '{"pixels": 754000000, "bands": 13}'
      from fresh returning 1)
    select count(*)::int as n from made`.execute(db)
  if (rows[0]?.n !== count)
    throw new Error(`${count} acquisitions were to be added, there are ${rows[0]?.n ?? 0} tiles for them.`)
}

/** So many L2A products at once of acquisitions that had none, published by the steps that wait for them. */
export async function publishL2a({ db }: App, count: number): Promise<void> {
  const { rows } = await sql<{ n: number }>`
    with open as (
      select s.id, a.id as acquisition_id, a.satellite, a.platform, a.tile, a.sensed_at, a.relative_orbit,
        a.platform || '_L2A_' || a.tile || '_' || to_char(a.sensed_at at time zone 'UTC', 'YYYYMMDD"T"HH24MISS') || '_R' || lpad(a.relative_orbit::text, 3, '0') as name
      from task t join acquisition a on a.id = t.acquisition_id join step s on s.job_id = t.job_id and s.task_id = t.id
      where s.state = 'ready' and a.identity like 'fresh:%' order by s.id limit ${count}),
    done as (
      update step set state = 'succeeded', attempt = 1, ended_at = now(), started_at = now() - interval '1 minute' from open where step.id = open.id
      returning open.*),
    made as (
      insert into product (name, level, processor, processor_version, satellite, platform, tile, sensed_at, relative_orbit, acquisition_id, step_id, attempt, location,
        provenance, bytes)
      select name, 'L2A', 'l2a', 1, satellite, platform, tile, sensed_at, relative_orbit, acquisition_id, id, 1, 'archive:L2A/' || name || '/r' || id || '-1',
        '{"parameters": {}}', 900000000 from done returning 1)
    select count(*)::int as n from made`.execute(db)
  if (rows[0]?.n !== count)
    throw new Error(`${count} L2A products were to be published, ${rows[0]?.n ?? 0} steps waited for that.`)
}

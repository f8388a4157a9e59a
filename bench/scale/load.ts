import pg from 'pg'
import { composite } from '../../src/processors/composite/definition.js'
import { l2a } from '../../src/processors/l2a/definition.js'
import { ndvi } from '../../src/processors/ndvi/definition.js'
import type { ProcessorDefinition } from '../../src/processors/define-processor.js'
import { freezeConsumer } from '../../src/scheduler/consumers/freeze-consumer.js'
import { SettingsInForce } from '../../src/scheduler/settings-in-force.js'

/** How large the catalog and the queue are. */
export interface ScaleSizes {
  /** A tenth of them sub-sites, four to a parent; >= 10. */
  readonly sites: number
  readonly acquisitions: number
  /** All steps: the history of the acquisitions, the rest waits. */
  readonly steps: number
}

/** Planning time of the measurements. */
export const NOW = '2025-09-20T12:00:00Z'
const FIRST_DAY = '2025-01-05'
const DAYS = 255
/** Months of which there are composites, around their 15th: January to August, as the schedules have asked for them. */
const MONTHS = 8

/** Four of five tiles are of Sentinel-2. A site has three of them, of which the next site has about two too, and one of Landsat. */
export function countTiles(sites: number): { s2: number; landsat: number; all: number } {
  const s2 = Math.ceil((sites * 4) / 5)
  const landsat = Math.max(1, Math.ceil(sites / 5))
  return { s2, landsat, all: s2 + landsat }
}

/**
 * Fills an empty, migrated database by statements of whole sets: sites with seasons and the schedules that these bring, overlapping tiles, a season's
 * acquisitions in all states, L2A, NDVI and composites with the jobs, steps and inputs that made them, and steps that wait. Triggers of what is only
 * history do not run; what they would have written is written here. The same sizes give the same rows.
 */
export async function loadScale(url: string, sizes: ScaleSizes): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query('begin')
    for (const text of catalogSql(sizes)) await client.query(text)
    // Only for a superuser, as the user of a benchmark's own server is.
    await client.query('set local session_replication_role = replica')
    for (const text of historySql(sizes)) await client.query(text)
    await client.query('commit')
    await client.query('vacuum analyze')
  } finally {
    await client.end()
  }
}

/** What a job of a processor freezes where nothing is set: only then is what there is as good as new. As a literal of SQL. */
function parametersOf(definition: ProcessorDefinition): string {
  const settings = new SettingsInForce(() => ({ sites: [], global: {} }))
  return `'${JSON.stringify(freezeConsumer(settings, definition, null, {}).parameters).replaceAll("'", "''")}'::jsonb`
}

function catalogSql({ sites }: ScaleSizes): string[] {
  const tiles = countTiles(sites)
  const children = Math.floor(sites / 10)
  return [
    `insert into season_clock (season_at, speed) values ('${NOW}', 1)`,
    // The last tenth are sub-sites: the parents must be there before.
    `insert into site (slug, name, geometry, bbox)
     select 'site-' || lpad(n::text, 4, '0'), 'Site ' || n,
       jsonb_build_object('type', 'Polygon', 'coordinates', jsonb_build_array(jsonb_build_array(jsonb_build_array(x, y), jsonb_build_array(x + 0.5, y),
         jsonb_build_array(x + 0.5, y + 0.5), jsonb_build_array(x, y)))), box(point(x, y), point(x + 0.5, y + 0.5))
     from (select n, (n % 100) * 0.4 as x, 40 + (n / 100) * 0.4 as y from generate_series(0, ${sites - 1}) n) place order by n`,
    `update site set parent_id = parent.id from site parent
     where site.id > ${sites - children} and parent.id = 1 + (site.id - ${sites - children} - 1) / 4`,
    `insert into season (site_id, name, starts_on, mid_on, ends_on)
     select id, '2025', '2025-01-01', '2025-06-01', '2025-12-31' from site where parent_id is null order by id`,
    `create temp table tile_name as
     select n, case when n < ${tiles.s2} then 's2' else 'landsat' end::satellite as satellite,
       case when n < ${tiles.s2} then (28 + n / 480)::text || chr(67 + n / 24 % 20) || chr(65 + n % 24 / 2) || chr(74 + n % 2)
       else lpad((1 + (n - ${tiles.s2}) / 248)::text, 3, '0') || lpad((1 + (n - ${tiles.s2}) % 248)::text, 3, '0') end as tile,
       1 + case when n < ${tiles.s2} then n * 5 / 4 else (n - ${tiles.s2}) * 5 end as site_id
     from generate_series(0, ${tiles.all - 1}) n`,
    `create unique index on tile_name (n)`,
    `insert into site_tile (site_id, satellite, tile, origin)
     select distinct s.id, t.satellite, t.tile, 'auto' from site s join tile_name t
       on t.n in ((s.id - 1) * 4 / 5, ((s.id - 1) * 4 / 5 + 1) % ${tiles.s2}, ((s.id - 1) * 4 / 5 + 2) % ${tiles.s2}, ${tiles.s2} + (s.id - 1) / 5)`,
    // What was due has been answered.
    `update schedule set done_through = '2025-09-15', look_at = now() where repeat = 'on_date'`,
    `analyze`,
  ]
}

/** One of a hundred by a number, spread over tiles and dates: a share of everything falls into every state. */
const percent = (n: string) => `(${n} * 37 % 101)`

function historySql({ sites, acquisitions, steps }: ScaleSizes): string[] {
  const l2aParameters = `'{"aot": 0.12, "wv": 2.1, "ozone": 310}'::jsonb`
  const [ndviParameters, compositeParameters] = [ndvi, composite].map(parametersOf)
  const tiles = countTiles(sites)
  const dates = Math.max(1, Math.ceil(acquisitions / tiles.all))
  /** L2A and NDVI jobs of a site: one a quarter. */
  const quarters = 4
  const jobs = sites * quarters
  const sensed = `timestamptz '${FIRST_DAY} 10:30Z' + (g.n / ${tiles.all}) * ${DAYS / dates} * interval '1 day' + (g.n % ${tiles.all}) * interval '1 second'`
  const compact = `to_char(a.sensed_at at time zone 'UTC', 'YYYYMMDD"T"HH24MISS')`
  return [
    // 90 of 101 are present: of these one failed, one is quarantined, one is being made; all others have their L2A.
    `insert into acquisition (id, identity, satellite, platform, tile, datatake_id, relative_orbit, sensed_at, baseline, generated_at, product_uri, location,
       state, reason_code, reason, bbox, cloud_percent, metadata) overriding system value
     select n + 1, 'scale:' || n, satellite, platform, tile, 'GS2A_' || n, 1 + n % 143, at, '05.11', at + interval '3 hours',
       platform || '_' || tile || '_' || n || '.SAFE', 'l1:' || platform || '/' || tile || '/' || n || '.SAFE',
       case when p < 90 then 'present' when p < 94 then 'superseded' when p < 97 then 'broken' when p < 99 then 'ignored' else 'found' end::acquisition_state,
       case when p >= 94 and p < 97 then 'RASTER_UNREADABLE' when p >= 97 and p < 99 then 'FILTER_CLOUD' end,
       case when p >= 90 and p < 94 then 'superseded by another' when p >= 94 and p < 97 then 'B04 cannot be read' when p >= 97 and p < 99 then 'cloud 99 %' end,
       box '((1,1),(0,0))', n % 100,
       jsonb_build_object('pixels', 754000000, 'bands', 13, 'sourcePath', '/data/' || platform || '_' || n || '.SAFE',
         'datatakeStart', to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), 'sun', jsonb_build_array(34.5, 161.2), 'quality', repeat('passed ', 20))
     from (select g.n, t.satellite, t.tile, case when t.satellite = 's2' then case when g.n % 2 = 0 then 'S2A' else 'S2B' end else 'LC08' end as platform,
         ${sensed} as at, ${percent('g.n')} as p
       from generate_series(0, ${acquisitions - 1}) g(n) join tile_name t on t.n = g.n % ${tiles.all}) made`,
    `create temp table made as
     select a.id, a.satellite, a.platform, a.tile, a.sensed_at, a.relative_orbit, t.site_id, 1 + (t.site_id - 1) * ${quarters} + (a.id % ${quarters}) as job_id,
       case when p < 87 then 'succeeded' when p = 87 then 'failed' when p = 88 then 'quarantined' else 'ready' end::step_state as state,
       row_number() over (order by a.id) as place,
       a.platform || '_L2A_' || a.tile || '_' || ${compact} || '_R' || lpad(a.relative_orbit::text, 3, '0') as name
     from (select *, ${percent('(id - 1)')} as p from acquisition) a join tile_name t on t.n = (a.id - 1) % ${tiles.all} where a.state = 'present'`,
    `analyze made`,
    ...jobsSql({ first: 0, count: jobs, processor: 'l2a', sites, createdBy: 'schedule l2a' }),
    ...stepsSql(`select 0 as offset_id, place, job_id, 'l2a' as processor, site_id, tile, id as acquisition_id, state,
      jsonb_build_object('acquisition_id', id, 'input', 'l1:' || name, 'parameters', ${l2aParameters}) as params from made`),
    `insert into product (id, name, level, processor, processor_version, satellite, platform, tile, sensed_at, relative_orbit, acquisition_id, step_id, attempt,
       location, bbox, provenance, bytes, revision) overriding system value
     select place, name, 'L2A', 'l2a', ${l2a.version}, satellite, platform, tile, sensed_at, relative_orbit, id, place, 1, 'archive:L2A/' || tile || '/' || name || '/r' || place || '-1',
       box '((1,1),(0,0))', jsonb_build_object('parameters', ${l2aParameters}, 'inputs', jsonb_build_array(name)), 900000000, 1
     from made where state = 'succeeded'`,
    `insert into product_input (product_id, acquisition_id) select id, acquisition_id from product`,
    // NDVI of all of them, one in 89 failed.
    ...jobsSql({ first: jobs, count: jobs, processor: 'ndvi', sites, createdBy: 'schedule ndvi' }),
    ...stepsSql(`select (select count(*) from made) as offset_id, place, job_id + ${jobs} as job_id, 'ndvi' as processor, site_id, tile, null::bigint as acquisition_id,
        case when place % 89 = 0 then 'failed' else 'succeeded' end::step_state as state,
        jsonb_build_object('product', replace(name, '_L2A_', '_L3B_'), 'input', jsonb_build_object('name', name), 'parameters', ${ndviParameters}) as params
      from made where state = 'succeeded'`),
    `insert into step_input (step_id, product_id, revision, location)
     select (select count(*) from made) + p.id, p.id, 1, p.location from product p`,
    `create temp table counts as select count(*) as made, (select coalesce(max(id), 0) from product) as products from made`,
    `insert into product (id, name, level, processor, processor_version, satellite, platform, tile, sensed_at, relative_orbit, step_id, attempt, location, bbox,
       provenance, bytes, revision) overriding system value
     select counts.products + p.id, replace(p.name, '_L2A_', '_L3B_'), 'L3B', 'ndvi', ${ndvi.version}, p.satellite, p.platform, p.tile, p.sensed_at, p.relative_orbit,
       counts.made + p.id, 1, replace(p.location, 'L2A', 'L3B'), p.bbox, jsonb_build_object('parameters', ${ndviParameters}), 40000000, 1
     from product p, counts where p.id % 89 <> 0`,
    `insert into product_input (product_id, input_product_id, input_revision, input_location)
     select counts.products + p.id, p.id, 1, p.location from product p, counts where p.level = 'L2A' and p.id % 89 <> 0`,
    // Monthly composites of all tiles.
    `create temp table composed as
     select row_number() over (order by t.n, m) as place, t.satellite, t.tile, t.site_id, day, (day - 25)::timestamp at time zone 'UTC' as window_from,
       (day + 26)::timestamp at time zone 'UTC' as window_to,
       case t.satellite when 's2' then 'S2' else 'LANDSAT' end || '_L3A_' || t.tile || '_' || to_char(day, 'YYYYMMDD') || 'T120000_H025' as name
     from tile_name t cross join (select m, (date '2025-01-15' + m * interval '1 month')::date as day from generate_series(0, ${MONTHS - 1}) m) month`,
    ...jobsSql({
      first: 2 * jobs,
      count: sites,
      processor: 'composite',
      sites,
      createdBy: 'schedule composite',
    }),
    ...stepsSql(`select 2 * counts.made as offset_id, place, ${2 * jobs} + site_id as job_id, 'composite' as processor, site_id, tile, null::bigint as acquisition_id,
      'succeeded'::step_state as state, jsonb_build_object('product', name, 'day', day, 'parameters', ${compositeParameters}) as params from composed, counts`),
    `insert into product (id, name, level, processor, processor_version, satellite, platform, tile, sensed_at, step_id, attempt, location, bbox, provenance, bytes,
       revision, window_from, window_to) overriding system value
     select 2 * counts.products + c.place, c.name, 'L3A', 'composite', ${composite.version}, c.satellite, case c.satellite when 's2' then 'S2' else 'LANDSAT' end, c.tile,
       c.day + interval '12 hours', 2 * counts.made + c.place, 1, 'archive:L3A/' || c.tile || '/' || c.name || '/r1-1', box '((1,1),(0,0))',
       jsonb_build_object('parameters', ${compositeParameters}), 600000000, 1, c.window_from, c.window_to from composed c, counts`,
    `insert into product_input (product_id, input_product_id, input_revision, input_location)
     select 2 * counts.products + c.place, p.id, 1, p.location from composed c join product p
       on p.level = 'L2A' and p.satellite = c.satellite and p.tile = c.tile and p.sensed_at between c.window_from and c.window_to, counts`,
    `insert into storage_use (root, satellite, tile, level, products, bytes)
     select 'archive', satellite, tile, level, count(*), sum(bytes) from product group by satellite, tile, level`,
    ...waitingSql({ sites, steps, first: 2 * jobs + sites }),
    // Counted once all steps are there.
    `update job set ended_steps = count_ended_steps(id) where state <> 'active'`,
    ...['acquisition', 'product', 'task', 'step', 'job'].map(
      (table) => `select setval(pg_get_serial_sequence('${table}', 'id'), (select max(id) from ${table}))`,
    ),
  ]
}

/** Jobs of the sites in turn, which have ended or, where steps of theirs are open, have not. */
const jobsSql = (of: {
  first: number
  count: number
  processor: string
  sites: number
  createdBy: string
}): string[] => [
  `insert into job (id, processor, site_id, params, state, created_at, created_by, ended_at, ended_steps) overriding system value
   select ${of.first} + n, '${of.processor}', 1 + (n - 1) * ${of.sites} / ${of.count}, '{"parameters": {}}', 'succeeded', now() - interval '3 days', '${of.createdBy}',
     now() - interval '2 days', '{}' from generate_series(1, ${of.count}) n`,
]

/** Tasks and steps with the same ids: the offset plus the place. */
const stepsSql = (source: string): string[] => [
  `insert into task (id, job_id, processor, tile, acquisition_id, params) overriding system value
   select offset_id + place, job_id, processor, tile, acquisition_id, params from (${source}) s`,
  `insert into step (id, task_id, job_id, site_id, processor, params, state, attempt, failures, memory_mb, cpu, size_class, started_at, ended_at, node,
     error_code, error_message, error_class, resources) overriding system value
   select offset_id + place, offset_id + place, job_id, site_id, processor, params, state, case state when 'ready' then 0 else 1 end,
     case when state in ('failed', 'quarantined') then 1 else 0 end, 640, 4, 'full', case when state <> 'ready' then now() - interval '50 hours' end,
     case when state <> 'ready' then now() - interval '49 hours' end, case when state <> 'ready' then 'scale' end,
     case when state in ('failed', 'quarantined') then 'RASTER_UNREADABLE' end, case when state in ('failed', 'quarantined') then 'B04 cannot be read' end,
     case when state in ('failed', 'quarantined') then 'permanent' end::failure_class,
     case when state = 'succeeded' then '{"wall_s": 70, "cpu_s": 128, "max_rss_kb": 620000}' else '{}' end::jsonb
   from (${source}) s`,
  `update job set state = 'active', ended_at = null, ended_steps = null
   where state <> 'active' and id in (select job_id from step where state in ('ready', 'blocked'))`,
  `update job set state = 'failed' where state = 'succeeded' and id in (select job_id from step where state in ('failed', 'quarantined'))`,
]

/** What fills the queue: one job for each site, of whose steps the second half waits for the first, each for one of them. */
function waitingSql({ sites, steps, first }: { sites: number; steps: number; first: number }): string[] {
  return [
    `create temp table waiting as
     select greatest(0, ${steps} - (select count(*) from step)) / ${sites} as each, (select max(id) from step) as last`,
    `insert into job (id, processor, site_id, params, created_by) overriding system value
     select ${first} + n, 'l2a', n, '{}', 'bench' from generate_series(1, ${sites}) n, waiting where each > 0`,
    `create temp table queued as
     select last + (s - 1) * each + i as id, ${first} + s as job_id, s as site_id, i, each, t.tile
     from waiting, generate_series(1, ${sites}) s cross join lateral generate_series(1, each) i join tile_name t on t.n = (s - 1) * 4 / 5`,
    `insert into task (id, job_id, processor, tile) overriding system value select id, job_id, 'l2a', tile from queued`,
    `insert into step (id, task_id, job_id, site_id, processor, params, state, memory_mb, cpu, size_class) overriding system value
     select id, id, job_id, site_id, 'l2a', '{}', case when i <= (each + 1) / 2 then 'ready' else 'blocked' end::step_state, 64, 1, 'no-op' from queued`,
    `insert into step_dependency (step_id, predecessor_id) select id, id - (each + 1) / 2 from queued where i > (each + 1) / 2`,
  ]
}

-- Why: the catalog (sites, seasons, tiles, acquisitions, products, settings) and the queue (job, task, step) of the first version.
-- Locks: none that matter; every table is new.

create type satellite as enum ('s2', 'landsat');
create type acquisition_state as enum ('found', 'fetching', 'present', 'ignored', 'broken', 'superseded');
create type step_state as enum ('blocked', 'ready', 'running', 'succeeded', 'failed', 'cancelled', 'quarantined');
create type failure_class as enum ('permanent', 'transient', 'resource');
create type job_state as enum ('active', 'succeeded', 'failed', 'cancelled');

-- Time of planning. Tests and fast-time demos set the offset of their session with `set tilth.season_offset = '...'`.
create function season_now() returns timestamptz language sql stable as
$$ select now() + coalesce(nullif(current_setting('tilth.season_offset', true), ''), '0')::interval $$;

-- Places for files, by host: a path in the database is `root:relative/path`.
create table storage_root (
  name text not null constraint storage_root_name check (name ~ '^[a-z][a-z0-9_]*$'),
  host text not null,
  path text not null constraint storage_root_absolute check (path like '/%'),
  marker uuid not null, -- also in the file .tilth-root of the folder: proves that it is the same folder
  created_at timestamptz not null default now(),
  primary key (name, host)
);

create table site (
  id bigint generated always as identity primary key,
  slug text not null unique constraint site_slug check (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  name text not null,
  parent_id bigint references site (id),
  geometry jsonb not null, -- GeoJSON Polygon or MultiPolygon, lon/lat degrees WGS 84
  bbox box not null, -- lon/lat degrees; east of a polygon over the antimeridian is > 180
  paused boolean not null default false,
  created_at timestamptz not null default now(),
  constraint site_not_own_parent check (parent_id is distinct from id)
);
create index site_bbox_idx on site using gist (bbox);

create table season (
  id bigint generated always as identity primary key,
  site_id bigint not null references site (id) on delete cascade,
  name text not null,
  starts_on date not null,
  mid_on date not null,
  ends_on date not null,
  unique (site_id, name),
  constraint season_in_order check (starts_on < mid_on and mid_on < ends_on)
);

-- Tiles of a site. `auto` rows follow the polygon; `manual` ones are the user's; disabled ones are the filter.
create table site_tile (
  site_id bigint not null references site (id) on delete cascade,
  satellite satellite not null,
  tile text not null,
  origin text not null constraint site_tile_origin check (origin in ('auto', 'manual')),
  enabled boolean not null default true,
  primary key (site_id, satellite, tile)
);
create index site_tile_by_tile_idx on site_tile (satellite, tile);

create table setting (
  key text not null,
  site_id bigint references site (id) on delete cascade, -- null = global
  value jsonb not null,
  updated_at timestamptz not null default now(),
  updated_by text not null,
  constraint setting_once unique nulls not distinct (key, site_id)
);

-- One L1 product of one tile. found -> fetching -> present by a source; present by ingest; ignored by a filter, broken by the
-- reader, superseded by a newer baseline of the same datatake and tile. Nothing here is lost by a crash: each change is one statement.
create table acquisition (
  id bigint generated always as identity primary key,
  identity text not null unique, -- what makes it the same product: see catalog/ingest
  satellite satellite not null,
  platform text,
  tile text,
  datatake_id text,
  relative_orbit integer,
  sensed_at timestamptz,
  baseline text,
  generated_at timestamptz,
  product_uri text,
  location text not null, -- `l1:relative/path`
  state acquisition_state not null,
  reason_code text, -- why ignored or broken
  reason text,
  bbox box,
  cloud_percent real,
  metadata jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint present_is_described check (state <> 'present' or (platform is not null and tile is not null and sensed_at is not null)),
  constraint broken_has_reason check (state not in ('broken', 'ignored') or reason is not null)
);
create index acquisition_tile_idx on acquisition (satellite, tile, sensed_at);

create table job (
  id bigint generated always as identity primary key,
  processor text not null,
  site_id bigint references site (id) on delete set null,
  params jsonb not null default '{}',
  priority integer not null default 100, -- lower first
  state job_state not null default 'active',
  paused boolean not null default false,
  created_at timestamptz not null default now(),
  created_by text not null,
  ended_at timestamptz,
  constraint job_ended check ((state = 'active') = (ended_at is null))
);

create table task (
  id bigint generated always as identity primary key,
  job_id bigint not null references job (id) on delete cascade,
  processor text not null,
  tile text,
  acquisition_id bigint references acquisition (id),
  params jsonb not null default '{}'
);
create index task_job_idx on task (job_id);

-- The unit that is claimed, run and retried. Who moves it: domain/states.ts. A running step whose lease ran out is put back by any scheduler.
create table step (
  id bigint generated always as identity primary key,
  task_id bigint not null references task (id) on delete cascade,
  job_id bigint not null references job (id) on delete cascade,
  site_id bigint references site (id) on delete set null,
  processor text not null,
  params jsonb not null default '{}',
  state step_state not null default 'blocked',
  executor text not null default 'local',
  priority integer not null default 100, -- lower first
  attempt integer not null default 0, -- the fence: every claim raises it, every later write names it
  failures integer not null default 0, -- failed attempts; drives retry policy
  ready_at timestamptz not null default now(),
  cpu integer not null default 1 constraint step_cpu check (cpu >= 1), -- slots it would like
  memory_mb integer not null default 512 constraint step_memory check (memory_mb > 0),
  threads integer, -- granted now
  node text,
  pid integer,
  lease_expires_at timestamptz,
  started_at timestamptz,
  ended_at timestamptz,
  cancel_requested boolean not null default false,
  progress real not null default 0 constraint step_progress check (progress between 0 and 1),
  progress_note text,
  error_code text,
  error_message text,
  error_class failure_class,
  settings jsonb not null default '{}', -- values in force at the claim with their origin
  resources jsonb not null default '{}', -- measured: wall, CPU, peak memory
  constraint running_iff_leased check ((state = 'running') = (lease_expires_at is not null)),
  constraint failed_has_code check (state not in ('failed', 'quarantined') or error_code is not null)
);
create index step_claim_idx on step (executor, priority, ready_at, id) where state = 'ready';
create index step_lease_idx on step (lease_expires_at) where state = 'running';
create index step_running_idx on step (processor, site_id) where state = 'running';
create index step_job_idx on step (job_id);
create index step_task_idx on step (task_id);

create table step_dependency (
  step_id bigint not null references step (id) on delete cascade,
  predecessor_id bigint not null references step (id) on delete cascade,
  primary key (step_id, predecessor_id),
  constraint dependency_not_self check (step_id <> predecessor_id)
);
create index step_dependency_predecessor_idx on step_dependency (predecessor_id);

-- Append-only history of a step: claims, ends, retries, with what was known.
create table step_event (
  id bigint generated always as identity primary key,
  step_id bigint not null references step (id) on delete cascade,
  attempt integer not null,
  at timestamptz not null default clock_timestamp(),
  kind text not null,
  detail jsonb not null default '{}'
);
create index step_event_step_idx on step_event (step_id, id);

-- Anything published. The row points at the revision folder in force; a later attempt of the same product replaces it.
create table product (
  id bigint generated always as identity primary key,
  name text not null unique,
  level text not null,
  processor text not null,
  processor_version integer not null,
  satellite satellite not null,
  platform text not null,
  tile text not null,
  sensed_at timestamptz not null,
  relative_orbit integer,
  acquisition_id bigint references acquisition (id),
  step_id bigint references step (id) on delete set null,
  attempt integer,
  location text not null, -- `archive:<level>/<tile>/<yyyy>/<mm>/<name>/r<step>-<attempt>`
  bbox box,
  provenance jsonb not null, -- inputs, parameters, versions, checksums
  created_at timestamptz not null default now()
);
create index product_tile_idx on product (level, tile, sensed_at);

create function notify_step() returns trigger language plpgsql as
$$ begin perform pg_notify('tilth_step', ''); return null; end $$;
create trigger step_ready_notify after insert or update of state on step
  for each statement execute function notify_step();
create trigger step_cancel_notify after update of cancel_requested on step
  for each statement execute function notify_step();
create function notify_setting() returns trigger language plpgsql as
$$ begin perform pg_notify('tilth_setting', ''); return null; end $$;
create trigger setting_notify after insert or update or delete on setting
  for each statement execute function notify_setting();

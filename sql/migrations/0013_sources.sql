-- Why: where acquisitions come from: sources by satellite and order, what each of them offers, and how far a fetch has come.
-- Locks: writes to acquisition while two indexes are built; columns with constant defaults are added without a rewrite.

-- A place where acquisitions are looked for. Secrets never stand here: `credentials` say where they are.
create table source (
  id bigint generated always as identity primary key,
  name text not null unique constraint source_name check (name ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  site_id bigint references site (id) on delete cascade, -- null = all sites, else this one and its sub-sites
  satellite satellite not null,
  place integer not null default 100, -- sources of one satellite are tried in this order, lower first
  kind text not null constraint source_kind check (kind in ('folder', 'stac', 'odata')),
  config jsonb not null constraint source_config check (jsonb_typeof(config) = 'object'),
  credentials jsonb not null default '{}', -- role -> `env:NAME` or `file:/path`
  enabled boolean not null default true,
  created_at timestamptz not null default now(),
  last_run_at timestamptz, -- end of the last look, good or bad
  last_ok_at timestamptz, -- end of the last good look
  error_code text, -- of the last look; null: it was good
  error text,
  failures integer not null default 0, -- looks that failed since the last good one
  next_run_at timestamptz not null default now(), -- asked nothing before: back-off, or what the service demanded
  cursor jsonb not null default '{}', -- what need not be asked again: digests of searches of past seasons
  constraint source_error_is_whole check ((error_code is null) = (error is null)),
  constraint source_credentials_are_names check (
    jsonb_typeof(credentials) = 'object'
    and not jsonb_path_exists(credentials, '$.* ? (@.type() != "string")')
    and not jsonb_path_exists(credentials, '$.* ? (!(@ like_regex "^(env:[A-Za-z_][A-Za-z0-9_]*|file:/.+)$"))'))
);
create index source_site_idx on source (site_id) where site_id is not null;

-- What a source has: one product of one acquisition, or, of a watched folder, a path that was ingested as it was then. Written by a look;
-- tries and errors by the fetch. A fetch that died is found by `fetch_attempt` and given back by the next one.
create table source_offer (
  id bigint generated always as identity primary key,
  source_id bigint not null references source (id) on delete cascade,
  remote_id text not null, -- id in the source; of a folder the path
  acquisition_id bigint references acquisition (id) on delete cascade, -- null: of a folder
  details jsonb not null, -- files with address, size and checksum
  digest text not null, -- of what is offered: another one reopens an offer that was given up
  bytes bigint, -- as the source says; null: it does not
  refused_code text, -- the filter that leaves it out; null: it is wanted
  refused text,
  failures integer not null default 0, -- tries that failed and count
  given_up boolean not null default false, -- not tried again unless it changes or somebody asks for it
  next_try_at timestamptz not null default now(),
  fetch_attempt integer, -- the attempt of the acquisition that fetches this offer now
  fetch_started_at timestamptz,
  error_code text, -- of the last try
  error text,
  seen_at timestamptz not null default now(), -- last change of what is offered
  constraint source_offer_once unique (source_id, remote_id),
  constraint source_offer_refused check ((refused_code is null) = (refused is null)),
  constraint source_offer_given_up check (not given_up or error_code is not null),
  constraint source_offer_fetch check ((fetch_attempt is null) = (fetch_started_at is null))
);
create index source_offer_acquisition_idx on source_offer (acquisition_id) where acquisition_id is not null;

alter table acquisition
  add column fetch_attempt integer not null default 0, -- raised by each fetch; later writes of a fetch name it
  add column fetched_bytes bigint; -- on disk, of what a source fetched; null: ingested by hand
create index acquisition_product_idx on acquisition (satellite, replace(product_uri, '.SAFE', ''));
create index acquisition_on_its_way_idx on acquisition (satellite, sensed_at) where state in ('found', 'fetching');

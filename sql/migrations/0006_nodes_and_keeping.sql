-- Why: nodes that announce themselves and can be paused or drained; sizes of products, retention rules, and the journal of folders
-- that no product names any more.
-- Locks: short ones on job, site and product; two columns of product are added without a rewrite.

-- The newest program that has opened this database. A node of another program gets no work unless node.allow_other_versions says so.
create table migrated_for (
  is_single boolean primary key default true constraint migrated_for_one_row check (is_single),
  version text not null,
  changed_at timestamptz not null default now()
);

-- What an operator wants of a node. Set by `tilth nodes pause|drain|resume`, never by the node itself: it outlives restarts.
-- Whether a node is gone follows from last_seen_at and left_at, whether it is drained from its running steps.
create type node_state as enum ('active', 'paused', 'draining');

-- One row for each name under which schedulers run steps. Written by their heartbeats; every time is the database's.
create table node (
  name text primary key constraint node_name check (name <> ''),
  executor text not null,
  host text not null, -- whose storage roots it uses
  state node_state not null default 'active',
  slots integer not null,
  memory_mb integer not null,
  labels jsonb not null default '{}',
  program text not null, -- version of the program
  schema text not null, -- newest migration that the program knows
  fault text, -- why it takes no work at present although it may; null: it does
  heartbeat_s integer not null, -- it counts as gone after three of these without a word
  first_seen_at timestamptz not null default now(),
  last_seen_at timestamptz not null default now(),
  left_at timestamptz, -- its last scheduler has signed off
  load_1min real, -- mean number of runnable tasks, 1
  cpu_use real, -- of the whole machine since the heartbeat before, 0..1
  memory_free_mb integer, -- available without swapping, within the control group
  -- Share of the last 10 s in which some task waited, percent (/proc/pressure, `some avg10`); null where the kernel does not say.
  pressure_cpu real,
  pressure_io real,
  pressure_memory real
);

create table node_scheduler (
  node text not null references node (name) on delete cascade,
  pid integer not null,
  started_at timestamptz not null default now(),
  last_seen_at timestamptz not null default now(),
  primary key (node, pid)
);

-- Pauses act within a round of the schedulers: they are told.
create function notify_pause() returns trigger language plpgsql as
$$ begin perform pg_notify('tilth_pause', ''); return null; end $$;
create trigger job_pause_notify after update of paused on job for each statement execute function notify_pause();
create trigger site_pause_notify after update of paused on site for each statement execute function notify_pause();
create trigger node_state_notify after update of state on node for each statement execute function notify_pause();

alter table product
  add column bytes bigint constraint product_bytes check (bytes >= 0), -- of all files of the revision in force; null: published before sizes were kept
  add column removed_at timestamptz, -- by a retention rule: the row stays as the memory of what there was, its folder goes
  add column removed_reason text,
  add constraint removed_has_reason check ((removed_at is null) = (removed_reason is null));

-- Folders that a product row has left: replaced by a newer revision, moved to another root, or removed. Written by a trigger in the
-- transaction that changes the row, so a folder is in force or in here, never lost; `tilth retention run` deletes folder and row.
create type leaving as enum ('replaced', 'moved', 'removed');
create table former_revision (
  location text collate "C" primary key,
  product_id bigint references product (id) on delete set null,
  bytes bigint,
  reason leaving not null,
  left_at timestamptz not null default now()
);
create index former_revision_product_idx on former_revision (product_id, left_at);

create function note_former_revision() returns trigger language plpgsql as
$$ begin
  if old.removed_at is null and (new.removed_at is not null or new.location <> old.location) then
    insert into former_revision (location, product_id, bytes, reason)
    values (old.location, old.id, old.bytes, case
      when new.removed_at is not null then 'removed'
      when split_part(new.location, ':', 1) <> split_part(old.location, ':', 1) then 'moved'
      else 'replaced' end::leaving)
    on conflict (location) do update set reason = excluded.reason, left_at = now();
  end if;
  return null;
end $$;
create trigger product_former_revision after update of location, removed_at on product
  for each row execute function note_former_revision();

-- Bytes and count of products in force by place: sums for quotas must not read the product table in each round.
create table storage_use (
  root text not null,
  satellite satellite not null,
  tile text not null,
  level text not null,
  products integer not null,
  bytes bigint not null,
  primary key (satellite, tile, level, root)
);
create function count_storage_use() returns trigger language plpgsql as
$$ begin
  if tg_op <> 'INSERT' and old.removed_at is null then
    update storage_use set products = products - 1, bytes = bytes - coalesce(old.bytes, 0)
    where satellite = old.satellite and tile = old.tile and level = old.level and root = split_part(old.location, ':', 1);
  end if;
  if tg_op <> 'DELETE' and new.removed_at is null then
    insert into storage_use (root, satellite, tile, level, products, bytes)
    values (split_part(new.location, ':', 1), new.satellite, new.tile, new.level, 1, coalesce(new.bytes, 0))
    on conflict (satellite, tile, level, root) do update
      set products = storage_use.products + 1, bytes = storage_use.bytes + excluded.bytes;
  end if;
  return null;
end $$;
create trigger product_storage_use after insert or delete or update of location, bytes, removed_at, satellite, tile, level on product
  for each row execute function count_storage_use();
insert into storage_use (root, satellite, tile, level, products, bytes)
select split_part(location, ':', 1), satellite, tile, level, count(*), 0 from product group by 1, 2, 3, 4;

-- Products that a step reads. While the step is open they are kept; afterwards only where the products of the step still refer to
-- them (`stays_needed`), as a chain refers to the date before.
create table step_input (
  step_id bigint not null references step (id) on delete cascade,
  product_id bigint not null references product (id) on delete cascade,
  stays_needed boolean not null default false,
  primary key (step_id, product_id)
);
create index step_input_product_idx on step_input (product_id);
create index product_step_idx on product (step_id);
create index product_output_idx on product (processor, id) where bytes is not null; -- what the next one will take

-- How long products are kept. The rule of the site, of its nearest ancestor, or the global one (site_id null) holds, and of these the
-- one that names most. A tile shared by sites keeps its products as long as the most patient of them says.
create type retention_action as enum ('delete', 'archive');
create table retention_rule (
  id bigint generated always as identity primary key,
  site_id bigint references site (id) on delete cascade,
  level text, -- null: every level of products; acquisitions only where it is 'L1C' or 'L1TP'
  processor text,
  action retention_action not null,
  keep_days integer constraint retention_days check (keep_days >= 0), -- after sensing
  keep_seasons integer constraint retention_seasons check (keep_seasons >= 1), -- until so many seasons of the site have ended after sensing
  keep_revisions integer constraint retention_revisions check (keep_revisions >= 1), -- newest ones, the one in force included
  created_at timestamptz not null default now(),
  created_by text not null,
  constraint retention_rule_once unique nulls not distinct (site_id, level, processor, action),
  constraint retention_rule_says_something check (num_nonnulls(keep_days, keep_seasons, keep_revisions) >= 1),
  constraint retention_one_age check (num_nonnulls(keep_days, keep_seasons) <= 1)
);

-- Retention asks which acquisitions lie in, below or above a folder of the root l1.
create index acquisition_location_idx on acquisition (location text_pattern_ops);

-- Why: a season runs itself. Rules say when a processor runs for a season; each look at them leaves its word in the row, each run a row of its
-- own. A clock lets demonstrations and tests live a season in minutes.
-- Locks: `season` against changes for a moment.

-- Planning time for the whole database; without a row it is the real time. Leases and events never use it.
create table season_clock (
  is_single boolean primary key default true constraint season_clock_one_row check (is_single),
  set_at timestamptz not null default now(),
  season_at timestamptz not null, -- planning time at `set_at`
  speed double precision not null constraint season_clock_speed check (speed >= 0 and speed <= 1e8) -- seconds of planning time in a real second
);
create or replace function season_now() returns timestamptz language sql stable as
$$ select coalesce((select season_at + (now() - set_at) * speed from season_clock), now()) $$;

create type schedule_repeat as enum ('once', 'cyclic', 'on_date', 'on_product');
create type schedule_base as enum ('start', 'mid', 'end');

-- What each new season gets. Days are civil days in `time_zone`.
create table default_schedule (
  name text primary key constraint default_schedule_name check (name ~ '^[a-z][a-z0-9-]{0,62}$'),
  processor text not null,
  repeat schedule_repeat not null,
  every_days integer, -- of cyclic ones
  month_day integer, -- of those on a date; a month that is shorter has it on its last day
  first_base schedule_base not null default 'start',
  first_offset_days integer not null default 0, -- no run before this many days after that day of the season
  last_offset_days integer not null default 0, -- none later than this many days after its end
  at_time time not null default '00:00',
  time_zone text not null default 'UTC',
  wait_days integer not null default 10 constraint default_schedule_wait check (wait_days between 0 and 3660), -- for missing inputs, then without them
  retry_s integer not null default 60 constraint default_schedule_retry check (retry_s between 1 and 31536000), -- until it is looked at again
  priority integer not null default 100, -- of its jobs, lower first
  arguments jsonb not null default '{}',
  doc text not null,
  constraint default_schedule_repeat check ((repeat = 'cyclic') = (every_days is not null) and (repeat = 'on_date') = (month_day is not null)
    and coalesce(every_days between 1 and 3660, true) and coalesce(month_day between 1 and 31, true))
);

create table schedule (
  id bigint generated always as identity primary key,
  season_id bigint not null references season (id) on delete cascade,
  name text not null constraint schedule_name check (name ~ '^[a-z][a-z0-9-]{0,62}$'),
  processor text not null,
  repeat schedule_repeat not null,
  every_days integer,
  month_day integer,
  first_base schedule_base not null,
  first_offset_days integer not null,
  last_offset_days integer not null,
  at_time time not null,
  time_zone text not null,
  wait_days integer not null constraint schedule_wait check (wait_days between 0 and 3660),
  retry_s integer not null constraint schedule_retry check (retry_s between 1 and 31536000),
  priority integer not null,
  arguments jsonb not null,
  paused boolean not null default false,
  -- What the scheduler knows. All days up to `done_through` have been answered by a run, or by one that caught up.
  done_through date,
  look_at timestamptz not null default now(), -- not before, real time
  waiting_since timestamptz, -- planning time at which it found inputs missing; null: it does not wait
  waits_for jsonb not null default '[]', -- those inputs, as text, oldest first
  note text, -- what the last look found
  error_code text, -- why the last look failed
  unique (season_id, name),
  constraint schedule_waits_for_something check ((waiting_since is null) = (waits_for = '[]')),
  constraint schedule_repeat check ((repeat = 'cyclic') = (every_days is not null) and (repeat = 'on_date') = (month_day is not null)
    and coalesce(every_days between 1 and 3660, true) and coalesce(month_day between 1 and 31, true))
);

-- History: each time that a schedule ran, by itself or by hand.
create table schedule_run (
  id bigint generated always as identity primary key,
  schedule_id bigint not null references schedule (id) on delete cascade,
  at timestamptz not null default now(),
  season_at timestamptz not null, -- planning time then
  due_on date, -- the latest day that it answers; null where there is none (on_product, by hand)
  caught_up integer not null default 0 constraint schedule_run_caught_up check (caught_up >= 0), -- earlier days that it answers too
  by text not null,
  job_id bigint references job (id) on delete set null, -- null: there was nothing to do
  steps integer not null,
  missing jsonb not null default '[]' -- what was not there when it ran without waiting longer
);
create index schedule_run_idx on schedule_run (schedule_id, id);

create function add_default_schedules() returns trigger language plpgsql as
$$ begin
  insert into schedule (season_id, name, processor, repeat, every_days, month_day, first_base, first_offset_days, last_offset_days, at_time, time_zone,
    wait_days, retry_s, priority, arguments)
  select new.id, name, processor, repeat, every_days, month_day, first_base, first_offset_days, last_offset_days, at_time, time_zone,
    wait_days, retry_s, priority, arguments from default_schedule;
  return null;
end $$;

insert into default_schedule (name, processor, repeat, last_offset_days, doc) values
  ('l2a', 'l2a', 'on_product', 60, 'L2A of each acquisition of the season as it comes, late ones included, and again where it is stale.');

insert into schedule (season_id, name, processor, repeat, every_days, month_day, first_base, first_offset_days, last_offset_days, at_time, time_zone,
  wait_days, retry_s, priority, arguments)
select season.id, d.name, d.processor, d.repeat, d.every_days, d.month_day, d.first_base, d.first_offset_days, d.last_offset_days, d.at_time, d.time_zone,
  d.wait_days, d.retry_s, d.priority, d.arguments from season cross join default_schedule d;
create trigger season_has_schedules after insert on season for each row execute function add_default_schedules();

-- Why: steps that run as Slurm jobs. What was submitted, and which claims each element of an array carries, must outlive the scheduler
-- that submitted it; and which executor takes a step follows from settings, for every step, whoever inserts it.
-- Locks: short ones on `step` and `setting` for the two triggers.

-- One sbatch. Written before it is submitted; closed by a scheduler once nothing of it is left in Slurm and no claim hangs on it.
create table slurm_batch (
  id uuid primary key default gen_random_uuid(), -- stands in the comment of the Slurm job: leads back from there
  cluster text not null, -- ClusterName
  job_id bigint, -- of the array, as sbatch told it; null: not told yet, or who submitted it died before it was
  elements integer not null constraint slurm_batch_elements check (elements >= 1),
  request jsonb not null, -- what was asked of Slurm
  submitted_by text not null, -- node of the scheduler
  submitted_at timestamptz not null default now(),
  closed_at timestamptz
);
create index slurm_batch_open_idx on slurm_batch (cluster) where closed_at is null;

-- What an element of an array carries, in the order in which it takes it. The claim is made at submission and its lease held by a
-- scheduler until the element begins it; from then on the step holds its own. An element that Slurm has requeued takes over what its
-- former run had begun: that raises the attempt, so a run that is still alive somewhere can write nothing any more.
create table slurm_load (
  batch_id uuid not null references slurm_batch (id) on delete cascade,
  element integer not null constraint slurm_load_element check (element >= 0),
  place integer not null constraint slurm_load_place check (place >= 0),
  step_id bigint not null references step (id) on delete cascade,
  attempt integer not null,
  begun_run integer, -- how often Slurm had restarted the element when it began the step; null: not begun
  primary key (batch_id, element, place)
);
create index slurm_load_step_idx on slurm_load (step_id, attempt);

-- Which executor takes steps of a processor for a site: the processor's own setting, nearest site first, unless it says `inherit`; else
-- executor.kind, nearest site first; else local.
create function executor_of(of_site bigint, of_processor text) returns text language sql stable as
$$
  with recursive line (id, parent_id, depth) as (
    select id, parent_id, 1 from site where id = of_site
    union all
    select site.id, site.parent_id, line.depth + 1 from site join line on site.id = line.parent_id where line.depth < 100)
  select coalesce((
    select value #>> '{}' from setting left join line on line.id = setting.site_id
    where key in ('executor.kind', 'processor.' || of_processor || '.executor')
      and (setting.site_id is null or line.id is not null) and value #>> '{}' in ('local', 'slurm')
    order by key = 'executor.kind', line.depth nulls last limit 1), 'local')
$$;

-- New steps get their executor where a setting says so at all; otherwise they pay one look at a small index for each statement.
create function route_new_steps() returns trigger language plpgsql as
$$ begin
  if exists (select from setting where key = 'executor.kind' or key like 'processor.%.executor') then
    update step set executor = wanted.executor
    from (select processor, site_id, executor_of(site_id, processor) as executor
          from (select distinct processor, site_id from fresh) as kind) as wanted
    where step.id in (select id from fresh) and step.executor in ('local', 'slurm') and step.executor <> wanted.executor
      and step.processor = wanted.processor and step.site_id is not distinct from wanted.site_id;
  end if;
  return null;
end $$;
create trigger step_route after insert on step referencing new table as fresh
  for each statement execute function route_new_steps();

-- A change of these settings acts at once on every step that does not run and is not over. A running one stays where it is, also for
-- its next attempts.
create function route_waiting_steps() returns trigger language plpgsql as
$$ begin
  if coalesce(new.key, old.key) = 'executor.kind' or coalesce(new.key, old.key) like 'processor.%.executor' then
    update step set executor = wanted.executor
    from (select processor, site_id, executor_of(site_id, processor) as executor
          from (select distinct processor, site_id from step where state in ('ready', 'blocked', 'failed', 'quarantined')) as kind) as wanted
    where step.state in ('ready', 'blocked', 'failed', 'quarantined') and step.executor in ('local', 'slurm')
      and step.executor <> wanted.executor
      and step.processor = wanted.processor and step.site_id is not distinct from wanted.site_id;
    perform pg_notify('tilth_step', '');
  end if;
  return null;
end $$;
create trigger setting_route after insert or update or delete on setting
  for each row execute function route_waiting_steps();

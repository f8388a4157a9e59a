-- Why: a site that goes takes its name off its steps; without an index that reads every step there ever was, once for each site. A retry
-- and the end of a job must not miss each other. `tilth status` counts steps of ended jobs without reading them.
-- Locks: writes to step while the index is built, about 1 s for a million steps; job while the steps of ended jobs are counted, about as long.
create index step_site_idx on step (site_id) where site_id is not null;

alter table job
  add column reopened integer not null default 0, -- raised by each retry of a step: who looked at the steps before it may not end the job
  add column ended_steps jsonb; -- executor -> state -> steps, of a job that has ended: they do not change any more; null while it is active

create function count_ended_steps(job bigint) returns jsonb language sql as $$
  select coalesce(jsonb_object_agg(executor, by_state), '{}') from (
    select executor, jsonb_object_agg(state, n) as by_state from (
      select executor, state, count(*) as n from step where job_id = job group by executor, state) as counted
    group by executor) as summed
$$;
create function keep_ended_steps() returns trigger language plpgsql as
$$ begin
  new.ended_steps := case when new.state <> 'active' then count_ended_steps(new.id) end;
  return new;
end $$;
create trigger job_keeps_ended_steps before update of state on job
  for each row when ((old.state = 'active') <> (new.state = 'active')) execute function keep_ended_steps();
update job set ended_steps = count_ended_steps(id) where state <> 'active';
alter table job add constraint ended_job_has_counts check ((state = 'active') = (ended_steps is null));

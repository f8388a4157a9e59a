-- Why: claim and completion of a step are one short commit each, whatever hangs on them, and cost the same in a queue of a million steps.
-- What follows from an end (successors, job) is drawn in batches from `step_ended`; NOTIFY is sent where work appeared, not at each change of
-- state, because Postgres lets only one transaction that notifies commit at a time; the rules of a row are one trigger, because Postgres
-- parses and plans every check constraint anew for each statement that writes the table (measured: 11 of 29 us of an update).
-- Locks: `step` and `step_event` against all while indexes are built, about 10 s for a million steps.
--! breaking

-- Steps that ended and whose consequences are not drawn yet: written with the end, removed with the consequences, so neither is lost.
-- No key: a step enters when it leaves an open state, and drawing consequences twice changes nothing.
create table step_ended (step_id bigint not null);
alter table step_ended set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

drop trigger step_ready_notify on step;
drop trigger step_cancel_notify on step;
create trigger step_insert_notify after insert on step for each statement execute function notify_step();

alter table step
  drop constraint step_cpu,
  drop constraint step_memory,
  drop constraint step_progress,
  drop constraint running_iff_leased,
  drop constraint failed_has_code;
create function refuse_impossible_step() returns trigger language plpgsql as
$$
declare rule text;
begin
  if (new.state = 'running') = (new.lease_expires_at is not null)
    and (new.state not in ('failed', 'quarantined') or new.error_code is not null)
    and new.cpu >= 1 and new.memory_mb > 0 and new.progress between 0 and 1 then
    return new;
  end if;
  rule := case
    when (new.state = 'running') <> (new.lease_expires_at is not null) then 'running_iff_leased'
    when new.cpu < 1 then 'step_cpu'
    when new.memory_mb <= 0 then 'step_memory'
    when not new.progress between 0 and 1 then 'step_progress'
    else 'failed_has_code' end;
  raise exception 'step % violates the rule "%": state %, lease %, error %, cpu %, memory_mb %, progress %',
    new.id, rule, new.state, new.lease_expires_at, new.error_code, new.cpu, new.memory_mb, new.progress
    using errcode = 'check_violation', constraint = rule, table = 'step';
end $$;
create trigger step_is_possible before insert or update on step for each row execute function refuse_impossible_step();

-- Ready steps by what can hold them back together (cap of a processor, share of a site, paused job), so that a queue of any depth is
-- looked at by its heads.
drop index step_claim_idx;
create index step_claim_idx on step (executor, processor, coalesce(site_id, 0), job_id, priority, ready_at, id) where state = 'ready';
-- Steps that wait for another try, of which the next one wakes the scheduler.
create index step_retry_idx on step (executor, ready_at) where state = 'ready' and failures > 0;
-- One small index finds all that runs; without the lease in an index a heartbeat changes no index at all.
drop index step_lease_idx;
drop index step_running_idx;
create index step_node_idx on step (node) where state = 'running';
drop index step_job_idx;
create index step_job_idx on step (job_id, id);
drop index step_dependency_predecessor_idx;
create index step_dependency_predecessor_idx on step_dependency (predecessor_id, step_id);
-- Room for the next version of a row on its own page.
alter table step set (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000,
  autovacuum_analyze_scale_factor = 0.02, autovacuum_analyze_threshold = 500);

-- History: one index; and no look at `step` for each event, because events are only ever written from rows of `step`.
alter table step_event drop constraint step_event_step_id_fkey, drop constraint step_event_pkey;
drop index step_event_step_idx;
alter table step_event add primary key (step_id, id);
create function forget_step_events() returns trigger language plpgsql as
$$ begin delete from step_event using gone where step_event.step_id = gone.id; return null; end $$;
create trigger step_events_go_with_step after delete on step referencing old table as gone
  for each statement execute function forget_step_events();

-- Ends from before this version have had their consequences; a job that is still active is looked at once more.
insert into step_ended select id from step where state in ('succeeded', 'failed', 'cancelled', 'quarantined')
  and job_id in (select id from job where state = 'active');

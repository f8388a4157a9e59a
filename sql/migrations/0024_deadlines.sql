-- Why: a job may have a time by which it should be done, given by hand or by its schedule.
-- Locks: `job`, `schedule` and `default_schedule` for a moment.
alter table job add column deadline_at timestamptz; -- by which it should be done; null: whenever
create index job_deadline_idx on job (deadline_at) where state = 'active' and deadline_at is not null;
alter table schedule add column deadline_h integer constraint schedule_deadline check (deadline_h between 1 and 87600); -- of its jobs, from their making; null: none
alter table default_schedule add column deadline_h integer constraint default_schedule_deadline check (deadline_h between 1 and 87600);
create or replace function add_default_schedules() returns trigger language plpgsql as
$$ begin
  insert into schedule (season_id, name, processor, repeat, every_days, month_day, first_base, first_offset_days, last_offset_days, at_time, time_zone,
    wait_days, retry_s, priority, arguments, deadline_h)
  select new.id, name, processor, repeat, every_days, month_day, first_base, first_offset_days, last_offset_days, at_time, time_zone,
    wait_days, retry_s, priority, arguments, deadline_h from default_schedule;
  return null;
end $$;

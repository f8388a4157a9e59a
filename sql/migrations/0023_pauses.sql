-- Why: a season, a tile of a job and a single step can be paused too, and jobs are known by the season for which they were asked.
-- Locks: `season` and `job` for a moment; `step` against all while the two indexes of what is ready are built again, about 1 s for a million steps.
alter table season add column paused boolean not null default false; -- its schedules make no jobs, and no step of its jobs starts
create trigger season_pause_notify after update of paused on season for each statement execute function notify_pause();
create or replace view site_season as
  select site.id as site_id, season.site_id as from_site_id, season.name, season.starts_on, season.mid_on, season.ends_on, season.id as season_id
  from site join season on season.site_id =
    case when exists (select from season own where own.site_id = site.id) then site.id else site.parent_id end;

alter table job add column season_id bigint references season (id) on delete set null; -- for which it was asked; null: for none
create index job_season_idx on job (season_id) where season_id is not null;
update job set season_id = schedule.season_id from schedule_run join schedule on schedule.id = schedule_run.schedule_id where schedule_run.job_id = job.id;

-- A paused step is in no index of what is ready: however many there are, they hide nothing and cost nothing.
alter table step add column paused boolean not null default false;
drop index step_claim_idx;
create index step_claim_idx on step (executor, processor, coalesce(site_id, 0), job_id, priority, ready_at, id) where state = 'ready' and not paused;
drop index step_retry_idx;
create index step_retry_idx on step (executor, ready_at) where state = 'ready' and failures > 0 and not paused;

-- Why: the settings in force at a claim are the same for thousands of steps, and on each row they were most of what a claim and an end wrote
-- (4.4 KB of log a step; 3.0 KB without). They are stored once, and the row names them.
-- Locks: `step` against all while settings of steps that were claimed are moved, about 10 s for a million of them.
--! breaking

-- Never changed and never removed: one row for each combination of settings that was ever in force.
create table setting_snapshot (
  id bigint generated always as identity primary key,
  digest bytea not null unique, -- SHA-256 of a text of `settings`
  settings jsonb not null -- live settings at a claim: {key: {value, origin}}
);

-- No foreign key: looking the snapshot up would be a part of every claim, and none is ever removed.
alter table step add column settings_id bigint; -- null: never claimed
insert into setting_snapshot (digest, settings)
select sha256(convert_to(settings::text, 'UTF8')), settings from (select distinct settings from step where settings <> '{}') as found;
update step set settings_id = snapshot.id from setting_snapshot snapshot
where step.settings <> '{}' and snapshot.digest = sha256(convert_to(step.settings::text, 'UTF8'));
alter table step drop column settings;

-- Every setting in force for the last attempt of a step, with its origin: live ones as at its claim, those of its job as frozen into it.
create function settings_of(step) returns jsonb language sql stable as
$$
  select snapshot.settings || job.settings || $1.frozen from setting_snapshot snapshot, job
  where snapshot.id = $1.settings_id and job.id = $1.job_id
$$;

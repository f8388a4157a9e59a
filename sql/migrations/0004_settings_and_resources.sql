-- Why: a history of settings that no path bypasses, job settings frozen with their origin, and resources of steps that are declared, granted
-- and learned. Locks: `step` and `job` for a moment each, while columns with constant defaults are added (no rewrite); the new index
-- locks `step` against writes while it is built over succeeded steps that have a size class, of which an older database has none.

-- Each change of a setting, whoever made it: written by a trigger, never changed. Rows outlive the site they speak of.
create table setting_change (
  id bigint generated always as identity primary key,
  at timestamptz not null default clock_timestamp(),
  changed_by text not null, -- a user as the program was told, else the user of the database connection
  key text not null,
  site_id bigint, -- null = global; no foreign key
  site text, -- slug at that time
  old_value jsonb, -- null = there was no row
  new_value jsonb, -- null = the row was removed
  constraint setting_change_changes check (old_value is distinct from new_value)
);
create index setting_change_key_idx on setting_change (key, id desc);
create index setting_change_site_idx on setting_change (site_id, id desc);

-- Who: the name given to the transaction (`tilth.changed_by`), else that which the writer put on the row, else the connection's user.
create function record_setting_change() returns trigger language plpgsql as
$$
declare
  told text := nullif(current_setting('tilth.changed_by', true), '');
  who text := coalesce(told, 'database user ' || session_user);
  before setting := null;
  after setting := null;
begin
  if tg_op <> 'INSERT' then before := old; end if;
  if tg_op <> 'DELETE' then
    after := new;
    if tg_op = 'INSERT' or new.updated_at is distinct from old.updated_at then who := coalesce(told, new.updated_by); end if;
  end if;
  -- A row that is given another key or site leaves one place and comes to another.
  if tg_op = 'UPDATE' and (before.key, before.site_id) is not distinct from (after.key, after.site_id) then
    if before.value is distinct from after.value then
      insert into setting_change (changed_by, key, site_id, site, old_value, new_value)
      values (who, after.key, after.site_id, (select slug from site where id = after.site_id), before.value, after.value);
    end if;
    return null;
  end if;
  if tg_op <> 'INSERT' then
    insert into setting_change (changed_by, key, site_id, site, old_value)
    values (who, before.key, before.site_id,
      coalesce((select slug from site where id = before.site_id),
        (select site from setting_change where site_id = before.site_id order by id desc limit 1)), before.value);
  end if;
  if tg_op <> 'DELETE' then
    insert into setting_change (changed_by, key, site_id, site, new_value)
    values (who, after.key, after.site_id, (select slug from site where id = after.site_id), after.value);
  end if;
  return null;
end $$;
create trigger setting_history after insert or update or delete on setting
  for each row execute function record_setting_change();

-- Rows from before this table: the history begins with them.
insert into setting_change (at, changed_by, key, site_id, site, new_value)
select setting.updated_at, setting.updated_by, setting.key, setting.site_id, site.slug, setting.value
from setting left join site on site.id = setting.site_id order by setting.updated_at;

create function refuse_setting_change() returns trigger language plpgsql as
$$ begin raise exception 'setting_change is append-only' using errcode = 'restrict_violation'; end $$;
create trigger setting_change_append_only before update or delete or truncate on setting_change
  for each statement execute function refuse_setting_change();
-- `truncate setting` would pass by the trigger for rows.
create trigger setting_not_truncated before truncate on setting
  for each statement execute function refuse_setting_change();

-- Job settings as they were in force when the job was made: {key: {value, origin}}. They win over rows that change later.
alter table job add column settings jsonb not null default '{}';

-- What a step declares for its input beside `cpu` and `memory_mb`.
alter table step
  add column scratch_mb integer not null default 0 constraint step_scratch check (scratch_mb >= 0), -- files below staging and scratch while it runs
  add column io_weight real not null default 0 constraint step_io_weight check (io_weight >= 0), -- 1 for each thread that only reads and writes
  add column size_class text, -- inputs of about the same size; null: nothing is learned from it
  add column memory_floor_mb integer not null default 0 constraint step_memory_floor check (memory_floor_mb >= 0), -- raised when memory ran out
  add column block_shrink integer not null default 0 constraint step_block_shrink check (block_shrink between 0 and 8), -- blocks halved so often when memory ran out
  add column frozen jsonb not null default '{}', -- job settings where they differ from those of its job, such as a sub-site's
  add column granted jsonb not null default '{}'; -- memory, disk and I/O admitted at the claim, and why so much
create index step_learned_idx on step (processor, size_class, ended_at desc) where state = 'succeeded' and size_class is not null;

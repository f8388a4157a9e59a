-- Why: a step whose acquisition was superseded ends without a product (SUPERSEDED) and has tried nothing. Should the acquisition count again, because the newer one
-- turns out to be broken, it is as new as one that nobody has asked for.
-- Locks: none; functions are replaced.

-- Whether a task was ever made for the L2A of an acquisition, other than such that gave way to a newer version of its scene.
create function l2a_was_tried(acquisition bigint) returns boolean language sql stable as $$
  select exists (
    select from task t where t.acquisition_id = $1 and t.processor = 'l2a' and not exists (
      select from step s where s.job_id = t.job_id and s.task_id = t.id and s.error_code = 'SUPERSEDED'))
$$;

create or replace function note_l1_news() returns trigger language plpgsql as
$$ begin
  if new.state = 'present' and new.metadata ->> 'madeBy' is null and not l2a_was_tried(new.id) then
    insert into l1_news (acquisition_id, satellite, tile, sensed_at) values (new.id, new.satellite, new.tile, new.sensed_at)
    on conflict (acquisition_id) do update set satellite = excluded.satellite, tile = excluded.tile, sensed_at = excluded.sensed_at;
  elsif tg_op = 'UPDATE' then
    delete from l1_news where acquisition_id = new.id;
  end if;
  return null;
end $$;

create or replace function give_l1_news_back() returns trigger language plpgsql as
$$ begin
  insert into l1_news (acquisition_id, satellite, tile, sensed_at)
  select a.id, a.satellite, a.tile, a.sensed_at from acquisition a
  where a.id in (select acquisition_id from gone where processor = 'l2a') and a.state = 'present' and a.metadata ->> 'madeBy' is null
    and not l2a_was_tried(a.id)
  on conflict do nothing;
  return null;
end $$;

-- Why: what planning has taken no notice of yet stands in two small tables. A look at the schedules costs what is new, not what there is: over
-- 100,000 acquisitions it took 5 s, every 10 s.
-- Locks: acquisition, product, task and step_input against writes while the tables are filled, about 2 s for 100,000 acquisitions.

-- Present level-1 acquisitions of which there is no L2A task, and perhaps some of which there is: who reads it looks at the rest again. A row comes with the
-- acquisition, or when the last such task is deleted, and goes with its first task; each in the transaction of what it speaks of.
create table l1_news (
  acquisition_id bigint primary key references acquisition (id) on delete cascade,
  satellite satellite not null, -- this and the next two as in acquisition: what no season wants is passed over without a look there
  tile text not null,
  sensed_at timestamptz not null
);

create function note_l1_news() returns trigger language plpgsql as
$$ begin
  if new.state = 'present' and new.metadata ->> 'madeBy' is null
    and not exists (select from task where acquisition_id = new.id and processor = 'l2a') then
    insert into l1_news (acquisition_id, satellite, tile, sensed_at) values (new.id, new.satellite, new.tile, new.sensed_at)
    on conflict (acquisition_id) do update set satellite = excluded.satellite, tile = excluded.tile, sensed_at = excluded.sensed_at;
  elsif tg_op = 'UPDATE' then
    delete from l1_news where acquisition_id = new.id;
  end if;
  return null;
end $$;
create trigger acquisition_is_news after insert or update of state, metadata, satellite, tile, sensed_at on acquisition
  for each row execute function note_l1_news();

create function take_l1_news() returns trigger language plpgsql as
$$ begin
  delete from l1_news using fresh where fresh.processor = 'l2a' and l1_news.acquisition_id = fresh.acquisition_id;
  return null;
end $$;
create trigger task_takes_news after insert on task referencing new table as fresh for each statement execute function take_l1_news();

create function give_l1_news_back() returns trigger language plpgsql as
$$ begin
  insert into l1_news (acquisition_id, satellite, tile, sensed_at)
  select a.id, a.satellite, a.tile, a.sensed_at from acquisition a
  where a.id in (select acquisition_id from gone where processor = 'l2a') and a.state = 'present' and a.metadata ->> 'madeBy' is null
    and not exists (select from task where acquisition_id = a.id and processor = 'l2a')
  on conflict do nothing;
  return null;
end $$;
create trigger task_gives_news_back after delete on task referencing old table as gone for each statement execute function give_l1_news_back();

-- The same for L2A products in force: no NDVI step has been made for this revision.
create table l2a_news (
  product_id bigint primary key references product (id) on delete cascade,
  revision integer not null,
  satellite satellite not null,
  tile text not null,
  sensed_at timestamptz not null
);

create function note_l2a_news() returns trigger language plpgsql as
$$ begin
  if tg_op = 'UPDATE' and new.revision = old.revision then return null; end if;
  insert into l2a_news (product_id, revision, satellite, tile, sensed_at) values (new.id, new.revision, new.satellite, new.tile, new.sensed_at)
  on conflict (product_id) do update set revision = excluded.revision, satellite = excluded.satellite, tile = excluded.tile, sensed_at = excluded.sensed_at;
  return null;
end $$;
create trigger product_is_news after insert or update of step_id, attempt on product
  for each row when (new.level = 'L2A') execute function note_l2a_news();

create function take_l2a_news() returns trigger language plpgsql as
$$ begin
  delete from l2a_news using fresh join step on step.id = fresh.step_id
  where step.processor = 'ndvi' and l2a_news.product_id = fresh.product_id and l2a_news.revision = fresh.revision;
  return null;
end $$;
create trigger step_input_takes_news after insert on step_input referencing new table as fresh for each statement execute function take_l2a_news();

create function give_l2a_news_back() returns trigger language plpgsql as
$$ begin
  insert into l2a_news (product_id, revision, satellite, tile, sensed_at)
  select p.id, p.revision, p.satellite, p.tile, p.sensed_at from product p
  where p.level = 'L2A' and (p.id, p.revision) in (select product_id, revision from gone)
  on conflict do nothing;
  return null;
end $$;
create trigger step_input_gives_news_back after delete on step_input referencing old table as gone
  for each statement execute function give_l2a_news_back();

insert into l1_news (acquisition_id, satellite, tile, sensed_at)
select a.id, a.satellite, a.tile, a.sensed_at from acquisition a
where a.state = 'present' and a.metadata ->> 'madeBy' is null and not exists (select from task t where t.acquisition_id = a.id and t.processor = 'l2a');
insert into l2a_news (product_id, revision, satellite, tile, sensed_at)
select p.id, p.revision, p.satellite, p.tile, p.sensed_at from product p
where p.level = 'L2A' and not exists (
  select from step_input i join step s on s.id = i.step_id where i.product_id = p.id and i.revision = p.revision and s.processor = 'ndvi');

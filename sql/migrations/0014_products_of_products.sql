-- Why: products made of L2A products. Each input is the revision that the step was made for, not the one in force when it ends; what is
-- made of a removed product is stale; a product of many dates is stale too when a date appears in its window.
-- Locks: step_input, product_input and product for a moment each, while columns without default are added; product against writes while a
-- small index is built.

alter table step_input
  add column revision integer, -- that the step was made for, with the folder it reads; null: the one in force while it runs
  add column location text,
  add constraint step_input_names_revision check ((revision is null) = (location is null));
alter table product_input add column input_location text; -- folder of the revision that was read; null: read before locations were kept
alter table product
  add column window_from timestamptz, -- of a product of many dates: it stands for all L2A of its tile sensed from here
  add column window_to timestamptz, -- to here, both included
  add constraint product_window check ((window_from is null) = (window_to is null) and window_from <= window_to);
create index product_window_idx on product (satellite, tile) where window_from is not null;

-- Whether an L2A product is the one that counts for its acquisition: of ours and those that other processors made of the same platform, orbit and day,
-- ours does; without it the first by its maker's name.
create function counts_as_l2a(p product) returns boolean language sql stable as $$
  select $1.level = 'L2A' and $1.removed_at is null and not exists (
    select from product o where o.level = 'L2A' and o.tile = $1.tile and o.removed_at is null
      and o.sensed_at between $1.sensed_at - interval '1 day' and $1.sensed_at + interval '1 day'
      and (o.sensed_at at time zone 'UTC')::date = ($1.sensed_at at time zone 'UTC')::date
      and o.satellite = $1.satellite and o.platform = $1.platform and o.relative_orbit is not distinct from $1.relative_orbit
      and split_part(o.name, '_', 6) collate "C" < split_part($1.name, '_', 6) collate "C")
$$;

create or replace function stale_cause(product bigint) returns text language sql stable as $$
  select cause from (
    select 1 as place, i.acquisition_id as id, 'acquisition ' || a.identity || ' was superseded' as cause
    from product_input i join acquisition a on a.id = i.acquisition_id
    where i.product_id = product and a.state = 'superseded'
    union all
    select 2, i.input_product_id, 'product ' || p.name || case
      when p.removed_at is not null then ' was removed'
      when p.revision <> i.input_revision then ' was made again'
      else ' is stale' end
    from product_input i join product p on p.id = i.input_product_id
    where i.product_id = product and (p.removed_at is not null or p.stale_since is not null or p.revision <> i.input_revision)
    union all
    select 3, q.id, 'product ' || q.name || ' appeared in its window'
    from product c join product q on q.level = 'L2A' and q.tile = c.tile and q.satellite = c.satellite and q.sensed_at between c.window_from and c.window_to
    where c.id = product and c.window_from is not null and counts_as_l2a(q)
      and not exists (select from product_input i where i.product_id = c.id and i.input_product_id = q.id)
  ) causes order by place, id limit 1
$$;

-- As before; and of an L2A product and a product of many dates of one tile that are published at once the later sees the earlier. Acquisitions
-- come first, then this lock, then products.
create or replace function hold_product_inputs() returns trigger language plpgsql as
$$ begin
  perform from acquisition where id = new.acquisition_id for share;
  if new.level = 'L2A' or new.window_from is not null then
    perform pg_advisory_xact_lock(hashtext('tilth l2a of a tile'), hashtext(new.satellite::text || new.tile));
  end if;
  perform from product where id in (select product_id from step_input where step_id = new.step_id) order by id for share;
  return new;
end $$;

create or replace function note_product_inputs() returns trigger language plpgsql as
$$ begin
  if tg_op = 'UPDATE' and new.revision = old.revision then return null; end if;
  delete from product_input where product_id = new.id;
  if new.acquisition_id is not null then
    insert into product_input (product_id, acquisition_id) values (new.id, new.acquisition_id);
  end if;
  -- Where the step does not name a revision: an input that was made again while this was made was read before that.
  insert into product_input (product_id, input_product_id, input_revision, input_location)
  select new.id, p.id, coalesce(i.revision, case when p.created_at <= s.started_at then p.revision else p.revision - 1 end), i.location
  from step_input i join product p on p.id = i.product_id join step s on s.id = i.step_id
  where i.step_id = new.step_id and p.id <> new.id;
  perform settle_stale(array[new.id] || array(select product_id from product_input where input_product_id = new.id)
    || case when new.level = 'L2A' then array(select id from product
      where satellite = new.satellite and tile = new.tile and window_from is not null and new.sensed_at between window_from and window_to) end);
  return null;
end $$;

create function settle_stale_of_removal() returns trigger language plpgsql as
$$ begin
  perform settle_stale(array(select product_id from product_input where input_product_id = new.id));
  return null;
end $$;
create trigger product_removal_settles_stale after update of removed_at on product
  for each row when ((old.removed_at is null) <> (new.removed_at is null)) execute function settle_stale_of_removal();

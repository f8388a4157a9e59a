-- Why: which version of a scene superseded which, what each product was made from, and which products are stale because of it.
-- Locks: product and acquisition while indexes are built; rows of Sentinel-2 acquisitions get identities with their generation time.

alter table acquisition add column superseded_by bigint references acquisition (id) on delete set null;
update acquisition a set superseded_by = n.id from acquisition n
  where a.state = 'superseded' and a.reason = 'superseded by ' || n.identity;
alter table acquisition add constraint superseded_by_needs_state check (superseded_by is null or state = 'superseded');
create index acquisition_superseded_by_idx on acquisition (superseded_by) where superseded_by is not null;
create index acquisition_source_idx on acquisition ((metadata ->> 'sourcePath'));
create index acquisition_archive_idx on acquisition ((metadata #>> '{archive,path}')) where (metadata #>> '{archive,path}') is not null;

-- The same baseline can be made again later: the time of making is part of what a product is.
update acquisition set identity = identity || ':G' || to_char(generated_at at time zone 'UTC', 'YYYYMMDD"T"HH24MISS')
  where identity like 'S2\_L1C:%' and generated_at is not null;
update acquisition a set reason = 'superseded by ' || n.identity from acquisition n where n.id = a.superseded_by;

alter table product
  add column revision integer not null default 1, -- raised whenever the product is made again
  add column stale_since timestamptz, -- its inputs are not what they were when it was made; cleared when it is made again
  add column stale_reason text,
  add constraint stale_has_reason check ((stale_since is null) = (stale_reason is null));
create index product_stale_idx on product (processor, id) where stale_since is not null;

-- What a product in force was made from. Written by a trigger in the transaction that publishes it, from `product.acquisition_id` and
-- `step_input`, so that no way of publishing can forget it.
create table product_input (
  product_id bigint not null references product (id) on delete cascade,
  acquisition_id bigint references acquisition (id) on delete cascade,
  input_product_id bigint references product (id) on delete cascade,
  input_revision integer, -- of the input product when it was read
  constraint product_input_is_one_thing check (num_nonnulls(acquisition_id, input_product_id) = 1),
  constraint product_input_has_revision check ((input_product_id is null) = (input_revision is null)),
  constraint product_input_not_itself check (product_id <> input_product_id),
  constraint product_input_once unique nulls not distinct (product_id, acquisition_id, input_product_id)
);
create index product_input_acquisition_idx on product_input (acquisition_id) where acquisition_id is not null;
create index product_input_product_idx on product_input (input_product_id) where input_product_id is not null;
insert into product_input (product_id, acquisition_id) select id, acquisition_id from product where acquisition_id is not null;

-- Why a product is stale, or null: a function of the rows as they are, whatever the order in which they came to be so.
create function stale_cause(product bigint) returns text language sql stable as $$
  select cause from (
    select 1 as place, i.acquisition_id as id, 'acquisition ' || a.identity || ' was superseded' as cause
    from product_input i join acquisition a on a.id = i.acquisition_id
    where i.product_id = product and a.state = 'superseded'
    union all
    select 2, i.input_product_id,
      case when p.revision <> i.input_revision then 'product ' || p.name || ' was made again' else 'product ' || p.name || ' is stale' end
    from product_input i join product p on p.id = i.input_product_id
    where i.product_id = product and (p.stale_since is not null or p.revision <> i.input_revision)
  ) causes order by place, id limit 1
$$;

-- Brings the flags of these products, and of all made from them, in line with their causes. Rows are locked in order of their ids, so
-- that two of these never wait for each other. Ends because products are made from earlier ones only.
create function settle_stale(seeds bigint[]) returns void language plpgsql as $$
declare
  todo bigint[] := seeds;
  changed bigint[];
begin
  while cardinality(todo) > 0 loop
    perform from product where id = any (todo) order by id for no key update;
    with cause as (select id, stale_cause(id) as reason from product where id = any (todo)),
      flipped as (
        update product p set stale_reason = c.reason,
          stale_since = case when c.reason is null then null else coalesce(p.stale_since, now()) end
        from cause c where c.id = p.id and p.stale_reason is distinct from c.reason
        returning p.id)
    select array_agg(id) into changed from flipped;
    select coalesce(array_agg(distinct product_id), '{}') into todo from product_input where input_product_id = any (changed);
  end loop;
end $$;

-- Before a product's own row is locked its inputs are: whoever supersedes or remakes one of them waits, or is waited for, and
-- both orders end the same. Acquisitions come before products, as in `acquisition_settles_stale`.
create function hold_product_inputs() returns trigger language plpgsql as
$$ begin
  perform from acquisition where id = new.acquisition_id for share;
  perform from product where id in (select product_id from step_input where step_id = new.step_id) order by id for share;
  return new;
end $$;
create trigger product_holds_inputs before insert on product for each row execute function hold_product_inputs();

create function raise_product_revision() returns trigger language plpgsql as
$$ begin
  if new.step_id is not null and (new.step_id, new.attempt) is distinct from (old.step_id, old.attempt) then
    new.revision := old.revision + 1;
  end if;
  return new;
end $$;
create trigger product_raises_revision before update of step_id, attempt on product for each row execute function raise_product_revision();

create function note_product_inputs() returns trigger language plpgsql as
$$ begin
  if tg_op = 'UPDATE' and new.revision = old.revision then return null; end if;
  delete from product_input where product_id = new.id;
  if new.acquisition_id is not null then
    insert into product_input (product_id, acquisition_id) values (new.id, new.acquisition_id);
  end if;
  -- An input that was made again while this was made was read before that.
  insert into product_input (product_id, input_product_id, input_revision)
  select new.id, p.id, case when p.created_at <= s.started_at then p.revision else p.revision - 1 end
  from step_input i join product p on p.id = i.product_id join step s on s.id = i.step_id
  where i.step_id = new.step_id and p.id <> new.id;
  perform settle_stale(array[new.id] || array(select product_id from product_input where input_product_id = new.id));
  return null;
end $$;
create trigger product_notes_inputs after insert or update of step_id, attempt on product
  for each row execute function note_product_inputs();

create function settle_stale_of_acquisition() returns trigger language plpgsql as
$$ begin
  perform settle_stale(array(select product_id from product_input where acquisition_id = new.id));
  return null;
end $$;
create trigger acquisition_settles_stale after update of state on acquisition
  for each row when ((old.state = 'superseded') <> (new.state = 'superseded')) execute function settle_stale_of_acquisition();

-- What is superseded already makes its products stale now.
select settle_stale(array(select i.product_id from product_input i join acquisition a on a.id = i.acquisition_id where a.state = 'superseded'));

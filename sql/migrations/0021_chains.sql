-- Why: L2A runs as chains in time. Each date takes the state that the one before it left; what it took is kept, so that a product is stale when
-- it would take another state today. A date waits for the end of the one before it, however that ends: a broken one blocks nobody.
-- Locks: step_dependency for a moment, while a column with a constant default is added; product and acquisition while triggers are made.

alter table step_dependency add column end_suffices boolean not null default false; -- the successor waits for the end, not for success

-- How each L2A product in force began, and what it left. The state itself lies in the product's folder.
create table chain_state (
  product_id bigint primary key references product (id) on delete cascade,
  mode text not null constraint chain_state_mode check (mode in ('init', 'nominal', 'backward')),
  digest text not null, -- of the state that it left
  previous_id bigint references product (id) on delete set null, -- whose state it took
  previous_digest text, -- of the state that it took
  max_age_days real not null, -- of that state; 0: it takes none
  other_orbits boolean not null,
  backward_dates integer not null, -- that a backward start wants; 0: none
  following bigint[] not null default '{}', -- acquisitions that its backward start read
  constraint chain_state_took check ((mode = 'nominal') = (previous_digest is not null)),
  constraint chain_state_backward check (mode = 'backward' or following = '{}')
);
create index chain_state_previous_idx on chain_state (previous_id) where previous_id is not null;

-- The L2A product in force whose state the L2A of an acquisition would take now: the nearest earlier date of its own orbit that is not too old (whole days, so half a
-- day more), else, where other orbits are allowed, of another one. Versions of one scene are less than an hour apart and do not follow each other.
create function chain_predecessor(acquisition bigint, max_age_days double precision, other_orbits boolean) returns bigint
language sql stable as $$
  select p.id from acquisition a
  join acquisition b on b.satellite = a.satellite and b.tile = a.tile and b.sensed_at < a.sensed_at - interval '1 hour'
    and b.sensed_at >= a.sensed_at - make_interval(secs => $2 * 86400 + 43200)
  join product p on p.acquisition_id = b.id and p.processor = 'l2a' and p.removed_at is null
  join chain_state c on c.product_id = p.id
  where a.id = $1 and $2 > 0 and ($3 or b.relative_orbit is not distinct from a.relative_orbit)
  order by b.relative_orbit is not distinct from a.relative_orbit desc, b.sensed_at desc, p.id desc limit 1
$$;

-- The next `n` present acquisitions of the same orbit within 90 days, nearest first.
create function chain_following(acquisition bigint, n integer) returns bigint[] language sql stable as $$
  select coalesce(array_agg(id order by sensed_at, id), '{}') from (
    select b.id, b.sensed_at from acquisition a
    join acquisition b on b.satellite = a.satellite and b.tile = a.tile and b.relative_orbit is not distinct from a.relative_orbit
      and b.state = 'present' and b.metadata ->> 'madeBy' is null
      and b.sensed_at > a.sensed_at + interval '1 hour' and b.sensed_at <= a.sensed_at + interval '90 days'
    where a.id = $1 order by b.sensed_at, b.id limit $2) nearest
$$;

-- As before, and what a chain adds. A state that was taken from a product that retention removed since is as good as it was.
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
    union all
    select 4, q.id, 'product ' || q.name || ' left another state since'
    from chain_state c join product q on q.id = c.previous_id join chain_state s on s.product_id = q.id
    where c.product_id = product and q.removed_at is null and s.digest <> c.previous_digest
    union all
    select 5, e.id, 'product ' || e.name || ' comes before it in its chain'
    from chain_state c join product p on p.id = c.product_id
      join product e on e.id = chain_predecessor(p.acquisition_id, c.max_age_days, c.other_orbits)
      left join product was on was.id = c.previous_id
    where c.product_id = product and e.id is distinct from c.previous_id and (was.removed_at is null or e.sensed_at > was.sensed_at)
    union all
    select 6, 0, 'the dates of its backward start are others now'
    from chain_state c join product p on p.id = c.product_id cross join lateral chain_following(p.acquisition_id, c.backward_dates) as ids
    where c.product_id = product and c.mode <> 'nominal' and c.backward_dates > 0
      and cardinality(ids) = c.backward_dates and ids <> c.following
  ) causes order by place, id limit 1
$$;

-- As before, but the tile's lock comes first, then acquisitions, then products: an acquisition that appears makes backward starts of its tile stale, and
-- whoever lets it appear holds that lock already.
create or replace function hold_product_inputs() returns trigger language plpgsql as
$$ begin
  if new.level = 'L2A' or new.window_from is not null then
    perform pg_advisory_xact_lock(hashtext('tilth l2a of a tile'), hashtext(new.satellite::text || new.tile));
  end if;
  perform from acquisition where id = new.acquisition_id for share;
  perform from product where id in (select product_id from step_input where step_id = new.step_id) order by id for share;
  return new;
end $$;

-- A date that left a state: it and the dates that would take that state are looked at again.
create function settle_stale_of_chain() returns trigger language plpgsql as
$$ begin
  perform settle_stale(array[new.product_id] || array(
    select p.id from product me join product p on p.level = 'L2A' and p.tile = me.tile and p.satellite = me.satellite and p.sensed_at > me.sensed_at
      and p.sensed_at < me.sensed_at + interval '92 days' join chain_state c on c.product_id = p.id
    where me.id = new.product_id and p.sensed_at < me.sensed_at + make_interval(secs => c.max_age_days * 86400 + 86400)));
  return null;
end $$;
create trigger chain_state_settles_stale after insert or update on chain_state for each row execute function settle_stale_of_chain();

-- An acquisition that appears or goes: dates before it that began without a state may begin otherwise now.
create function settle_backward_starts() returns trigger language plpgsql as
$$ begin
  perform settle_stale(array(
    select p.id from product p join chain_state c on c.product_id = p.id
    where p.level = 'L2A' and p.tile = new.tile and p.satellite = new.satellite and p.sensed_at < new.sensed_at
      and p.sensed_at > new.sensed_at - interval '91 days' and c.mode <> 'nominal' and c.backward_dates > 0));
  return null;
end $$;
create trigger acquisition_appears after insert on acquisition
  for each row when (new.state = 'present') execute function settle_backward_starts();
create trigger acquisition_comes_or_goes after update of state on acquisition
  for each row when ((old.state = 'present') <> (new.state = 'present')) execute function settle_backward_starts();

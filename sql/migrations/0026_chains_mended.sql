-- Why: what a product was stale for is over when it is made again, or the next cause would count as tried by the job that has just made it. What retention
-- removed of L1 still follows a date, so that its backward start stays what it was. A product that could not be made again hands its state on no more.
-- Locks: chain_state for a moment.

alter table chain_state add column is_given_up boolean not null default false; -- stale, and the step that was to make it again has failed for good

create or replace function raise_product_revision() returns trigger language plpgsql as
$$ begin
  if new.step_id is not null and (new.step_id, new.attempt) is distinct from (old.step_id, old.attempt) then
    new.revision := old.revision + 1;
    new.stale_since := null;
    new.stale_reason := null;
  end if;
  return new;
end $$;

create or replace function chain_predecessor(acquisition bigint, max_age_days double precision, other_orbits boolean) returns bigint
language sql stable as $$
  select p.id from acquisition a
  join acquisition b on b.satellite = a.satellite and b.tile = a.tile and b.sensed_at < a.sensed_at - interval '1 hour'
    and b.sensed_at >= a.sensed_at - make_interval(secs => $2 * 86400 + 43200)
  join product p on p.acquisition_id = b.id and p.processor = 'l2a' and p.removed_at is null
  join chain_state c on c.product_id = p.id and not c.is_given_up
  where a.id = $1 and $2 > 0 and ($3 or b.relative_orbit is not distinct from a.relative_orbit)
  order by b.relative_orbit is not distinct from a.relative_orbit desc, b.sensed_at desc, p.id desc limit 1
$$;

create or replace function chain_following(acquisition bigint, n integer) returns bigint[] language sql stable as $$
  select coalesce(array_agg(id order by sensed_at, id), '{}') from (
    select b.id, b.sensed_at from acquisition a
    join acquisition b on b.satellite = a.satellite and b.tile = a.tile and b.relative_orbit is not distinct from a.relative_orbit
      and (b.state = 'present' or b.state = 'ignored' and b.reason_code = 'RETENTION') and b.metadata ->> 'madeBy' is null
      and b.sensed_at > a.sensed_at + interval '1 hour' and b.sensed_at <= a.sensed_at + interval '90 days'
    where a.id = $1 order by b.sensed_at, b.id limit $2) nearest
$$;

-- As before; a backward start by name, and one that has lost a date, depend on which dates there are, however many.
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
    where c.product_id = product and c.mode <> 'nominal' and c.backward_dates > 0 and ids <> c.following
      and (c.mode = 'backward' or c.max_age_days = 0 or cardinality(ids) = c.backward_dates)
    union all
    select 7, q.id, 'product ' || q.name || ', whose state it took, could not be made again'
    from chain_state c join product q on q.id = c.previous_id join chain_state s on s.product_id = q.id
    where c.product_id = product and q.removed_at is null and s.is_given_up
  ) causes order by place, id limit 1
$$;

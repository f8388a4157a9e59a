-- Why: which folders of the archive nobody will ever register is known from the database alone: no walk through the archive, no clock of a
-- host or file system. History can no longer be rewritten. Locks: step_event for a moment, writes to product while its index is built.

-- Folders that an attempt is about to move into the archive. Registering the product deletes the row; what is left of attempts that do not
-- run is removed by the leading scheduler. No foreign key: the folder has to go even if its step was deleted.
create table placement (
  location text primary key, -- `archive:<level>/<tile>/<yyyy>/<mm>/<name>/r<step>-<attempt>`
  step_id bigint not null,
  attempt integer not null,
  noted_at timestamptz not null default now()
);
create index product_location_idx on product (location);

-- Append-only: events go with their step, and never otherwise. A cascade runs inside the trigger of its foreign key, so its depth is 2.
create function refuse_event_change() returns trigger language plpgsql as
$$ begin
  if tg_op = 'DELETE' and pg_trigger_depth() > 1 then return old; end if;
  raise exception 'step_event is append-only' using errcode = 'restrict_violation';
end $$;
create trigger step_event_append_only before update or delete on step_event
  for each row execute function refuse_event_change();

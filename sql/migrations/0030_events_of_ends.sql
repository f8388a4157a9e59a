-- Why: the end of a step is the one commit that cannot be shared with other steps, so what it writes is kept small. The event of a success stands in the
-- row of `step_ended` that asks for the consequences, and goes into `step_event` with them, many at once: one table and one index less for each end.
-- Locks: `step_ended` for a moment.
-- Breaking because an older program would draw the consequences and drop the event.
--! breaking

alter table step_ended
  add column kind text, -- of the event of this end; null: it was written with the end
  add column attempt integer,
  add column at timestamptz not null default clock_timestamp(),
  add column detail jsonb;

-- All events, in the order of (step_id, id). One that is not in `step_event` yet is the last of its step, because no step leaves the state `succeeded`.
create view step_history as
  select step_id, id, attempt, at, kind, detail from step_event
  union all
  select step_id, 9007199254740991, attempt, at, kind, detail from step_ended where kind is not null;

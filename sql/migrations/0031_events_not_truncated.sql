-- Why: the trigger that keeps events as they are looks at rows, and `truncate` passes by triggers for rows. Restoring a backup switches triggers off first.
-- Locks: `step_event` for a moment.

create trigger step_event_not_truncated before truncate on step_event
  for each statement execute function refuse_event_change();

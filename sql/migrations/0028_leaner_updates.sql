-- Why: an update of a step is most of what the queue costs. A trigger before an update makes Postgres lock the row first, a second write of it, whatever
-- columns it names; the condition of a partial index is planned anew by each statement; and a leaf page of an index that is full is cleaned of dead
-- entries again and again, because each row's entry is written anew when it becomes ready, is claimed and ends (all measured in docs/performance.md, "Queue").
-- Locks: `step` against all while two small indexes are built, about 1 s for a million steps.

-- The same rules, looked at when the row is written: a broken one ends the statement as before.
drop trigger step_is_possible on step;
create trigger step_is_possible before insert on step for each row execute function refuse_impossible_step();
create trigger step_stays_possible
  after update of cpu, memory_mb, scratch_mb, io_weight, memory_floor_mb, block_shrink, failures on step
  for each row execute function refuse_impossible_step();

-- Shorter conditions: few steps are ever paused by themselves or fail, and one that has ended is not ready in the future.
drop index step_paused_idx;
create index step_paused_idx on step (id) where paused;
drop index step_retry_idx;
create index step_retry_idx on step (executor, ready_at) where failures > 0;

-- Room for the entries to come; of two versions of a row none stays, so nothing is gained by storing them as one. Pages from before stay as they are.
alter index step_pkey set (fillfactor = 50, deduplicate_items = off);
alter index step_task_idx set (fillfactor = 60, deduplicate_items = off);

-- Why: every few seconds it is asked whether any step that waits is paused by itself, and a queue of a million must not be read for it.
-- Locks: writes to `step` while a small index is built, about 1 s for a million steps.
create index step_paused_idx on step (id) where paused and state in ('blocked', 'ready');

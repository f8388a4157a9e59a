-- Why: of several days that are due each has its own inputs and its own deadline. One that is complete is answered although one before it still waits.
-- Locks: `schedule` for a moment.

alter table schedule
  add column answered_days date[] not null default '{}', -- after `done_through`, in order; a day between the two waits for its inputs
  add constraint schedule_answered_after_done check (done_through is null or done_through < all (answered_days));

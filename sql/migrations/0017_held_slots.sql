-- Why: a node under pressure hands out fewer slots than it has; `tilth nodes` and `tilth why` say so.
-- Locks: `node` for a moment.
alter table node
  add column slots_held_to integer constraint node_slots_held_to check (slots_held_to >= 1), -- handed out at present; null: all
  add column held_reason text,
  add constraint node_held_has_reason check ((slots_held_to is null) = (held_reason is null));

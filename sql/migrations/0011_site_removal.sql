-- Why: a site that goes takes its name off its steps; without an index that reads every step there ever was, once for each site.
-- Locks: writes to step while the index is built, about 1 s for a million steps.
create index step_site_idx on step (site_id) where site_id is not null;

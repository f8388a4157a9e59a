-- Why: satellites, sites, sub-sites and tiles share the slots by weight. What each was given is kept, so that any scheduler goes on where another ended.
-- Locks: none; the table is new.
create table fair_share (
  path text primary key, -- satellite/site/sub-site/tile, from the left; sites by id
  virtual_s double precision not null constraint fair_share_virtual check (virtual_s >= 0), -- slot time given, s, each part divided by the weight then
  active_at timestamptz not null -- it last had work to do
);

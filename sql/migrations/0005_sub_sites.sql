-- Why: sub-sites. A parent and its children share acquisitions and L2A; what a parent has is the union over its children, as a query.
-- Depth is one level: a site with a parent has no children. Of a deeper tree of an earlier version the lower levels become children
-- of its topmost site (settings of a level between are no longer inherited: `tilth config list --site` shows what holds).
-- Locks: site and season for the length of the migration.

do $$
begin
  while exists (select from site child join site parent on parent.id = child.parent_id where parent.parent_id is not null) loop
    update site child set parent_id = parent.parent_id
    from site parent where parent.id = child.parent_id and parent.parent_id is not null and parent.parent_id <> child.id;
  end loop;
end $$;

-- Locks the parent's row, so that of two that build a second level at once the later one sees the earlier.
create function check_site_level() returns trigger language plpgsql as
$$ declare grandparent bigint;
begin
  select parent_id into grandparent from site where id = new.parent_id for share;
  if grandparent is not null then
    raise exception 'site % is a sub-site itself and can have none', new.parent_id
      using errcode = 'check_violation', constraint = 'site_one_level', table = 'site';
  end if;
  if exists (select from site where parent_id = new.id) then
    raise exception 'site % has sub-sites and cannot become one', new.id
      using errcode = 'check_violation', constraint = 'site_one_level', table = 'site';
  end if;
  return new;
end $$;
create trigger site_one_level before insert or update of parent_id on site
  for each row when (new.parent_id is not null) execute function check_site_level();
create index site_parent_idx on site (parent_id) where parent_id is not null;

-- Each site with the sites whose tiles are its own: itself and its children.
create view site_reach as
  select id as site_id, id as member_id from site
  union all
  select parent_id, id from site where parent_id is not null;

-- Seasons in force: a site's own, else those of its parent.
create view site_season as
  select site.id as site_id, season.site_id as from_site_id, season.name, season.starts_on, season.mid_on, season.ends_on
  from site join season on season.site_id =
    case when exists (select from season own where own.site_id = site.id) then site.id else site.parent_id end;

-- Seasons of one site may overlap; none may lie within another. Looked at when the transaction ends, so that several can be moved at
-- once; the site's row is locked then, so that of two transactions the later one sees the earlier.
create function check_season_nesting() returns trigger language plpgsql as
$$ declare found season;
begin
  perform from site where id = new.site_id for no key update;
  select other.* into found from season other join season mine on mine.id = new.id
  where other.site_id = mine.site_id and other.id <> mine.id
    and ((mine.starts_on <= other.starts_on and other.ends_on <= mine.ends_on)
      or (other.starts_on <= mine.starts_on and mine.ends_on <= other.ends_on))
  limit 1;
  if found is not null then
    raise exception 'season % lies within or around season %', new.name, found.name
      using errcode = 'exclusion_violation', constraint = 'season_not_nested', table = 'season';
  end if;
  return null;
end $$;
create constraint trigger season_not_nested after insert or update of site_id, starts_on, ends_on on season
  deferrable initially deferred for each row execute function check_season_nesting();

-- Folders and links that are no longer named by any row and shall be deleted; written in the transaction that deletes the rows, removed
-- when the files are gone. What a crash leaves here is deleted by the next look.
create table doomed_path (
  location text primary key, -- `root:relative/path`
  doomed_at timestamptz not null default now(),
  doomed_by text not null,
  constraint doomed_path_location check (location ~ '^[a-z][a-z0-9_]*:[^/]')
);

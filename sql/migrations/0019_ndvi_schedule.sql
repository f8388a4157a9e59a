-- Why: NDVI follows each L2A of a season by itself.
-- Locks: none that matter.
insert into default_schedule (name, processor, repeat, last_offset_days, doc) values
  ('ndvi', 'ndvi', 'on_product', 90, 'NDVI of each L2A product of the season as it comes, and again where the L2A was made again.');
insert into schedule (season_id, name, processor, repeat, every_days, month_day, first_base, first_offset_days, last_offset_days, at_time, time_zone,
  wait_days, retry_s, priority, arguments)
select season.id, d.name, d.processor, d.repeat, d.every_days, d.month_day, d.first_base, d.first_offset_days, d.last_offset_days, d.at_time, d.time_zone,
  d.wait_days, d.retry_s, d.priority, d.arguments from season cross join default_schedule d where d.name = 'ndvi'
on conflict (season_id, name) do nothing;

-- Why: monthly composites of a season by themselves, and again where what they are made of has changed.
-- Locks: none that matter.
insert into default_schedule (name, processor, repeat, month_day, first_offset_days, last_offset_days, wait_days, retry_s, doc) values
  ('composite', 'composite', 'on_date', 15, 31, 31, 10, 60, 'Each month the composite around the 15th of the month before, when its window is complete.'),
  ('composite-renewal', 'composite', 'on_product', null, 31, 120, 10, 600, 'Composites of the season again whose inputs were made again, or in whose window a date has appeared.');
insert into schedule (season_id, name, processor, repeat, every_days, month_day, first_base, first_offset_days, last_offset_days, at_time, time_zone,
  wait_days, retry_s, priority, arguments)
select season.id, d.name, d.processor, d.repeat, d.every_days, d.month_day, d.first_base, d.first_offset_days, d.last_offset_days, d.at_time, d.time_zone,
  d.wait_days, d.retry_s, d.priority, d.arguments from season cross join default_schedule d where d.processor = 'composite'
on conflict (season_id, name) do nothing;

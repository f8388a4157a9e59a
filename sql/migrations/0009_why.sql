-- Why: `tilth why` goes from an acquisition to its steps and products, and a job's report reads the events of all its steps.
-- Locks: writes to task and product while each index is built.
create index task_acquisition_idx on task (acquisition_id) where acquisition_id is not null;
create index product_acquisition_idx on product (acquisition_id) where acquisition_id is not null;

-- How long what cars sent is kept. Owned by marketplace::archive.

-- Signal groups of the samples in the payload, one bit each, and the UTC day of the earliest, counted from
-- 1970-01-01. The day is null without samples, and once the payload is over: then that is empty.
ALTER TABLE batches ADD COLUMN sample_groups INTEGER NOT NULL DEFAULT 0;
ALTER TABLE batches ADD COLUMN first_day INTEGER;

-- Nobody looked into those of before: they may have every group, and count from when they were received.
UPDATE batches SET sample_groups = 1023, first_day = (received_at / 86400000000)::integer WHERE samples > 0;

CREATE INDEX batches_by_first_day ON batches (first_day, sample_groups);

DROP INDEX batches_by_first_day;
ALTER TABLE batches DROP COLUMN first_day;
ALTER TABLE batches DROP COLUMN sample_groups;

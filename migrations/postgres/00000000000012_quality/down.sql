ALTER TABLE datasets DROP COLUMN reasons;
ALTER TABLE datasets DROP COLUMN flagged_rows;
ALTER TABLE datasets DROP COLUMN score;
DROP TABLE reason_totals;
DROP TABLE batch_reasons;
ALTER TABLE latest_values DROP COLUMN unchanged_since;
ALTER TABLE chains DROP COLUMN score_sum;
ALTER TABLE chains DROP COLUMN scored_samples;
ALTER TABLE batches DROP COLUMN score;

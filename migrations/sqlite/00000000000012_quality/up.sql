-- How plausible what cars sent is. Owned by marketplace::archive, but for the columns of datasets.

-- Per mille; null for batches of before and for those without samples.
ALTER TABLE batches ADD COLUMN score INTEGER;

-- Samples that were scored, and the sum of their scores.
ALTER TABLE chains ADD COLUMN scored_samples BIGINT NOT NULL DEFAULT 0;
ALTER TABLE chains ADD COLUMN score_sum BIGINT NOT NULL DEFAULT 0;

-- Time of the first of the equal values that the newest is the last of.
ALTER TABLE latest_values ADD COLUMN unchanged_since BIGINT NOT NULL DEFAULT 0;
UPDATE latest_values SET unchanged_since = measured_at;

-- What is wrong with a batch. Plausible ones have no row.
CREATE TABLE batch_reasons (
    vehicle_id BLOB NOT NULL REFERENCES vehicles (id),
    seq BIGINT NOT NULL,
    reason TEXT NOT NULL,
    signal INTEGER NOT NULL,
    sample_count BIGINT NOT NULL CHECK (sample_count > 0),
    worst BIGINT NOT NULL,
    PRIMARY KEY (vehicle_id, seq, reason, signal)
);

-- The same over all batches of a vehicle.
CREATE TABLE reason_totals (
    vehicle_id BLOB NOT NULL REFERENCES vehicles (id),
    reason TEXT NOT NULL,
    signal INTEGER NOT NULL,
    sample_count BIGINT NOT NULL,
    worst BIGINT NOT NULL,
    PRIMARY KEY (vehicle_id, reason, signal)
);

-- Null while nothing in the dataset was scored.
ALTER TABLE datasets ADD COLUMN score INTEGER;
ALTER TABLE datasets ADD COLUMN flagged_rows BIGINT NOT NULL DEFAULT 0;
-- As in `teleport Vehicle.CurrentLocation.Latitude=3`, one a line.
ALTER TABLE datasets ADD COLUMN reasons TEXT NOT NULL DEFAULT '';

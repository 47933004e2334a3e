-- What can be seen of a dataset before it is bought. Owned by marketplace::catalog.

CREATE TABLE dataset_profiles (
    dataset_id BYTEA NOT NULL PRIMARY KEY REFERENCES datasets (id),
    -- What it was made of; everything else is in the JSON.
    row_count BIGINT NOT NULL CHECK (row_count >= 0),
    vehicle_count BIGINT NOT NULL CHECK (vehicle_count > 0),
    lake_version BIGINT NOT NULL,
    profiled_at BIGINT NOT NULL,
    profile TEXT NOT NULL
);

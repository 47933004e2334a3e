-- What is for sale, and what is known about it. Owned by marketplace::catalog.

CREATE TABLE datasets (
    id BYTEA NOT NULL PRIMARY KEY,
    slug TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    description TEXT NOT NULL,
    signals TEXT NOT NULL,
    price_per_row BIGINT NOT NULL CHECK (price_per_row >= 0),
    row_count BIGINT NOT NULL,
    vehicle_count BIGINT NOT NULL,
    makes TEXT NOT NULL,
    models TEXT NOT NULL,
    first_at BIGINT,
    last_at BIGINT,
    -- The version of the lake that was measured.
    lake_version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    described_at BIGINT NOT NULL
);

-- What cars sent, as they signed it. Owned by marketplace::archive.

-- `arrival` orders batches of all vehicles by the time they were committed.
CREATE TABLE batches (
    arrival BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    vehicle_id BYTEA NOT NULL REFERENCES vehicles (id),
    seq BIGINT NOT NULL CHECK (seq >= 1),
    hash BYTEA NOT NULL,
    prev_hash BYTEA NOT NULL,
    consent_version INTEGER NOT NULL,
    payload BYTEA NOT NULL,
    signature BYTEA NOT NULL,
    samples INTEGER NOT NULL,
    received_at BIGINT NOT NULL,
    UNIQUE (vehicle_id, seq)
);

-- The end of each vehicle's chain.
CREATE TABLE chains (
    vehicle_id BYTEA NOT NULL PRIMARY KEY REFERENCES vehicles (id),
    last_seq BIGINT NOT NULL,
    last_hash BYTEA NOT NULL,
    samples BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE latest_values (
    vehicle_id BYTEA NOT NULL REFERENCES vehicles (id),
    signal INTEGER NOT NULL,
    measured_at BIGINT NOT NULL,
    value BIGINT NOT NULL,
    PRIMARY KEY (vehicle_id, signal)
);

CREATE TABLE commitments (
    vehicle_id BYTEA NOT NULL REFERENCES vehicles (id),
    commitment BYTEA NOT NULL,
    signal INTEGER NOT NULL,
    started_at BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    PRIMARY KEY (vehicle_id, commitment)
);

-- Batches that contradict the chain, kept as evidence. Nothing reads their samples.
CREATE TABLE quarantine (
    vehicle_id BYTEA NOT NULL REFERENCES vehicles (id),
    hash BYTEA NOT NULL,
    seq BIGINT NOT NULL,
    prev_hash BYTEA NOT NULL,
    consent_version INTEGER NOT NULL,
    payload BYTEA NOT NULL,
    signature BYTEA NOT NULL,
    received_at BIGINT NOT NULL,
    PRIMARY KEY (vehicle_id, hash)
);

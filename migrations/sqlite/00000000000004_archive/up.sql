-- What cars sent, as they signed it. Owned by marketplace::archive.

-- `arrival` orders batches of all vehicles by the time they were committed.
CREATE TABLE batches (
    arrival INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    vehicle_id BLOB NOT NULL REFERENCES vehicles (id),
    seq BIGINT NOT NULL CHECK (seq >= 1),
    hash BLOB NOT NULL,
    prev_hash BLOB NOT NULL,
    consent_version INTEGER NOT NULL,
    payload BLOB NOT NULL,
    signature BLOB NOT NULL,
    samples INTEGER NOT NULL,
    received_at BIGINT NOT NULL,
    UNIQUE (vehicle_id, seq)
);

-- The end of each vehicle's chain.
CREATE TABLE chains (
    vehicle_id BLOB NOT NULL PRIMARY KEY REFERENCES vehicles (id),
    last_seq BIGINT NOT NULL,
    last_hash BLOB NOT NULL,
    samples BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE latest_values (
    vehicle_id BLOB NOT NULL REFERENCES vehicles (id),
    signal INTEGER NOT NULL,
    measured_at BIGINT NOT NULL,
    value BIGINT NOT NULL,
    PRIMARY KEY (vehicle_id, signal)
);

CREATE TABLE commitments (
    vehicle_id BLOB NOT NULL REFERENCES vehicles (id),
    commitment BLOB NOT NULL,
    signal INTEGER NOT NULL,
    started_at BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    PRIMARY KEY (vehicle_id, commitment)
);

-- Batches that contradict the chain, kept as evidence. Nothing reads their samples.
CREATE TABLE quarantine (
    vehicle_id BLOB NOT NULL REFERENCES vehicles (id),
    hash BLOB NOT NULL,
    seq BIGINT NOT NULL,
    prev_hash BLOB NOT NULL,
    consent_version INTEGER NOT NULL,
    payload BLOB NOT NULL,
    signature BLOB NOT NULL,
    received_at BIGINT NOT NULL,
    PRIMARY KEY (vehicle_id, hash)
);

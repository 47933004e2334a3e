-- Samples go to buyers as they are accepted.

-- Kinds of entries, changed as in 00000000000020_ledger_kinds. Owned by marketplace::ledger.

ALTER TABLE entries DROP CONSTRAINT entries_kind_check;
ALTER TABLE entries ADD CONSTRAINT entries_kind_check
    CHECK (kind IN ('deposit', 'purchase', 'settlement', 'refund', 'funding', 'claim', 'remainder', 'sweep', 'reward', 'top-up', 'draw', 'unspent', 'data-funding', 'data-pay', 'data-remainder', 'metered'));

-- What follows is owned by marketplace::live.

CREATE TABLE live_streams (
    id BYTEA NOT NULL PRIMARY KEY,
    buyer_id BYTEA NOT NULL REFERENCES buyers (id),
    dataset_id BYTEA NOT NULL REFERENCES datasets (id),
    -- VSS paths, one a line.
    signals TEXT NOT NULL,
    purpose TEXT NOT NULL,
    cap BIGINT NOT NULL CHECK (cap > 0),
    pending_id BYTEA NOT NULL UNIQUE REFERENCES pending_transfers (id),
    -- What the price follows from, as JSON, with the rows that were metered.
    price_inputs TEXT NOT NULL,
    fee_basis_points INTEGER NOT NULL,
    opened_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    -- The last batches before it was opened, and that were metered.
    opened_arrival BIGINT NOT NULL,
    metered_arrival BIGINT NOT NULL,
    -- Micro-tokens that were paid: null until it is settled.
    price BIGINT CHECK (price >= 0 AND price <= cap)
);
CREATE INDEX live_streams_by_buyer ON live_streams (buyer_id);
CREATE INDEX live_streams_by_end ON live_streams (ends_at);

CREATE TABLE live_rows (
    stream_id BYTEA NOT NULL REFERENCES live_streams (id),
    vehicle_id BYTEA NOT NULL REFERENCES vehicles (id),
    owner_id BYTEA NOT NULL REFERENCES owners (id),
    row_count BIGINT NOT NULL CHECK (row_count > 0),
    last_at BIGINT NOT NULL,
    -- Micro-tokens that they earned: null until the stream is settled.
    amount BIGINT CHECK (amount >= 0),
    PRIMARY KEY (stream_id, vehicle_id)
);
CREATE INDEX live_rows_by_owner ON live_rows (owner_id);

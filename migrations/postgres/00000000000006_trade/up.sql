-- Quotes and orders. Owned by marketplace::trade.

-- A quote freezes the rows: those of `quote_vehicles` at version `lake_version` of the lake.
CREATE TABLE quotes (
    id BYTEA NOT NULL PRIMARY KEY,
    buyer_id BYTEA NOT NULL REFERENCES buyers (id),
    dataset_id BYTEA NOT NULL REFERENCES datasets (id),
    signals TEXT NOT NULL,
    lake_version BIGINT NOT NULL,
    row_count BIGINT NOT NULL CHECK (row_count > 0),
    price BIGINT NOT NULL CHECK (price >= 0),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE TABLE quote_vehicles (
    quote_id BYTEA NOT NULL REFERENCES quotes (id),
    vehicle_id BYTEA NOT NULL REFERENCES vehicles (id),
    row_count BIGINT NOT NULL CHECK (row_count > 0),
    PRIMARY KEY (quote_id, vehicle_id)
);

CREATE TABLE orders (
    id BYTEA NOT NULL PRIMARY KEY,
    quote_id BYTEA NOT NULL UNIQUE REFERENCES quotes (id),
    buyer_id BYTEA NOT NULL REFERENCES buyers (id),
    idempotency_key TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('paid', 'delivered', 'refunded')),
    price BIGINT NOT NULL,
    fee BIGINT NOT NULL,
    paid_out BIGINT NOT NULL,
    refunded BIGINT NOT NULL,
    placed_at BIGINT NOT NULL,
    deliver_by BIGINT NOT NULL,
    settled_at BIGINT,
    UNIQUE (buyer_id, idempotency_key),
    CHECK (status = 'paid' OR fee + paid_out + refunded = price)
);

-- What each vehicle earned with an order.
CREATE TABLE payouts (
    order_id BYTEA NOT NULL REFERENCES orders (id),
    vehicle_id BYTEA NOT NULL REFERENCES vehicles (id),
    owner_id BYTEA NOT NULL REFERENCES owners (id),
    row_count BIGINT NOT NULL,
    amount BIGINT NOT NULL CHECK (amount >= 0),
    PRIMARY KEY (order_id, vehicle_id)
);
CREATE INDEX payouts_by_owner ON payouts (owner_id);

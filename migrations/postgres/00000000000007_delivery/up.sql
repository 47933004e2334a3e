-- Delivered versions of what was bought, and who read them. Owned by marketplace::delivery.

CREATE TABLE versions (
    order_id BYTEA NOT NULL REFERENCES orders (id),
    number INTEGER NOT NULL,
    file TEXT NOT NULL,
    sha256 BYTEA NOT NULL,
    byte_count BIGINT NOT NULL,
    row_count BIGINT NOT NULL,
    delivered_at BIGINT NOT NULL,
    PRIMARY KEY (order_id, number)
);

CREATE TABLE reads (
    id BYTEA NOT NULL PRIMARY KEY,
    order_id BYTEA NOT NULL REFERENCES orders (id),
    number INTEGER NOT NULL,
    read_at BIGINT NOT NULL,
    byte_count BIGINT NOT NULL
);
CREATE INDEX reads_by_order ON reads (order_id);

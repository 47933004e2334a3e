-- Vehicles whose data their owners had erased. Owned by marketplace::erasure.

-- `finished_at` is null while something of the vehicle may be left. Rows stay, as the chain's end does.
CREATE TABLE erasures (
    vehicle_id BLOB NOT NULL PRIMARY KEY REFERENCES vehicles (id),
    requested_at BIGINT NOT NULL,
    finished_at BIGINT
);

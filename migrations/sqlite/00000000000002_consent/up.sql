-- What each owner permits, as a history: rows are only added. Owned by marketplace::consent.

CREATE TABLE policies (
    vehicle_id BLOB NOT NULL REFERENCES vehicles (id),
    version INTEGER NOT NULL CHECK (version >= 1),
    groups TEXT NOT NULL,
    decided_at BIGINT NOT NULL,
    PRIMARY KEY (vehicle_id, version)
);

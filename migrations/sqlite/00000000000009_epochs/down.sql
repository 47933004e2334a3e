DROP TABLE batch_leaves;
DROP TABLE roots;
DROP TABLE tree_nodes;
DROP TABLE epochs;
CREATE TABLE commitments (
    vehicle_id BLOB NOT NULL REFERENCES vehicles (id),
    commitment BLOB NOT NULL,
    signal INTEGER NOT NULL,
    started_at BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    PRIMARY KEY (vehicle_id, commitment)
);

-- The epoch trees: every commitment of every car, in the order received. Owned by
-- marketplace::epochs.

-- Commitments are kept as leaves from now on; those of before were under another format.
DROP TABLE commitments;

-- `size` counts the leaves. At most one epoch is open: the last.
CREATE TABLE epochs (
    number INTEGER NOT NULL PRIMARY KEY CHECK (number >= 0),
    size INTEGER NOT NULL,
    opened_at BIGINT NOT NULL,
    closed_at BIGINT
);

-- Nodes whose leaves are all there; they never change. Leaves are at level 0.
CREATE TABLE tree_nodes (
    epoch INTEGER NOT NULL REFERENCES epochs (number),
    level INTEGER NOT NULL,
    position INTEGER NOT NULL,
    node BYTEA NOT NULL,
    PRIMARY KEY (epoch, level, position)
);

-- Published roots, by the size that the tree had. They stay for ever.
CREATE TABLE roots (
    epoch INTEGER NOT NULL REFERENCES epochs (number),
    size INTEGER NOT NULL,
    root BYTEA NOT NULL,
    published_at BIGINT NOT NULL,
    PRIMARY KEY (epoch, size)
);

CREATE INDEX roots_by_root ON roots (root);

-- Where the leaves of a batch are, so that a receipt given twice says the same.
CREATE TABLE batch_leaves (
    vehicle_id BYTEA NOT NULL REFERENCES vehicles (id),
    seq BIGINT NOT NULL,
    epoch INTEGER NOT NULL REFERENCES epochs (number),
    position INTEGER NOT NULL,
    day INTEGER NOT NULL,
    leaf_count INTEGER NOT NULL,
    PRIMARY KEY (vehicle_id, seq)
);

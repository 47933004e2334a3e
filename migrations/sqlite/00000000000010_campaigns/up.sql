-- What buyers ask of cars, and the proofs that answered. Owned by marketplace::campaigns.

-- `scope` and `question` are JSON, as zk::text writes them.
CREATE TABLE campaigns (
    id BLOB NOT NULL PRIMARY KEY,
    buyer_id BLOB NOT NULL REFERENCES buyers (id),
    title TEXT NOT NULL,
    scope TEXT NOT NULL,
    question TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    closes_at BIGINT NOT NULL
);

-- Verified claims. The nullifier stands for a vehicle that nobody knows, once in each campaign.
CREATE TABLE claims (
    campaign_id BLOB NOT NULL REFERENCES campaigns (id),
    nullifier BLOB NOT NULL,
    payee BLOB NOT NULL,
    root BLOB NOT NULL,
    verifying_key BLOB NOT NULL,
    proof BLOB NOT NULL,
    received_at BIGINT NOT NULL,
    PRIMARY KEY (campaign_id, nullifier)
);

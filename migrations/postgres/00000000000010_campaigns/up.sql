-- What buyers ask of cars, and the proofs that answered. Owned by marketplace::campaigns.

-- `scope` and `question` are JSON, as zk::text writes them.
CREATE TABLE campaigns (
    id BYTEA NOT NULL PRIMARY KEY,
    buyer_id BYTEA NOT NULL REFERENCES buyers (id),
    title TEXT NOT NULL,
    scope TEXT NOT NULL,
    question TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    closes_at BIGINT NOT NULL
);

-- Verified claims. The nullifier stands for a vehicle that nobody knows, once in each campaign.
CREATE TABLE claims (
    campaign_id BYTEA NOT NULL REFERENCES campaigns (id),
    nullifier BYTEA NOT NULL,
    payee BYTEA NOT NULL,
    root BYTEA NOT NULL,
    verifying_key BYTEA NOT NULL,
    proof BYTEA NOT NULL,
    received_at BIGINT NOT NULL,
    PRIMARY KEY (campaign_id, nullifier)
);

-- Buyers pay cars for beginning to share.

-- Kinds of accounts and entries, changed as in 00000000000020_ledger_kinds. Owned by marketplace::ledger.

ALTER TABLE accounts DROP CONSTRAINT accounts_kind_check;
ALTER TABLE accounts ADD CONSTRAINT accounts_kind_check
    CHECK (kind IN ('issuance', 'fees', 'buyer', 'owner', 'escrow', 'campaign', 'payee', 'subscription', 'data-campaign'));
ALTER TABLE entries DROP CONSTRAINT entries_kind_check;
ALTER TABLE entries ADD CONSTRAINT entries_kind_check
    CHECK (kind IN ('deposit', 'purchase', 'settlement', 'refund', 'funding', 'claim', 'remainder', 'sweep', 'reward', 'top-up', 'draw', 'unspent', 'data-funding', 'data-pay', 'data-remainder'));

-- What follows is owned by marketplace::data_campaigns.

CREATE TABLE data_campaigns (
    id BYTEA NOT NULL PRIMARY KEY,
    buyer_id BYTEA NOT NULL REFERENCES buyers (id),
    -- What is to be shared, and by which vehicles.
    dataset_id BYTEA NOT NULL REFERENCES datasets (id),
    title TEXT NOT NULL,
    purpose TEXT NOT NULL,
    days_min INTEGER NOT NULL CHECK (days_min > 0),
    pay_per_vehicle BIGINT NOT NULL CHECK (pay_per_vehicle > 0),
    fee_per_vehicle BIGINT NOT NULL CHECK (fee_per_vehicle >= 0),
    vehicles_max INTEGER NOT NULL CHECK (vehicles_max > 0),
    created_at BIGINT NOT NULL,
    closes_at BIGINT NOT NULL,
    -- Micro-tokens that were left and went back to the buyer: null while it is not over.
    returned BIGINT CHECK (returned >= 0)
);
CREATE INDEX data_campaigns_by_close ON data_campaigns (closes_at);

-- Days on which a vehicle shared everything and something new came in of all of it.
CREATE TABLE data_campaign_days (
    campaign_id BYTEA NOT NULL REFERENCES data_campaigns (id),
    vehicle_id BYTEA NOT NULL REFERENCES vehicles (id),
    day INTEGER NOT NULL,
    PRIMARY KEY (campaign_id, vehicle_id, day)
);

CREATE TABLE data_campaign_pays (
    campaign_id BYTEA NOT NULL REFERENCES data_campaigns (id),
    vehicle_id BYTEA NOT NULL REFERENCES vehicles (id),
    owner_id BYTEA NOT NULL REFERENCES owners (id),
    amount BIGINT NOT NULL CHECK (amount > 0),
    paid_at BIGINT NOT NULL,
    PRIMARY KEY (campaign_id, vehicle_id)
);

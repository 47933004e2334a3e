-- Buyers pay cars for beginning to share.

-- Kinds of accounts and entries, changed as in 00000000000020_ledger_kinds. Owned by marketplace::ledger.

PRAGMA writable_schema = ON;
UPDATE sqlite_master SET sql = replace(sql,
    '''campaign'', ''payee'', ''subscription''',
    '''campaign'', ''payee'', ''subscription'', ''data-campaign''')
WHERE type = 'table' AND name = 'accounts';
UPDATE sqlite_master SET sql = replace(sql,
    '''reward'', ''top-up'', ''draw'', ''unspent''',
    '''reward'', ''top-up'', ''draw'', ''unspent'', ''data-funding'', ''data-pay'', ''data-remainder''')
WHERE type = 'table' AND name = 'entries';
PRAGMA writable_schema = RESET;

-- What follows is owned by marketplace::data_campaigns.

CREATE TABLE data_campaigns (
    id BLOB NOT NULL PRIMARY KEY,
    buyer_id BLOB NOT NULL REFERENCES buyers (id),
    -- What is to be shared, and by which vehicles.
    dataset_id BLOB NOT NULL REFERENCES datasets (id),
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
    campaign_id BLOB NOT NULL REFERENCES data_campaigns (id),
    vehicle_id BLOB NOT NULL REFERENCES vehicles (id),
    day INTEGER NOT NULL,
    PRIMARY KEY (campaign_id, vehicle_id, day)
);

CREATE TABLE data_campaign_pays (
    campaign_id BLOB NOT NULL REFERENCES data_campaigns (id),
    vehicle_id BLOB NOT NULL REFERENCES vehicles (id),
    owner_id BLOB NOT NULL REFERENCES owners (id),
    amount BIGINT NOT NULL CHECK (amount > 0),
    paid_at BIGINT NOT NULL,
    PRIMARY KEY (campaign_id, vehicle_id)
);

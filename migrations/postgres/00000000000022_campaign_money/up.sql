-- Tokens of campaigns. Owned by marketplace::campaigns, but for the index of leaves: marketplace::epochs.

-- Campaigns of before pay nothing. All amounts are micro-tokens.
ALTER TABLE campaigns ADD COLUMN pay_per_vehicle BIGINT NOT NULL DEFAULT 0
    CHECK (pay_per_vehicle >= 0);
ALTER TABLE campaigns ADD COLUMN fee_per_vehicle BIGINT NOT NULL DEFAULT 0
    CHECK (fee_per_vehicle >= 0);
ALTER TABLE campaigns ADD COLUMN vehicles_max INTEGER NOT NULL DEFAULT 2147483647
    CHECK (vehicles_max > 0);
-- Vehicles of the class that committed to anything on the days of the scope, as last counted.
ALTER TABLE campaigns ADD COLUMN vehicles_in_scope INTEGER NOT NULL DEFAULT 0;
-- What was left and went back to the buyer; null until it closed.
ALTER TABLE campaigns ADD COLUMN returned BIGINT CHECK (returned >= 0);

-- A payee is for one claim.
CREATE UNIQUE INDEX claims_by_payee ON claims (payee);

-- Payees whose tokens were moved to the owner that they stand for.
CREATE TABLE sweeps (
    payee BYTEA NOT NULL PRIMARY KEY REFERENCES claims (payee),
    owner_id BYTEA NOT NULL REFERENCES owners (id),
    amount BIGINT NOT NULL CHECK (amount > 0),
    swept_at BIGINT NOT NULL
);
CREATE INDEX sweeps_by_owner ON sweeps (owner_id);

CREATE INDEX batch_leaves_by_day ON batch_leaves (vehicle_id, day);

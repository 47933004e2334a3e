-- Rows that a buyer has delivered as they come, period after period.

-- Kinds of accounts and entries, changed as in 00000000000020_ledger_kinds. Owned by marketplace::ledger.

ALTER TABLE accounts DROP CONSTRAINT accounts_kind_check;
ALTER TABLE accounts ADD CONSTRAINT accounts_kind_check
    CHECK (kind IN ('issuance', 'fees', 'buyer', 'owner', 'escrow', 'campaign', 'payee', 'subscription'));
ALTER TABLE entries DROP CONSTRAINT entries_kind_check;
ALTER TABLE entries ADD CONSTRAINT entries_kind_check
    CHECK (kind IN ('deposit', 'purchase', 'settlement', 'refund', 'funding', 'claim', 'remainder', 'sweep', 'reward', 'top-up', 'draw', 'unspent'));

-- Only rows of batches behind this one are in the quote. Owned by marketplace::trade.
ALTER TABLE quotes ADD COLUMN after_arrival BIGINT NOT NULL DEFAULT 0;

-- What follows is owned by marketplace::subscriptions.

CREATE TABLE subscriptions (
    id BYTEA NOT NULL PRIMARY KEY,
    buyer_id BYTEA NOT NULL REFERENCES buyers (id),
    dataset_id BYTEA NOT NULL REFERENCES datasets (id),
    purpose TEXT NOT NULL,
    period_seconds BIGINT NOT NULL CHECK (period_seconds > 0),
    -- The last batch whose rows were ordered, or came before it began.
    after_arrival BIGINT NOT NULL,
    next_at BIGINT NOT NULL,
    -- Why the last period brought nothing: null when it did.
    waits_for TEXT CHECK (waits_for IN ('rows', 'vehicles', 'tokens')),
    created_at BIGINT NOT NULL,
    closed_at BIGINT,
    -- Micro-tokens that were left and went back to the buyer.
    unspent BIGINT CHECK (unspent >= 0),
    CHECK ((closed_at IS NULL) = (unspent IS NULL))
);
CREATE INDEX subscriptions_by_buyer ON subscriptions (buyer_id);
CREATE INDEX subscriptions_by_next ON subscriptions (next_at);

CREATE TABLE top_ups (
    subscription_id BYTEA NOT NULL REFERENCES subscriptions (id),
    number INTEGER NOT NULL CHECK (number > 0),
    amount BIGINT NOT NULL CHECK (amount > 0),
    paid_at BIGINT NOT NULL,
    PRIMARY KEY (subscription_id, number)
);

CREATE TABLE subscription_orders (
    subscription_id BYTEA NOT NULL REFERENCES subscriptions (id),
    order_id BYTEA NOT NULL UNIQUE REFERENCES orders (id),
    PRIMARY KEY (subscription_id, order_id)
);

-- Rows that a buyer has delivered as they come, period after period.

-- Kinds of accounts and entries, changed as in 00000000000020_ledger_kinds. Owned by marketplace::ledger.

PRAGMA writable_schema = ON;
UPDATE sqlite_master SET sql = replace(sql,
    '''issuance'', ''fees'', ''buyer'', ''owner'', ''escrow'', ''campaign'', ''payee''',
    '''issuance'', ''fees'', ''buyer'', ''owner'', ''escrow'', ''campaign'', ''payee'', ''subscription''')
WHERE type = 'table' AND name = 'accounts';
UPDATE sqlite_master SET sql = replace(sql,
    '''deposit'', ''purchase'', ''settlement'', ''refund'', ''funding'', ''claim'', ''remainder'', ''sweep'', ''reward''',
    '''deposit'', ''purchase'', ''settlement'', ''refund'', ''funding'', ''claim'', ''remainder'', ''sweep'', ''reward'', ''top-up'', ''draw'', ''unspent''')
WHERE type = 'table' AND name = 'entries';
PRAGMA writable_schema = RESET;

-- Only rows of batches behind this one are in the quote. Owned by marketplace::trade.
ALTER TABLE quotes ADD COLUMN after_arrival BIGINT NOT NULL DEFAULT 0;

-- What follows is owned by marketplace::subscriptions.

CREATE TABLE subscriptions (
    id BLOB NOT NULL PRIMARY KEY,
    buyer_id BLOB NOT NULL REFERENCES buyers (id),
    dataset_id BLOB NOT NULL REFERENCES datasets (id),
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
    subscription_id BLOB NOT NULL REFERENCES subscriptions (id),
    number INTEGER NOT NULL CHECK (number > 0),
    amount BIGINT NOT NULL CHECK (amount > 0),
    paid_at BIGINT NOT NULL,
    PRIMARY KEY (subscription_id, number)
);

CREATE TABLE subscription_orders (
    subscription_id BLOB NOT NULL REFERENCES subscriptions (id),
    order_id BLOB NOT NULL UNIQUE REFERENCES orders (id),
    PRIMARY KEY (subscription_id, order_id)
);

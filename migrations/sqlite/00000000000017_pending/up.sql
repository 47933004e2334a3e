-- Transfers in two phases. Owned by marketplace::ledger.
--
-- What is pending stays on its account, where nothing else can be made of it. It ends once: posted, in part or whole, by an
-- entry in which the account gives just that; or void; or expired. What is not posted is free again.

ALTER TABLE accounts ADD COLUMN pending BIGINT NOT NULL DEFAULT 0
    -- In micro-tokens. Kept equal to the sum of the account's pending transfers by triggers.
    CHECK (pending >= 0 AND (kind = 'issuance' OR balance >= pending));

CREATE TABLE pending_transfers (
    id BLOB NOT NULL PRIMARY KEY,
    account_id BLOB NOT NULL REFERENCES accounts (id),
    amount BIGINT NOT NULL CHECK (amount > 0),
    -- Makes a retried request reserve once. Kept for ever.
    idempotency_key TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE TABLE pending_ends (
    pending_id BLOB NOT NULL PRIMARY KEY REFERENCES pending_transfers (id),
    outcome TEXT NOT NULL CHECK (outcome IN ('posted', 'void', 'expired')),
    amount BIGINT NOT NULL CHECK (amount >= 0),
    entry_id BLOB UNIQUE REFERENCES seals (entry_id) DEFERRABLE INITIALLY DEFERRED,
    ended_at BIGINT NOT NULL,
    CHECK ((outcome = 'posted') = (entry_id IS NOT NULL)),
    CHECK ((outcome = 'posted') = (amount > 0))
);

-- Those that have not ended, kept by triggers: to find what expires among all that ever were would take ever longer.
CREATE TABLE pending_open (
    pending_id BLOB NOT NULL PRIMARY KEY REFERENCES pending_transfers (id),
    expires_at BIGINT NOT NULL
);
CREATE INDEX pending_open_by_expiry ON pending_open (expires_at);

CREATE TRIGGER pending_transfers_reserve AFTER INSERT ON pending_transfers BEGIN
    UPDATE accounts SET pending = pending + NEW.amount WHERE id = NEW.account_id;
    INSERT INTO pending_open (pending_id, expires_at) VALUES (NEW.id, NEW.expires_at);
END;

CREATE TRIGGER pending_ends_need_less BEFORE INSERT ON pending_ends
WHEN NEW.amount > (SELECT amount FROM pending_transfers WHERE id = NEW.pending_id) BEGIN
    SELECT RAISE(ABORT, 'no more can be posted than is pending');
END;

CREATE TRIGGER pending_ends_release AFTER INSERT ON pending_ends BEGIN
    UPDATE accounts
    SET pending = pending - (SELECT amount FROM pending_transfers WHERE id = NEW.pending_id)
    WHERE id = (SELECT account_id FROM pending_transfers WHERE id = NEW.pending_id);
    DELETE FROM pending_open WHERE pending_id = NEW.pending_id;
END;

CREATE TRIGGER seals_need_what_was_pending BEFORE INSERT ON seals
WHEN EXISTS (
    SELECT 1 FROM pending_ends
    JOIN pending_transfers ON pending_transfers.id = pending_ends.pending_id
    WHERE pending_ends.entry_id = NEW.entry_id AND NOT EXISTS (
        SELECT 1 FROM postings
        WHERE postings.entry_id = NEW.entry_id
            AND postings.account_id = pending_transfers.account_id
            AND postings.amount = -pending_ends.amount
    )
) BEGIN
    SELECT RAISE(ABORT, 'an entry must give what was pending');
END;

CREATE TRIGGER pending_transfers_refuse_update BEFORE UPDATE ON pending_transfers BEGIN
    SELECT RAISE(ABORT, 'the ledger is only appended to');
END;
CREATE TRIGGER pending_transfers_refuse_delete BEFORE DELETE ON pending_transfers BEGIN
    SELECT RAISE(ABORT, 'the ledger is only appended to');
END;
CREATE TRIGGER pending_ends_refuse_update BEFORE UPDATE ON pending_ends BEGIN
    SELECT RAISE(ABORT, 'the ledger is only appended to');
END;
CREATE TRIGGER pending_ends_refuse_delete BEFORE DELETE ON pending_ends BEGIN
    SELECT RAISE(ABORT, 'the ledger is only appended to');
END;

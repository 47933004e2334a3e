-- Transfers in two phases. Owned by marketplace::ledger.
--
-- What is pending stays on its account, where nothing else can be made of it. It ends once: posted, in part or whole, by an
-- entry in which the account gives just that; or void; or expired. What is not posted is free again.

ALTER TABLE accounts ADD COLUMN pending BIGINT NOT NULL DEFAULT 0
    -- In micro-tokens. Kept equal to the sum of the account's pending transfers by triggers.
    CHECK (pending >= 0 AND (kind = 'issuance' OR balance >= pending));

CREATE TABLE pending_transfers (
    id BYTEA NOT NULL PRIMARY KEY,
    account_id BYTEA NOT NULL REFERENCES accounts (id),
    amount BIGINT NOT NULL CHECK (amount > 0),
    -- Makes a retried request reserve once. Kept for ever.
    idempotency_key TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE TABLE pending_ends (
    pending_id BYTEA NOT NULL PRIMARY KEY REFERENCES pending_transfers (id),
    outcome TEXT NOT NULL CHECK (outcome IN ('posted', 'void', 'expired')),
    amount BIGINT NOT NULL CHECK (amount >= 0),
    entry_id BYTEA UNIQUE REFERENCES seals (entry_id) DEFERRABLE INITIALLY DEFERRED,
    ended_at BIGINT NOT NULL,
    CHECK ((outcome = 'posted') = (entry_id IS NOT NULL)),
    CHECK ((outcome = 'posted') = (amount > 0))
);

-- Those that have not ended, kept by triggers: to find what expires among all that ever were would take ever longer.
CREATE TABLE pending_open (
    pending_id BYTEA NOT NULL PRIMARY KEY REFERENCES pending_transfers (id),
    expires_at BIGINT NOT NULL
);
CREATE INDEX pending_open_by_expiry ON pending_open (expires_at);

CREATE FUNCTION pending_transfers_reserve() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE accounts SET pending = pending + NEW.amount WHERE id = NEW.account_id;
    INSERT INTO pending_open (pending_id, expires_at) VALUES (NEW.id, NEW.expires_at);
    RETURN NEW;
END $$;
CREATE TRIGGER pending_transfers_reserve AFTER INSERT ON pending_transfers
    FOR EACH ROW EXECUTE FUNCTION pending_transfers_reserve();

CREATE FUNCTION pending_ends_need_less() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.amount > (SELECT amount FROM pending_transfers WHERE id = NEW.pending_id) THEN
        RAISE EXCEPTION 'no more can be posted than is pending';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER pending_ends_need_less BEFORE INSERT ON pending_ends
    FOR EACH ROW EXECUTE FUNCTION pending_ends_need_less();

CREATE FUNCTION pending_ends_release() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE accounts SET pending = accounts.pending - pending_transfers.amount
    FROM pending_transfers
    WHERE pending_transfers.id = NEW.pending_id AND accounts.id = pending_transfers.account_id;
    DELETE FROM pending_open WHERE pending_id = NEW.pending_id;
    RETURN NEW;
END $$;
CREATE TRIGGER pending_ends_release AFTER INSERT ON pending_ends
    FOR EACH ROW EXECUTE FUNCTION pending_ends_release();

CREATE FUNCTION seals_need_what_was_pending() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF EXISTS (
        SELECT 1 FROM pending_ends
        JOIN pending_transfers ON pending_transfers.id = pending_ends.pending_id
        WHERE pending_ends.entry_id = NEW.entry_id AND NOT EXISTS (
            SELECT 1 FROM postings
            WHERE postings.entry_id = NEW.entry_id
                AND postings.account_id = pending_transfers.account_id
                AND postings.amount = -pending_ends.amount
        )
    ) THEN
        RAISE EXCEPTION 'an entry must give what was pending';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER seals_need_what_was_pending BEFORE INSERT ON seals
    FOR EACH ROW EXECUTE FUNCTION seals_need_what_was_pending();

CREATE TRIGGER pending_transfers_refuse_change BEFORE UPDATE OR DELETE ON pending_transfers
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER pending_ends_refuse_change BEFORE UPDATE OR DELETE ON pending_ends
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();

-- Double entry. Owned by marketplace::ledger.
--
-- An entry counts only with its seal. The foreign key to `seals` is checked at commit, and a seal can
-- be set only on postings that sum to zero, after which nothing can be added: so no transaction can
-- commit an unbalanced entry, whatever the program does.

CREATE TABLE accounts (
    id BYTEA NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('issuance', 'fees', 'buyer', 'owner', 'escrow')),
    -- The owner, buyer or order whose tokens these are; null for the market's own accounts.
    holder_id BYTEA,
    -- In micro-tokens. Kept equal to the sum of postings by a trigger.
    balance BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    CHECK ((kind IN ('issuance', 'fees')) = (holder_id IS NULL)),
    CHECK (kind = 'issuance' OR balance >= 0)
);
CREATE UNIQUE INDEX accounts_by_holder ON accounts (kind, holder_id);

CREATE TABLE seals (
    entry_id BYTEA NOT NULL PRIMARY KEY
);

CREATE TABLE entries (
    id BYTEA NOT NULL PRIMARY KEY REFERENCES seals (entry_id) DEFERRABLE INITIALLY DEFERRED,
    kind TEXT NOT NULL CHECK (kind IN ('deposit', 'purchase', 'settlement', 'refund')),
    -- Makes a retried request post once. Kept for ever.
    idempotency_key TEXT NOT NULL UNIQUE,
    posted_at BIGINT NOT NULL
);

CREATE TABLE postings (
    entry_id BYTEA NOT NULL REFERENCES entries (id),
    line INTEGER NOT NULL,
    account_id BYTEA NOT NULL REFERENCES accounts (id),
    -- Micro-tokens that the account receives; negative when it gives.
    amount BIGINT NOT NULL CHECK (amount <> 0),
    PRIMARY KEY (entry_id, line)
);
CREATE INDEX postings_by_account ON postings (account_id);

CREATE FUNCTION postings_move_balances() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE accounts SET balance = balance + NEW.amount WHERE id = NEW.account_id;
    RETURN NEW;
END $$;
CREATE TRIGGER postings_move_balances AFTER INSERT ON postings
    FOR EACH ROW EXECUTE FUNCTION postings_move_balances();

CREATE FUNCTION seals_need_zero_sum() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF (SELECT COALESCE(SUM(amount), 1) FROM postings WHERE entry_id = NEW.entry_id) <> 0 THEN
        RAISE EXCEPTION 'the postings of an entry must sum to zero';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER seals_need_zero_sum BEFORE INSERT ON seals
    FOR EACH ROW EXECUTE FUNCTION seals_need_zero_sum();

CREATE FUNCTION postings_refuse_sealed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF EXISTS (SELECT 1 FROM seals WHERE entry_id = NEW.entry_id) THEN
        RAISE EXCEPTION 'a sealed entry can not be changed';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER postings_refuse_sealed BEFORE INSERT ON postings
    FOR EACH ROW EXECUTE FUNCTION postings_refuse_sealed();

CREATE FUNCTION ledger_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    RAISE EXCEPTION 'the ledger is only appended to';
END $$;
CREATE TRIGGER postings_refuse_change BEFORE UPDATE OR DELETE ON postings
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER entries_refuse_change BEFORE UPDATE OR DELETE ON entries
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER seals_refuse_change BEFORE UPDATE OR DELETE ON seals
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();

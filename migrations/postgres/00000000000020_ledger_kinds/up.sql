-- More kinds of accounts and entries: tokens that campaigns hold and pay, and rewards. Owned by marketplace::ledger.

ALTER TABLE accounts DROP CONSTRAINT accounts_kind_check;
ALTER TABLE accounts ADD CONSTRAINT accounts_kind_check
    CHECK (kind IN ('issuance', 'fees', 'buyer', 'owner', 'escrow', 'campaign', 'payee'));
ALTER TABLE entries DROP CONSTRAINT entries_kind_check;
ALTER TABLE entries ADD CONSTRAINT entries_kind_check
    CHECK (kind IN ('deposit', 'purchase', 'settlement', 'refund', 'funding', 'claim', 'remainder', 'sweep', 'reward'));

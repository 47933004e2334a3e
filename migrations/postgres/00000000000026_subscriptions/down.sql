DROP TABLE subscription_orders;
DROP TABLE top_ups;
DROP TABLE subscriptions;
ALTER TABLE quotes DROP COLUMN after_arrival;
ALTER TABLE accounts DROP CONSTRAINT accounts_kind_check;
ALTER TABLE accounts ADD CONSTRAINT accounts_kind_check
    CHECK (kind IN ('issuance', 'fees', 'buyer', 'owner', 'escrow', 'campaign', 'payee'));
ALTER TABLE entries DROP CONSTRAINT entries_kind_check;
ALTER TABLE entries ADD CONSTRAINT entries_kind_check
    CHECK (kind IN ('deposit', 'purchase', 'settlement', 'refund', 'funding', 'claim', 'remainder', 'sweep', 'reward'));

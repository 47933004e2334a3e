DROP TABLE data_campaign_pays;
DROP TABLE data_campaign_days;
DROP TABLE data_campaigns;
ALTER TABLE accounts DROP CONSTRAINT accounts_kind_check;
ALTER TABLE accounts ADD CONSTRAINT accounts_kind_check
    CHECK (kind IN ('issuance', 'fees', 'buyer', 'owner', 'escrow', 'campaign', 'payee', 'subscription'));
ALTER TABLE entries DROP CONSTRAINT entries_kind_check;
ALTER TABLE entries ADD CONSTRAINT entries_kind_check
    CHECK (kind IN ('deposit', 'purchase', 'settlement', 'refund', 'funding', 'claim', 'remainder', 'sweep', 'reward', 'top-up', 'draw', 'unspent'));

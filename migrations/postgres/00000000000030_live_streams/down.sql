DROP TABLE live_rows;
DROP TABLE live_streams;
ALTER TABLE entries DROP CONSTRAINT entries_kind_check;
ALTER TABLE entries ADD CONSTRAINT entries_kind_check
    CHECK (kind IN ('deposit', 'purchase', 'settlement', 'refund', 'funding', 'claim', 'remainder', 'sweep', 'reward', 'top-up', 'draw', 'unspent', 'data-funding', 'data-pay', 'data-remainder'));

DROP INDEX batch_leaves_by_day;
DROP TABLE sweeps;
DROP INDEX claims_by_payee;
ALTER TABLE campaigns DROP COLUMN returned;
ALTER TABLE campaigns DROP COLUMN vehicles_in_scope;
ALTER TABLE campaigns DROP COLUMN vehicles_max;
ALTER TABLE campaigns DROP COLUMN fee_per_vehicle;
ALTER TABLE campaigns DROP COLUMN pay_per_vehicle;

ALTER TABLE quotes DROP COLUMN price_inputs;

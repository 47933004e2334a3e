ALTER TABLE vehicles DROP COLUMN identity_commitment;

ALTER TABLE orders DROP COLUMN licence_sha256;
ALTER TABLE quotes DROP COLUMN purpose;
ALTER TABLE policies DROP COLUMN purposes;

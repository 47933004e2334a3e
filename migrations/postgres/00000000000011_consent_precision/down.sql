ALTER TABLE policies DROP COLUMN precisions;

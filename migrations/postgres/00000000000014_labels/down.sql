ALTER TABLE vehicles DROP COLUMN labels;

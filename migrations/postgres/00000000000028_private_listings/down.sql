DROP INDEX datasets_by_buyer;
ALTER TABLE datasets DROP COLUMN class;
ALTER TABLE datasets DROP COLUMN buyer_id;

-- Listings for one buyer, of the vehicles that he wants. Owned by marketplace::catalog.

ALTER TABLE datasets ADD COLUMN buyer_id BYTEA REFERENCES buyers (id);
-- Which vehicles, as JSON: null where everybody sees the dataset.
ALTER TABLE datasets ADD COLUMN class TEXT;
CREATE INDEX datasets_by_buyer ON datasets (buyer_id);

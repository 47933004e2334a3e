-- How owners tell their vehicles apart. Owned by marketplace::identity.

-- A JSON object of texts, such as {"depot":"Leipzig"}.
ALTER TABLE vehicles ADD COLUMN labels TEXT NOT NULL DEFAULT '{}';

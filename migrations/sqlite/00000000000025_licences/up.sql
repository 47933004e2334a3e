-- What rows may be used for. Owned by marketplace::consent (policies) and marketplace::trade (quotes and orders).

-- What an owner lets rows be used for, as in `research,traffic`; empty for the usual purposes, `none` for none.
ALTER TABLE policies ADD COLUMN purposes TEXT NOT NULL DEFAULT '';

-- What the buyer wants them for; null for quotes of before.
ALTER TABLE quotes ADD COLUMN purpose TEXT;

-- Hash of the licence that an order gives; null for orders of before.
ALTER TABLE orders ADD COLUMN licence_sha256 BLOB;

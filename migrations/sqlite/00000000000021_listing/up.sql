-- What else a dataset says of its vehicles, and in which order datasets changed. Owned by marketplace::catalog.

-- Model years and powertrains, one a line.
ALTER TABLE datasets ADD COLUMN years TEXT NOT NULL DEFAULT '';
ALTER TABLE datasets ADD COLUMN powertrains TEXT NOT NULL DEFAULT '';

-- Each change of a row has the next number, so that who reads behind the last one misses nothing.
ALTER TABLE datasets ADD COLUMN change_number BIGINT NOT NULL DEFAULT 0;
CREATE INDEX datasets_by_change ON datasets (change_number);

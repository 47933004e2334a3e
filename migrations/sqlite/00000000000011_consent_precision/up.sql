-- How precisely what is shared leaves the car. Owned by marketplace::consent.

-- As in `location=h3-9,motion=whole`; a group that is not named has the usual precision.
ALTER TABLE policies ADD COLUMN precisions TEXT NOT NULL DEFAULT '';

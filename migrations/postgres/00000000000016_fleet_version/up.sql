-- How often an owner's vehicles changed, so that what was read of them can be kept. Owned by marketplace::identity.

ALTER TABLE owners ADD COLUMN fleet_version BIGINT NOT NULL DEFAULT 0;

CREATE FUNCTION vehicles_change_fleet() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    -- Of a new row there is no OLD, of a deleted one no NEW: both are null then.
    UPDATE owners SET fleet_version = fleet_version + 1 WHERE id IN (OLD.owner_id, NEW.owner_id);
    RETURN NULL;
END $$;
CREATE TRIGGER vehicles_change_fleet AFTER INSERT OR UPDATE OR DELETE ON vehicles
    FOR EACH ROW EXECUTE FUNCTION vehicles_change_fleet();

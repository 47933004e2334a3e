-- How often an owner's vehicles changed, so that what was read of them can be kept. Owned by marketplace::identity.

ALTER TABLE owners ADD COLUMN fleet_version BIGINT NOT NULL DEFAULT 0;

CREATE TRIGGER vehicles_join_fleet AFTER INSERT ON vehicles BEGIN
    UPDATE owners SET fleet_version = fleet_version + 1 WHERE id = NEW.owner_id;
END;
CREATE TRIGGER vehicles_change_fleet AFTER UPDATE ON vehicles BEGIN
    UPDATE owners SET fleet_version = fleet_version + 1 WHERE id IN (OLD.owner_id, NEW.owner_id);
END;
CREATE TRIGGER vehicles_leave_fleet AFTER DELETE ON vehicles BEGIN
    UPDATE owners SET fleet_version = fleet_version + 1 WHERE id = OLD.owner_id;
END;

DROP TRIGGER vehicles_change_fleet ON vehicles;
DROP FUNCTION vehicles_change_fleet();
ALTER TABLE owners DROP COLUMN fleet_version;

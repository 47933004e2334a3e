DROP TRIGGER vehicles_leave_fleet;
DROP TRIGGER vehicles_change_fleet;
DROP TRIGGER vehicles_join_fleet;
ALTER TABLE owners DROP COLUMN fleet_version;

DROP INDEX datasets_by_change;
ALTER TABLE datasets DROP COLUMN change_number;
ALTER TABLE datasets DROP COLUMN powertrains;
ALTER TABLE datasets DROP COLUMN years;

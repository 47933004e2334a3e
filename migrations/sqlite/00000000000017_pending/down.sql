DROP TRIGGER seals_need_what_was_pending;
DROP TABLE pending_open;
DROP TABLE pending_ends;
DROP TABLE pending_transfers;
ALTER TABLE accounts DROP COLUMN pending;

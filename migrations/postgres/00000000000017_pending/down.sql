DROP TRIGGER seals_need_what_was_pending ON seals;
DROP TABLE pending_open;
DROP TABLE pending_ends;
DROP TABLE pending_transfers;
DROP FUNCTION seals_need_what_was_pending();
DROP FUNCTION pending_ends_release();
DROP FUNCTION pending_ends_need_less();
DROP FUNCTION pending_transfers_reserve();
ALTER TABLE accounts DROP COLUMN pending;

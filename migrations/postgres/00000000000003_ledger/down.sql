DROP TABLE postings;
DROP TABLE entries;
DROP TABLE seals;
DROP TABLE accounts;
DROP FUNCTION ledger_refuse_change();
DROP FUNCTION postings_refuse_sealed();
DROP FUNCTION seals_need_zero_sum();
DROP FUNCTION postings_move_balances();

-- More kinds of accounts and entries: tokens that campaigns hold and pay, and rewards. Owned by marketplace::ledger.
--
-- SQLite has no statement that changes a check. The table as it is written down is changed instead, which is what its
-- documentation (ALTER TABLE, section 7) advises where no row changes: entries and accounts refer to each other's neighbours, so
-- that making them anew would drop what keeps them.

PRAGMA writable_schema = ON;
UPDATE sqlite_master SET sql = replace(sql,
    '''issuance'', ''fees'', ''buyer'', ''owner'', ''escrow''',
    '''issuance'', ''fees'', ''buyer'', ''owner'', ''escrow'', ''campaign'', ''payee''')
WHERE type = 'table' AND name = 'accounts';
UPDATE sqlite_master SET sql = replace(sql,
    '''deposit'', ''purchase'', ''settlement'', ''refund''',
    '''deposit'', ''purchase'', ''settlement'', ''refund'', ''funding'', ''claim'', ''remainder'', ''sweep'', ''reward''')
WHERE type = 'table' AND name = 'entries';
PRAGMA writable_schema = RESET;

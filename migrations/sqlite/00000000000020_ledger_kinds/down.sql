PRAGMA writable_schema = ON;
UPDATE sqlite_master SET sql = replace(sql,
    '''issuance'', ''fees'', ''buyer'', ''owner'', ''escrow'', ''campaign'', ''payee''',
    '''issuance'', ''fees'', ''buyer'', ''owner'', ''escrow''')
WHERE type = 'table' AND name = 'accounts';
UPDATE sqlite_master SET sql = replace(sql,
    '''deposit'', ''purchase'', ''settlement'', ''refund'', ''funding'', ''claim'', ''remainder'', ''sweep'', ''reward''',
    '''deposit'', ''purchase'', ''settlement'', ''refund''')
WHERE type = 'table' AND name = 'entries';
PRAGMA writable_schema = RESET;

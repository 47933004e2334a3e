DROP TABLE subscription_orders;
DROP TABLE top_ups;
DROP TABLE subscriptions;
ALTER TABLE quotes DROP COLUMN after_arrival;
PRAGMA writable_schema = ON;
UPDATE sqlite_master SET sql = replace(sql,
    '''issuance'', ''fees'', ''buyer'', ''owner'', ''escrow'', ''campaign'', ''payee'', ''subscription''',
    '''issuance'', ''fees'', ''buyer'', ''owner'', ''escrow'', ''campaign'', ''payee''')
WHERE type = 'table' AND name = 'accounts';
UPDATE sqlite_master SET sql = replace(sql,
    '''deposit'', ''purchase'', ''settlement'', ''refund'', ''funding'', ''claim'', ''remainder'', ''sweep'', ''reward'', ''top-up'', ''draw'', ''unspent''',
    '''deposit'', ''purchase'', ''settlement'', ''refund'', ''funding'', ''claim'', ''remainder'', ''sweep'', ''reward''')
WHERE type = 'table' AND name = 'entries';
PRAGMA writable_schema = RESET;

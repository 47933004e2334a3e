DROP TABLE data_campaign_pays;
DROP TABLE data_campaign_days;
DROP TABLE data_campaigns;
PRAGMA writable_schema = ON;
UPDATE sqlite_master SET sql = replace(sql,
    '''campaign'', ''payee'', ''subscription'', ''data-campaign''',
    '''campaign'', ''payee'', ''subscription''')
WHERE type = 'table' AND name = 'accounts';
UPDATE sqlite_master SET sql = replace(sql,
    '''reward'', ''top-up'', ''draw'', ''unspent'', ''data-funding'', ''data-pay'', ''data-remainder''',
    '''reward'', ''top-up'', ''draw'', ''unspent''')
WHERE type = 'table' AND name = 'entries';
PRAGMA writable_schema = RESET;

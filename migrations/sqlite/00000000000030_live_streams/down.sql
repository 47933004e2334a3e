DROP TABLE live_rows;
DROP TABLE live_streams;
PRAGMA writable_schema = ON;
UPDATE sqlite_master SET sql = replace(sql,
    '''data-funding'', ''data-pay'', ''data-remainder'', ''metered''',
    '''data-funding'', ''data-pay'', ''data-remainder''')
WHERE type = 'table' AND name = 'entries';
PRAGMA writable_schema = RESET;

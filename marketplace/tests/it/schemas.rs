//! Both engines have the same tables: columns, types, keys, indexes and checks.
//!
//! Each schema is read from the engine itself, as sentences in the words of PostgreSQL; what is only in one
//! of them is a difference. Triggers are compared by what they do, for all tests run on both engines.

use std::collections::BTreeSet;

use diesel::connection::SimpleConnection as _;
use diesel::{
    Connection as _, PgConnection, QueryableByName, RunQueryDsl as _, SqliteConnection, sql_query,
    sql_types,
};
use diesel_migrations::{FileBasedMigrations, MigrationHarness as _};

use crate::engine::{self, Server};

/// What is called what. An integer that SQLite numbers by itself has 64 bits.
const SQLITE_COLUMNS: &str = "
    WITH types (theirs, type) AS (VALUES
        ('BLOB', 'bytea'), ('TEXT', 'text'), ('INTEGER', 'integer'), ('BIGINT', 'bigint'))
    SELECT t.name || '.' || c.name || ' '
        || CASE WHEN c.pk = 1 AND t.sql LIKE '%AUTOINCREMENT%' THEN 'bigint'
            ELSE coalesce(types.type, 'unknown ' || c.type) END
        || CASE c.\"notnull\" WHEN 1 THEN ' not null' ELSE '' END
        || coalesce(' default ' || c.dflt_value, '') AS sentence
    FROM sqlite_master t, pragma_table_info(t.name) c LEFT JOIN types ON types.theirs = c.type
    WHERE t.type = 'table'";

const SQLITE_PRIMARY_KEYS: &str = "
    SELECT t.name || ' primary key ' || group_concat(c.name, ', ' ORDER BY c.pk) AS sentence
    FROM sqlite_master t, pragma_table_info(t.name) c
    WHERE t.type = 'table' AND c.pk > 0 GROUP BY t.name";

const SQLITE_INDEXES: &str = "
    SELECT t.name || CASE l.\"unique\" WHEN 1 THEN ' unique ' ELSE ' index ' END
        || group_concat(i.name, ', ' ORDER BY i.seqno) AS sentence
    FROM sqlite_master t, pragma_index_list(t.name) l, pragma_index_info(l.name) i
    WHERE t.type = 'table' AND l.origin <> 'pk' GROUP BY t.name, l.name";

const SQLITE_REFERENCES: &str = "
    SELECT t.name || '.' || f.\"from\" || ' references ' || f.\"table\" || '.' || f.\"to\" AS sentence
    FROM sqlite_master t, pragma_foreign_key_list(t.name) f WHERE t.type = 'table'";

const SQLITE_TABLES: &str = "
    SELECT name || ' ' || sql AS sentence FROM sqlite_master WHERE type = 'table'";

const POSTGRES_COLUMNS: &str = "
    SELECT t.relname || '.' || c.attname || ' ' || format_type(c.atttypid, c.atttypmod)
        || CASE WHEN c.attnotnull THEN ' not null' ELSE '' END
        || coalesce(' default ' || replace(pg_get_expr(d.adbin, d.adrelid), '::text', ''), '')
        AS sentence
    FROM pg_class t JOIN pg_attribute c ON c.attrelid = t.oid
    LEFT JOIN pg_attrdef d ON d.adrelid = t.oid AND d.adnum = c.attnum
    WHERE t.relkind = 'r' AND t.relnamespace = 'public'::regnamespace
        AND c.attnum > 0 AND NOT c.attisdropped";

const POSTGRES_INDEXES: &str = "
    SELECT t.relname || CASE WHEN i.indisprimary THEN ' primary key '
            WHEN i.indisunique THEN ' unique ' ELSE ' index ' END
        || string_agg(c.attname, ', ' ORDER BY k.place) AS sentence
    FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid
    CROSS JOIN unnest(i.indkey::int2[]) WITH ORDINALITY k (attnum, place)
    JOIN pg_attribute c ON c.attrelid = t.oid AND c.attnum = k.attnum
    WHERE t.relnamespace = 'public'::regnamespace
    GROUP BY i.indexrelid, t.relname, i.indisprimary, i.indisunique";

const POSTGRES_REFERENCES: &str = "
    SELECT t.relname || '.' || c.attname || ' references ' || o.relname || '.' || oc.attname
        AS sentence
    FROM pg_constraint f JOIN pg_class t ON t.oid = f.conrelid JOIN pg_class o ON o.oid = f.confrelid
    CROSS JOIN unnest(f.conkey, f.confkey) k (own, other)
    JOIN pg_attribute c ON c.attrelid = t.oid AND c.attnum = k.own
    JOIN pg_attribute oc ON oc.attrelid = o.oid AND oc.attnum = k.other
    WHERE f.contype = 'f' AND t.relnamespace = 'public'::regnamespace";

const POSTGRES_CHECKS: &str = "
    SELECT t.relname || ' ' || pg_get_constraintdef(c.oid) AS sentence
    FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid
    WHERE c.contype = 'c' AND t.relnamespace = 'public'::regnamespace";

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = sql_types::Text)]
    sentence: String,
}

/// What the engine says, but for the tables that it and Diesel keep for themselves.
fn sentences(rows: Vec<Row>) -> impl Iterator<Item = String> {
    let said = rows.into_iter().map(|row| row.sentence);
    said.filter(|said| !said.starts_with("__") && !said.starts_with("sqlite_"))
}

fn sqlite() -> BTreeSet<String> {
    let mut conn = SqliteConnection::establish(":memory:").unwrap();
    conn.run_pending_migrations(migrations("sqlite")).unwrap();
    let queries = [SQLITE_COLUMNS, SQLITE_PRIMARY_KEYS, SQLITE_INDEXES, SQLITE_REFERENCES];
    let mut said = BTreeSet::new();
    for query in queries {
        said.extend(sentences(sql_query(query).load(&mut conn).unwrap()));
    }
    for table in sentences(sql_query(SQLITE_TABLES).load(&mut conn).unwrap()) {
        said.extend(checks(&table));
    }
    said
}

fn postgres(conn: &mut PgConnection) -> BTreeSet<String> {
    let mut said = BTreeSet::new();
    for query in [POSTGRES_COLUMNS, POSTGRES_INDEXES, POSTGRES_REFERENCES] {
        said.extend(sentences(sql_query(query).load(conn).unwrap()));
    }
    for constraint in sentences(sql_query(POSTGRES_CHECKS).load(conn).unwrap()) {
        said.extend(checks(&constraint));
    }
    said
}

/// The checks in a definition that begins with the name of its table.
fn checks(definition: &str) -> impl Iterator<Item = String> {
    let table = definition.split(' ').next().unwrap();
    let checks = definition.split("CHECK (").skip(1);
    checks.map(move |rest| format!("{table} check {}", rule(inside(rest))))
}

/// What stands before the parenthesis that closes.
fn inside(text: &str) -> &str {
    let mut depth = 1;
    for (at, letter) in text.char_indices() {
        depth += i32::from(letter == '(') - i32::from(letter == ')');
        if depth == 0 {
            return &text[..at];
        }
    }
    panic!("no parenthesis closes {text}");
}

/// A rule without the parentheses and casts that PostgreSQL adds: the ones it leaves out never mattered.
fn rule(text: &str) -> String {
    let plain = text.replace("::text", "").replace("= ANY (ARRAY[", "IN (");
    let bare = plain.replace(['(', ')', '[', ']', ','], " ");
    bare.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn migrations(engine: &str) -> FileBasedMigrations {
    let folder = format!("{}/../migrations/{engine}", env!("CARGO_MANIFEST_DIR"));
    FileBasedMigrations::from_path(folder).unwrap()
}

fn only_in(one: &BTreeSet<String>, other: &BTreeSet<String>) -> Vec<String> {
    one.difference(other).cloned().collect()
}

#[test]
#[ignore = "needs PostgreSQL"]
fn both_engines_have_the_same_tables_keys_and_checks() {
    let server = Server::forgetful();
    let mut conn = engine::connect(&server.url(), "postgres");
    engine::migrate(&mut conn);
    let (sqlite, same) = (sqlite(), postgres(&mut conn));

    assert_eq!((only_in(&sqlite, &same), only_in(&same, &sqlite)), (Vec::new(), Vec::new()));
    for kind in [" primary key ", " unique ", " index ", " references ", " check ", " default "] {
        assert!(sqlite.iter().any(|said| said.contains(kind)), "nothing says{kind}");
    }

    #[rustfmt::skip] // a table is read by column
    let planted = [
        ("ALTER TABLE owners ALTER name DROP NOT NULL",               "owners.name text not null"),
        ("ALTER TABLE chains ALTER samples TYPE integer",             "chains.samples bigint not null"),
        ("ALTER TABLE chains ALTER score_sum DROP DEFAULT",           "chains.score_sum bigint not null default 0"),
        ("ALTER TABLE claims DROP CONSTRAINT claims_pkey",            "claims primary key campaign_id, nullifier"),
        ("ALTER TABLE vehicles DROP CONSTRAINT vehicles_public_key_key", "vehicles unique public_key"),
        ("DROP INDEX reads_by_order",                                 "reads index order_id"),
        ("ALTER TABLE reads DROP CONSTRAINT reads_order_id_fkey",     "reads.order_id references orders.id"),
        ("ALTER TABLE postings DROP CONSTRAINT postings_amount_check", "postings check amount <> 0"),
    ];
    for (change, missing) in planted {
        let found = conn.test_transaction::<_, diesel::result::Error, _>(|conn| {
            conn.batch_execute(change)?;
            Ok(postgres(conn))
        });
        assert_eq!(only_in(&sqlite, &found), [missing], "{change}");
    }
}

#[test]
#[ignore = "needs PostgreSQL"]
fn migrations_of_postgresql_go_up_and_down_and_up_again() {
    let server = Server::forgetful();
    let mut conn = engine::connect(&server.url(), "postgres");
    engine::migrate(&mut conn);
    let first = postgres(&mut conn);

    conn.revert_all_migrations(migrations("postgres")).unwrap();
    assert_eq!(postgres(&mut conn), BTreeSet::new());
    engine::migrate(&mut conn);

    assert_eq!(postgres(&mut conn), first);
}

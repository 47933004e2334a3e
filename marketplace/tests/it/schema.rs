//! Migrations go up, down and up again, and `schema.rs` says what they make.

use std::collections::BTreeMap;

use diesel::connection::SimpleConnection as _;
use diesel::{
    Connection as _, QueryableByName, RunQueryDsl as _, SqliteConnection, sql_query, sql_types,
};
use diesel_migrations::{FileBasedMigrations, MigrationHarness as _};

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = sql_types::Text)]
    name: String,
}

fn names(conn: &mut SqliteConnection, query: &str) -> Vec<String> {
    let rows = sql_query(query).load::<Name>(conn).unwrap();
    rows.into_iter().map(|row| row.name).collect()
}

/// Tables and their columns, in order.
fn migrated(conn: &mut SqliteConnection) -> BTreeMap<String, Vec<String>> {
    let tables = names(
        conn,
        "SELECT name FROM sqlite_master WHERE type = 'table' \
         AND name NOT LIKE 'sqlite%' AND name NOT LIKE '\\_\\_%' ESCAPE '\\'",
    );
    let columns = |table: String| {
        let query = format!("SELECT name FROM pragma_table_info('{table}') ORDER BY cid");
        let columns = names(conn, &query);
        (table, columns)
    };
    tables.into_iter().map(columns).collect()
}

/// The same, read from `schema.rs` and what is in it.
fn declared() -> BTreeMap<String, Vec<String>> {
    let mut tables = BTreeMap::<String, Vec<String>>::new();
    let mut current = None;
    let files = [
        include_str!("../../src/schema.rs"),
        include_str!("../../src/schema/catalog.rs"),
        include_str!("../../src/schema/prepaid.rs"),
        include_str!("../../src/schema/rewards.rs"),
    ];
    for line in files.iter().flat_map(|file| file.lines()).map(str::trim) {
        if let Some((table, _)) = line.split_once(" (").filter(|_| line.ends_with(") {")) {
            current = Some(table.to_owned());
        } else if let (Some(table), Some((column, _))) = (&current, line.split_once(" -> ")) {
            tables.entry(table.clone()).or_default().push(column.to_owned());
        } else if line == "}" {
            current = None;
        }
    }
    tables
}

fn migrations() -> FileBasedMigrations {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations/sqlite");
    FileBasedMigrations::from_path(folder).unwrap()
}

#[test]
fn migrations_go_up_and_down_and_up_again() {
    let mut conn = SqliteConnection::establish(":memory:").unwrap();
    conn.batch_execute("PRAGMA foreign_keys = ON").unwrap();

    conn.run_pending_migrations(migrations()).unwrap();
    let first = migrated(&mut conn);
    conn.revert_all_migrations(migrations()).unwrap();
    assert_eq!(migrated(&mut conn), BTreeMap::new());
    conn.run_pending_migrations(migrations()).unwrap();

    assert_eq!(migrated(&mut conn), first);
}

#[test]
fn the_schema_in_the_program_is_the_one_that_migrations_make() {
    let mut conn = SqliteConnection::establish(":memory:").unwrap();
    conn.run_pending_migrations(migrations()).unwrap();

    assert_eq!(declared(), migrated(&mut conn));
    assert!(declared().len() > 15);
}

#[test]
fn both_engines_have_the_same_migrations() {
    let names = |engine: &str| {
        let folder = format!("{}/../migrations/{engine}", env!("CARGO_MANIFEST_DIR"));
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names = entries.map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>();
        names.sort();
        names
    };

    assert_eq!(names("sqlite"), names("postgres"));
}

//! Transactions that meet, on the engine that tests run on.

use std::collections::BTreeSet;
use std::time::Duration;

use diesel::connection::SimpleConnection as _;
use diesel::sql_types::BigInt;
use diesel::{QueryableByName, RunQueryDsl as _, sql_query};
use tempfile::TempDir;

use super::{Conn, Db, DieselError, take_turn};

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

fn numbers(conn: &mut Conn, query: &str) -> Result<Vec<i64>, DieselError> {
    let rows = sql_query(query).load::<Number>(conn)?;
    Ok(rows.into_iter().map(|row| row.number).collect())
}

async fn run(db: &Db, sql: &'static str) {
    db.write::<_, DieselError, _>(move |conn| conn.batch_execute(sql)).await.unwrap();
}

/// A database with an empty table of numbers.
async fn database() -> (TempDir, Db) {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::of_test(folder.path());
    run(&db, "CREATE TABLE numbers (number BIGINT NOT NULL PRIMARY KEY)").await;
    (folder, db)
}

/// Runs `verb` 20 times from each of eight tasks at once; what it returned.
async fn at_once<T: Send + 'static>(
    db: &Db,
    verb: fn(&mut Conn) -> Result<T, DieselError>,
) -> Vec<T> {
    let turns = |db: Db| async move {
        let mut returned = Vec::new();
        for _ in 0..20 {
            returned.push(db.write(verb).await.unwrap());
        }
        returned
    };
    let tasks = (0..8).map(|_| tokio::spawn(turns(db.clone()))).collect::<Vec<_>>();
    let mut returned = Vec::new();
    for task in tasks {
        returned.extend(task.await.unwrap());
    }
    returned
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transactions_that_change_what_another_read_all_succeed() {
    let (_folder, db) = database().await;
    run(&db, "INSERT INTO numbers VALUES (0)").await;

    at_once(&db, |conn| {
        let read = numbers(conn, "SELECT number FROM numbers")?[0];
        conn.batch_execute(&format!("UPDATE numbers SET number = {}", read + 1))
    })
    .await;

    let sum = db.read(|conn| numbers(conn, "SELECT number FROM numbers")).await.unwrap();
    assert_eq!(sum, [160]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_looks_before_inserting_is_never_told_that_a_row_is_there() {
    let (_folder, db) = database().await;

    let inserted = at_once(&db, |conn| {
        let count = numbers(conn, "SELECT COUNT(*) AS number FROM numbers")?[0];
        let is_there = numbers(conn, "SELECT number FROM numbers WHERE number = 7")?.len() == 1;
        if !is_there {
            conn.batch_execute("INSERT INTO numbers VALUES (7)")?;
        }
        assert!(count <= 1, "one row at most");
        Ok(!is_there)
    })
    .await;

    assert_eq!(inserted.into_iter().filter(|inserted| *inserted).count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_numbered_in_turn_is_seen_in_the_order_of_its_numbers() {
    let (_folder, db) = database().await;
    db.write(make_arrivals).await.unwrap();
    let writing = tokio::spawn({
        let db = db.clone();
        async move { at_once(&db, number_one).await }
    });

    let mut seen = BTreeSet::new();
    let mut is_over = false;
    while !is_over {
        is_over = writing.is_finished();
        let there = db.read(|conn| numbers(conn, "SELECT number FROM arrivals")).await.unwrap();
        let there = there.into_iter().collect::<BTreeSet<_>>();
        let late = there.difference(&seen).find(|number| seen.last() > Some(number));
        assert_eq!(late, None, "it appeared after greater numbers");
        seen = there;
    }
    assert_eq!(seen.len(), writing.await.unwrap().len());
}

/// A table that is numbered as the archive is.
fn make_arrivals(conn: &mut Conn) -> Result<(), DieselError> {
    let number = match conn {
        Conn::Sqlite(_) => "INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT",
        Conn::Postgres(_) => "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
    };
    conn.batch_execute(&format!("CREATE TABLE arrivals (number {number})"))
}

/// Numbers a row, and takes a while to commit.
#[expect(clippy::disallowed_methods, reason = "transactions have a thread of their own")]
fn number_one(conn: &mut Conn) -> Result<(), DieselError> {
    take_turn(conn)?;
    conn.batch_execute("INSERT INTO arrivals DEFAULT VALUES")?;
    std::thread::sleep(Duration::from_millis(2).mul_f64(rand::random()));
    Ok(())
}

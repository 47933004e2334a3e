//! The ledger against a real database: what the code refuses, and what the database refuses when
//! the code is gone around.

mod model;
mod pending;

use diesel::connection::SimpleConnection;
use telematics::testing::T0;
use telematics::{BuyerId, OwnerId, Timestamp};
use tempfile::TempDir;

use super::*;
use crate::db::Db;
use crate::identity::{self, ApiKey};

struct Fixture {
    db: Db,
    _folder: TempDir,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { db: Db::of_test(folder.path()), _folder: folder }
    }

    async fn post(&self, entry: &Entry) -> Result<Posted, LedgerError> {
        let entry = entry.clone();
        self.db.write(move |conn| post(conn, &entry, T0)).await
    }

    async fn balance(&self, account: Account) -> i64 {
        self.balances(account).await.posted.micros()
    }

    async fn balances(&self, account: Account) -> Balance {
        self.db.read(move |conn| balance(conn, account)).await.unwrap()
    }

    /// Runs SQL in a transaction of its own, and says why the database refused.
    async fn refusal(&self, sql: &'static str) -> String {
        // Bytes are written in two ways.
        let is_postgres = crate::engine::server().is_some();
        let sql = if is_postgres { sql.replace("x'", r"'\x") } else { sql.to_owned() };
        let run = move |conn: &mut crate::db::Conn| Ok(conn.batch_execute(&sql)?);
        let error = self.db.write::<(), LedgerError, _>(run).await.unwrap_err();
        std::error::Error::source(&error).unwrap().to_string().to_lowercase()
    }
}

fn buyer() -> Account {
    Account::Buyer(BuyerId::new(T0, [1; 10]))
}

fn owner(number: u8) -> Account {
    Account::Owner(OwnerId::new(T0, [number; 10]))
}

fn tokens(key: &str, from: Account, to: Account, micros: i64) -> Entry {
    Entry::transfer(EntryKind::Deposit, key, (from, to), Amount::from_micros(micros)).unwrap()
}

#[tokio::test]
async fn an_entry_moves_balances_once_however_often_it_is_posted() {
    let fixture = Fixture::new();
    let entry = tokens("one", Account::Issuance, buyer(), 100);

    let Posted::Now(id) = fixture.post(&entry).await.unwrap() else { panic!("it is new") };
    assert_eq!(fixture.post(&entry).await.unwrap(), Posted::Before(id));

    assert_eq!(fixture.balance(buyer()).await, 100);
    assert_eq!(fixture.balance(Account::Issuance).await, -100);
}

#[tokio::test]
async fn a_key_used_for_something_else_is_refused() {
    let fixture = Fixture::new();
    fixture.post(&tokens("one", Account::Issuance, buyer(), 100)).await.unwrap();

    for other in [
        tokens("one", Account::Issuance, buyer(), 101),
        tokens("one", Account::Issuance, owner(1), 100),
        Entry::transfer(
            EntryKind::Refund,
            "one",
            (Account::Issuance, buyer()),
            Amount::from_micros(100),
        )
        .unwrap(),
    ] {
        let error = fixture.post(&other).await.unwrap_err();
        assert!(matches!(error, LedgerError::KeyReused { .. }), "{error}");
    }
    assert_eq!(fixture.balance(buyer()).await, 100);
}

#[tokio::test]
async fn an_account_can_not_give_what_it_has_not() {
    let fixture = Fixture::new();
    fixture.post(&tokens("one", Account::Issuance, buyer(), 100)).await.unwrap();

    let error = fixture.post(&tokens("two", buyer(), owner(1), 101)).await.unwrap_err();
    assert!(error.to_string().contains("has 0.000100 tokens, 0.000101 are needed"), "{error}");
    assert_eq!(fixture.balance(buyer()).await, 100);
    assert_eq!(fixture.balance(owner(1)).await, 0);
}

#[tokio::test]
async fn the_database_itself_refuses_what_breaks_the_ledger() {
    let fixture = Fixture::new();
    fixture.post(&tokens("one", Account::Issuance, buyer(), 100)).await.unwrap();

    let unbalanced = "INSERT INTO entries VALUES (x'01', 'refund', 'k', 0);
        INSERT INTO postings SELECT x'01', 1, id, 5 FROM accounts WHERE kind = 'buyer';
        INSERT INTO seals VALUES (x'01');";
    let unsealed = "INSERT INTO entries VALUES (x'01', 'refund', 'k', 0);
        INSERT INTO postings SELECT x'01', 1, id, 5 FROM accounts WHERE kind = 'buyer';";
    let overdraft = "INSERT INTO entries VALUES (x'01', 'refund', 'k', 0);
        INSERT INTO postings SELECT x'01', 1, id, -500 FROM accounts WHERE kind = 'buyer';";
    let added_later = "INSERT INTO postings
        SELECT entries.id, 9, accounts.id, 5 FROM entries, accounts WHERE accounts.kind = 'buyer';";
    #[rustfmt::skip] // a table is read by column
    let cases = [
        ("unbalanced",      unbalanced,                                    "must sum to zero"),
        ("never sealed",    unsealed,                                      "foreign key"),
        ("empty",           "INSERT INTO seals VALUES (x'02')",            "must sum to zero"),
        ("overdraft",       overdraft,                                     "check"),
        ("added later",     added_later,                                   "can not be changed"),
        ("posting changed", "UPDATE postings SET amount = amount + 1",     "only appended"),
        ("posting gone",    "DELETE FROM postings",                        "only appended"),
        ("entry changed",   "UPDATE entries SET posted_at = 1",            "only appended"),
        ("entry gone",      "DELETE FROM entries",                         "only appended"),
        ("seal gone",       "DELETE FROM seals",                           "only appended"),
    ];
    for (name, sql, reason) in cases {
        let refusal = fixture.refusal(sql).await;
        assert!(refusal.contains(reason), "{name}: {refusal}");
    }
    assert_eq!(fixture.balance(buyer()).await, 100);
}

#[tokio::test]
async fn a_deposit_is_more_than_nothing_and_happens_once() {
    let fixture = Fixture::new();
    let open = |conn: &mut crate::db::Conn| {
        let operator = identity::create_operator(conn, &ApiKey::new([1; 32]), T0)?;
        let id = BuyerId::new(T0, [1; 10]);
        identity::create_buyer(conn, &operator, "Acme", id, &ApiKey::new([2; 32]), T0)?;
        Ok::<_, LedgerError>(operator)
    };
    let operator = fixture.db.write(open).await.unwrap();
    let put = |buyer: u8, micros| {
        fixture.db.write(move |conn| {
            let key = IdempotencyKey::parse("wire-1").unwrap();
            let buyer = BuyerId::new(T0, [buyer; 10]);
            deposit(conn, &operator, buyer, Amount::from_micros(micros), &key, T0)
        })
    };

    for micros in [0, -5] {
        assert!(matches!(put(1, micros).await, Err(LedgerError::NothingDeposited { .. })));
    }
    assert!(matches!(put(9, 7).await, Err(LedgerError::UnknownBuyer { .. })));
    assert!(matches!(put(1, 7).await, Ok(Posted::Now(_))));
    assert!(matches!(put(1, 7).await, Ok(Posted::Before(_))));
    let error = put(1, 8).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the idempotency key `wire-1` was used before for another request"
    );
    assert_eq!(fixture.balance(buyer()).await, 7);
}

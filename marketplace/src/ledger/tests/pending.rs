//! Transfers in two phases.

use super::*;

const LATER: Timestamp = Timestamp::from_micros(T0.as_micros() + 60_000_000);

fn reservation(key: &str, micros: i64) -> Reservation {
    let amount = Amount::from_micros(micros);
    Reservation { key: key.to_owned(), account: buyer(), amount, expires_at: LATER }
}

fn usage(key: &str, micros: i64) -> Entry {
    tokens(key, buyer(), owner(1), micros)
}

impl Fixture {
    /// A ledger in which the buyer has 100 micro-tokens.
    async fn funded() -> Self {
        let fixture = Self::new();
        fixture.post(&tokens("funds", Account::Issuance, buyer(), 100)).await.unwrap();
        fixture
    }

    async fn reserve(&self, key: &str, micros: i64) -> Result<PendingId, LedgerError> {
        let reservation = reservation(key, micros);
        self.db.write(move |conn| reserve(conn, &reservation, T0)).await
    }

    async fn post_pending(
        &self,
        pending: PendingId,
        entry: Entry,
        now: Timestamp,
    ) -> Result<Posted, LedgerError> {
        self.db.write(move |conn| post_pending(conn, pending, &entry, now)).await
    }

    async fn void(&self, pending: PendingId, now: Timestamp) -> Result<(), LedgerError> {
        self.db.write(move |conn| void_pending(conn, pending, now)).await
    }

    /// What the buyer has, and what of it is pending.
    async fn buyers(&self) -> (i64, i64) {
        let Balance { posted, pending } = self.balances(buyer()).await;
        (posted.micros(), pending.micros())
    }
}

#[tokio::test]
async fn what_is_pending_can_not_be_given_or_reserved_again() {
    let fixture = Fixture::funded().await;
    let pending = fixture.reserve("p", 70).await.unwrap();
    assert_eq!(fixture.reserve("p", 70).await.unwrap(), pending, "safe to repeat");
    assert_eq!(fixture.buyers().await, (100, 70));

    let error = fixture.post(&usage("u", 31)).await.unwrap_err();
    assert!(error.to_string().contains("has 0.000030 tokens, 0.000031 are needed"), "{error}");
    let error = fixture.reserve("q", 31).await.unwrap_err();
    assert!(matches!(error, LedgerError::InsufficientFunds { .. }), "{error}");
    let error = fixture.reserve("p", 71).await.unwrap_err();
    assert!(matches!(error, LedgerError::KeyReused { .. }), "{error}");
    for micros in [0, -1] {
        let error = fixture.reserve("n", micros).await.unwrap_err();
        assert!(matches!(error, LedgerError::NothingReserved { .. }), "{error}");
    }
    fixture.post(&usage("u", 30)).await.unwrap();
    assert_eq!(fixture.buyers().await, (70, 70));
}

#[tokio::test]
async fn a_part_is_posted_once_and_the_rest_is_free() {
    let fixture = Fixture::funded().await;
    let pending = fixture.reserve("p", 70).await.unwrap();

    for (entry, given) in [
        (usage("more", 71), 71),
        (tokens("from another", Account::Issuance, owner(1), 5), 0),
        (tokens("backwards", Account::Issuance, buyer(), 5), -5),
    ] {
        let error = fixture.post_pending(pending, entry, T0).await.unwrap_err();
        let LedgerError::NotWhatIsPending { given: found, .. } = error else { panic!("{error}") };
        assert_eq!(found.micros(), given);
    }
    let Posted::Now(id) = fixture.post_pending(pending, usage("u", 40), T0).await.unwrap() else {
        panic!("it is new")
    };
    assert_eq!(fixture.buyers().await, (60, 0));
    let again = fixture.post_pending(pending, usage("u", 40), LATER).await.unwrap();
    assert_eq!(again, Posted::Before(id));

    let error = fixture.post_pending(pending, usage("v", 5), T0).await.unwrap_err();
    assert!(error.to_string().ends_with("is posted already"), "{error}");
    let error = fixture.void(pending, T0).await.unwrap_err();
    assert!(matches!(error, LedgerError::PendingEnded { outcome: Outcome::Posted, .. }), "{error}");
    let other = fixture.reserve("q", 60).await.unwrap();
    let error = fixture.post_pending(other, usage("u", 40), T0).await.unwrap_err();
    assert!(matches!(error, LedgerError::KeyReused { .. }), "{error}");
    assert_eq!(fixture.buyers().await, (60, 60));
}

#[tokio::test]
async fn what_is_void_or_over_is_free_and_stays_so() {
    let fixture = Fixture::funded().await;
    let void = fixture.reserve("void", 40).await.unwrap();
    let over = fixture.reserve("over", 40).await.unwrap();

    fixture.void(void, T0).await.unwrap();
    fixture.void(void, T0).await.unwrap();
    assert_eq!(fixture.buyers().await, (100, 40));
    let error = fixture.post_pending(void, usage("u", 1), T0).await.unwrap_err();
    assert!(error.to_string().ends_with("is void already"), "{error}");

    let error = fixture.post_pending(over, usage("u", 1), LATER).await.unwrap_err();
    assert!(error.to_string().ends_with("is expired already"), "{error}");
    let expire = |now| fixture.db.write(move |conn| expire_pending(conn, now));
    assert_eq!(expire(T0).await.unwrap(), 0);
    assert_eq!(expire(LATER).await.unwrap(), 1);
    assert_eq!(expire(LATER).await.unwrap(), 0);
    assert_eq!(fixture.buyers().await, (100, 0));
    fixture.void(over, LATER).await.unwrap();

    let nobody = PendingId::new(T0, [9; 10]);
    let error = fixture.void(nobody, T0).await.unwrap_err();
    assert_eq!(error.to_string(), format!("there is no {nobody}"));
}

#[tokio::test]
async fn the_database_itself_refuses_what_breaks_a_pending_transfer() {
    let fixture = Fixture::funded().await;
    fixture.reserve("p", 70).await.unwrap();

    let reserve = "INSERT INTO pending_transfers SELECT x'09', id, 31, 'q', 0, 9 FROM accounts
        WHERE kind = 'buyer';";
    let give = "INSERT INTO entries VALUES (x'01', 'refund', 'k', 0);
        INSERT INTO postings SELECT x'01', 1, id, -31 FROM accounts WHERE kind = 'buyer';";
    let post_more = "INSERT INTO pending_ends SELECT id, 'posted', 71, x'01', 0
        FROM pending_transfers;";
    let post_less = "INSERT INTO pending_ends SELECT id, 'posted', 70, x'01', 0
        FROM pending_transfers;
        INSERT INTO entries VALUES (x'01', 'refund', 'k', 0);
        INSERT INTO postings SELECT x'01', 1, id, -9 FROM accounts WHERE kind = 'buyer';
        INSERT INTO postings SELECT x'01', 2, id, 9 FROM accounts WHERE kind = 'issuance';
        INSERT INTO seals VALUES (x'01');";
    let post_nothing = "INSERT INTO pending_ends SELECT id, 'posted', 70, x'01', 0
        FROM pending_transfers;";
    let end_twice = "INSERT INTO pending_ends SELECT id, 'void', 0, NULL, 0 FROM pending_transfers;
        INSERT INTO pending_ends SELECT id, 'void', 0, NULL, 0 FROM pending_transfers;";
    #[rustfmt::skip] // a table is read by column
    let cases = [
        ("reserved twice",   reserve,                                        "check"),
        ("given",            give,                                           "check"),
        ("posted in excess", post_more,                                      "than is pending"),
        ("another amount",   post_less,                                      "what was pending"),
        ("no entry",         post_nothing,                                   "foreign key"),
        ("ended twice",      end_twice,                                      "unique"),
        ("changed",          "UPDATE pending_transfers SET amount = 1",      "only appended"),
        ("gone",             "DELETE FROM pending_transfers",                "only appended"),
    ];
    for (name, sql, reason) in cases {
        let refusal = fixture.refusal(sql).await;
        assert!(refusal.contains(reason), "{name}: {refusal}");
    }
    assert_eq!(fixture.buyers().await, (100, 70));
}

#[tokio::test]
async fn linked_entries_are_posted_all_or_none() {
    let fixture = Fixture::funded().await;
    let linked = |entries: Vec<Entry>| {
        fixture.db.write(move |conn| match post_linked(conn, &entries, T0) {
            // What was posted before the refusal must be undone even if the transaction goes on.
            Err(LedgerError::InsufficientFunds { .. }) => Ok(Vec::new()),
            posted => posted,
        })
    };

    let refused = linked(vec![usage("a", 60), usage("b", 60)]).await.unwrap();
    assert!(refused.is_empty());
    assert_eq!(fixture.buyers().await, (100, 0));

    let posted = linked(vec![usage("a", 60), usage("b", 40)]).await.unwrap();
    assert!(matches!(posted[..], [Posted::Now(_), Posted::Now(_)]));
    assert_eq!(fixture.buyers().await, (0, 0));
}

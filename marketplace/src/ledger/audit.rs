//! Replaying the ledger: what is kept beside the entries must follow from them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::queries::{self, replay as table};
use super::{Account, Amount, Entry, EntryKind, LedgerError, Posting};
use crate::db::Conn;

/// What was looked at, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What holds when nothing is found.
    pub rule: &'static str,
    /// How many things were looked at.
    pub examined: u64,
    /// What is wrong, each by its name.
    pub findings: Vec<String>,
}

impl Check {
    /// Nothing looked at yet.
    #[must_use]
    pub const fn of(rule: &'static str) -> Self {
        Self { rule, examined: 0, findings: Vec::new() }
    }

    /// Looks at one thing; `is_right` or `finding` is kept.
    pub fn look(&mut self, is_right: bool, finding: impl FnOnce() -> String) {
        self.examined += 1;
        if !is_right {
            self.findings.push(finding());
        }
    }
}

/// What every account should have, by its key.
#[derive(Debug, Default)]
struct Books {
    posted: BTreeMap<Vec<u8>, i128>,
    pending: BTreeMap<Vec<u8>, i128>,
}

/// Replays all entries and all pending transfers.
///
/// # Errors
/// When they can not be read.
pub fn audit(conn: &mut Conn) -> Result<Vec<Check>, LedgerError> {
    let mut books = Books::default();
    let entries = replay_entries(conn, &mut books)?;
    let pending = replay_pending(conn, &mut books)?;
    let [balances, sum] = compare(conn, &books)?;
    Ok(vec![entries, pending, balances, sum])
}

/// Visits all that there are: reads `page` after page, each behind the last id of the one before.
fn each<T>(
    conn: &mut Conn,
    page: fn(&mut Conn, &[u8]) -> Result<Vec<T>, LedgerError>,
    id: fn(&T) -> &[u8],
    mut visit: impl FnMut(T),
) -> Result<(), LedgerError> {
    let mut last = Vec::new();
    loop {
        let found = page(conn, &last)?;
        let Some(end) = found.last() else { return Ok(()) };
        last = id(end).to_vec();
        found.into_iter().for_each(&mut visit);
    }
}

fn replay_entries(conn: &mut Conn, books: &mut Books) -> Result<Check, LedgerError> {
    let mut check = Check::of("every entry is sealed, and its postings sum to zero");
    let replay = |entry: table::KeptEntry| {
        let sum: i128 = entry.postings.iter().map(|(_, amount)| i128::from(*amount)).sum();
        let is_right = sum == 0 && !entry.postings.is_empty() && entry.is_sealed;
        check.look(is_right, || format!("the entry `{}` sums to {sum}", entry.key));
        for (account, amount) in entry.postings {
            *books.posted.entry(account).or_default() += i128::from(amount);
        }
    };
    each(conn, table::entries_after, |entry| &entry.id, replay)?;
    Ok(check)
}

fn replay_pending(conn: &mut Conn, books: &mut Books) -> Result<Check, LedgerError> {
    let mut check =
        Check::of("a pending transfer is open, or ended once, by an entry if it was posted");
    let replay = |transfer: table::KeptPending| {
        let is_right = match &transfer.end {
            None => transfer.is_open,
            Some(end) => !transfer.is_open && end.posted == end.amount,
        };
        check.look(is_right, || format!("the pending transfer `{}`", transfer.key));
        if transfer.end.is_none() {
            *books.pending.entry(transfer.account).or_default() += i128::from(transfer.amount);
        }
    };
    each(conn, table::pending_after, |transfer| &transfer.id, replay)?;
    Ok(check)
}

/// Accounts against the books.
fn compare(conn: &mut Conn, books: &Books) -> Result<[Check; 2], LedgerError> {
    let mut check =
        Check::of("an account has what was posted to it, and as much pending as is reserved");
    let mut sum = Check::of("all balances together are zero");
    let (mut total, mut known) = (0_i128, BTreeSet::new());
    let look = |account: table::KeptAccount| {
        let of = |book: &BTreeMap<Vec<u8>, i128>| book.get(&account.id).copied().unwrap_or(0);
        let (posted, pending) = (of(&books.posted), of(&books.pending));
        let (has, reserved) = (i128::from(account.balance), i128::from(account.pending));
        check.look((has, reserved) == (posted, pending), || {
            let name = account.name();
            format!(
                "{name} has {has}, {reserved} of it pending, and should have {posted} and {pending}"
            )
        });
        total += has;
        known.insert(account.id);
    };
    each(conn, table::accounts_after, |account| &account.id, look)?;
    let named = books.posted.keys().chain(books.pending.keys());
    for key in named.filter(|key| !known.contains(*key)) {
        check.look(false, || format!("there is no account {}", hex::encode(key)));
    }
    sum.look(total == 0, || format!("all balances together are {total} micro-tokens"));
    Ok([check, sum])
}

/// Whether just this was posted under a key. What is no entry can not have been.
///
/// # Errors
/// When it can not be read.
pub fn is_posted(
    conn: &mut Conn,
    key: &str,
    kind: EntryKind,
    postings: &[Posting],
) -> Result<bool, LedgerError> {
    let Ok(wanted) = Entry::new(kind, key, postings.iter().copied()) else { return Ok(false) };
    match queries::posted_before(conn, &wanted) {
        Ok(found) => Ok(found.is_some()),
        Err(LedgerError::KeyReused { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// How many entries of a kind there are.
///
/// # Errors
/// When they can not be counted.
pub fn count(conn: &mut Conn, kind: EntryKind) -> Result<u64, LedgerError> {
    table::count(conn, kind)
}

/// What all accounts of the kind of `like` hold that hold anything, by the bytes that name them.
///
/// # Errors
/// When they can not be read.
pub fn holdings(conn: &mut Conn, like: Account) -> Result<BTreeMap<Vec<u8>, Amount>, LedgerError> {
    let held = table::held_by_kind(conn, like.kind())?;
    let of = |account: table::KeptAccount| {
        (account.holder.unwrap_or_default(), Amount::from_micros(account.balance))
    };
    Ok(held.into_iter().map(of).collect())
}

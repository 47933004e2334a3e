//! The only statements that name the ledger's tables.

pub(super) mod pending;
pub(super) mod replay;

use std::collections::BTreeMap;
use std::error::Error;

use diesel::prelude::*;
use sha2::{Digest, Sha256};
use telematics::Timestamp;

use super::{Account, Amount, Entry, EntryId, LedgerError, Posting};
use crate::db::{self, Conn, ROWS_AT_ONCE, on_either};
use crate::schema::{accounts, entries, postings, seals};

const AMOUNT_MAX: Amount = Amount::from_micros(i64::MAX);

/// What became of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Posted {
    /// It was posted now.
    Now(EntryId),
    /// The same entry was posted before; nothing moved.
    Before(EntryId),
}

/// Appends an entry, once: with a key that was used before for the same entry, nothing moves.
///
/// # Errors
/// Refuses an account that would go below zero, and a key that was used for another entry.
pub fn post(conn: &mut Conn, entry: &Entry, now: Timestamp) -> Result<Posted, LedgerError> {
    if let Some(before) = posted_before(conn, entry)? {
        return Ok(Posted::Before(before));
    }
    let id = entry_id(entry, now);
    open(conn, entry.postings().iter().map(|posting| posting.account), now)?;
    for posting in entry.postings() {
        let given = posting.amount.checked_neg().unwrap_or(AMOUNT_MAX);
        refuse_overdraft(conn, posting.account, given)?;
    }

    diesel::insert_into(entries::table)
        .values((
            entries::id.eq(id.to_vec()),
            entries::kind.eq(entry.kind().as_str()),
            entries::idempotency_key.eq(entry.key()),
            entries::posted_at.eq(now.as_micros()),
        ))
        .execute(conn)?;
    let row = |(line, posting): (i32, &Posting)| {
        (
            postings::entry_id.eq(id.to_vec()),
            postings::line.eq(line),
            postings::account_id.eq(posting.account.key()),
            postings::amount.eq(posting.amount.micros()),
        )
    };
    let rows = (1..).zip(entry.postings()).map(row).collect::<Vec<_>>();
    for rows in rows.chunks(ROWS_AT_ONCE) {
        on_either!(conn, diesel::insert_into(postings::table).values(rows))?;
    }
    diesel::insert_into(seals::table).values(seals::entry_id.eq(id.to_vec())).execute(conn)?;
    Ok(Posted::Now(id))
}

/// Appends all of these entries, or none of them.
///
/// # Errors
/// As [`post`], for the first that is refused.
pub fn post_linked(
    conn: &mut Conn,
    entries: &[Entry],
    now: Timestamp,
) -> Result<Vec<Posted>, LedgerError> {
    let all = |conn: &mut Conn| entries.iter().map(|entry| post(conn, entry, now)).collect();
    db::all_or_nothing(conn, all)
}

/// What is in an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// All of it.
    pub posted: Amount,
    /// What of it is reserved for pending transfers.
    pub pending: Amount,
}

impl Balance {
    /// What can be given or reserved.
    #[must_use]
    pub fn available(self) -> Amount {
        self.posted.checked_sub(self.pending).unwrap_or_default()
    }
}

/// What an account holds. An account that was never named holds nothing.
///
/// # Errors
/// When the database can not be read.
pub fn balance(conn: &mut Conn, account: Account) -> Result<Balance, LedgerError> {
    let found: Option<(i64, i64)> = accounts::table
        .find(account.key())
        .select((accounts::balance, accounts::pending))
        .first(conn)
        .optional()?;
    let (posted, pending) = found.unwrap_or_default();
    Ok(Balance { posted: Amount::from_micros(posted), pending: Amount::from_micros(pending) })
}

/// The entry that was posted with this key, if it was; an error if it was another one.
pub(super) fn posted_before(
    conn: &mut Conn,
    entry: &Entry,
) -> Result<Option<EntryId>, LedgerError> {
    let found: Option<(Vec<u8>, String)> = entries::table
        .filter(entries::idempotency_key.eq(entry.key()))
        .select((entries::id, entries::kind))
        .first(conn)
        .optional()?;
    let Some((id, kind)) = found else { return Ok(None) };
    let lines: Vec<(Vec<u8>, i64)> = postings::table
        .filter(postings::entry_id.eq(id.clone()))
        .order(postings::line)
        .select((postings::account_id, postings::amount))
        .load(conn)?;

    let wanted = entry.postings().iter().map(|line| (line.account.key(), line.amount.micros()));
    if kind != entry.kind().as_str() || !wanted.eq(lines) {
        return Err(LedgerError::KeyReused { key: entry.key().to_owned() });
    }
    EntryId::from_bytes(&id).map(Some).map_err(corrupt)
}

/// Makes the accounts among these that are not there yet.
pub(super) fn open(
    conn: &mut Conn,
    named: impl IntoIterator<Item = Account>,
    now: Timestamp,
) -> Result<(), LedgerError> {
    let named = named.into_iter().map(|account| (account.key(), account));
    let mut missing = named.collect::<BTreeMap<_, _>>();
    let keys = missing.keys().cloned().collect::<Vec<_>>();
    for keys in keys.chunks(ROWS_AT_ONCE) {
        let known = accounts::table.filter(accounts::id.eq_any(keys)).select(accounts::id);
        for key in known.load::<Vec<u8>>(conn)? {
            missing.remove(&key);
        }
    }
    let row = |(key, account): (&Vec<u8>, &Account)| {
        (
            accounts::id.eq(key.clone()),
            accounts::kind.eq(account.kind()),
            accounts::holder_id.eq(account.holder()),
            accounts::balance.eq(0),
            accounts::created_at.eq(now.as_micros()),
        )
    };
    let rows = missing.iter().map(row).collect::<Vec<_>>();
    for rows in rows.chunks(ROWS_AT_ONCE) {
        on_either!(conn, diesel::insert_into(accounts::table).values(rows))?;
    }
    Ok(())
}

/// The database would refuse as well, but could not say how much is missing.
pub(super) fn refuse_overdraft(
    conn: &mut Conn,
    account: Account,
    needed: Amount,
) -> Result<(), LedgerError> {
    if account == Account::Issuance || !needed.is_positive() {
        return Ok(());
    }
    let available = balance(conn, account)?.available();
    if needed <= available {
        return Ok(());
    }
    Err(LedgerError::InsufficientFunds { account, available, needed })
}

/// Follows from the key, which is unique: no randomness is needed.
pub(super) fn entry_id(entry: &Entry, now: Timestamp) -> EntryId {
    let digest: [u8; 32] = Sha256::digest(entry.key().as_bytes()).into();
    EntryId::new(now, digest.first_chunk().copied().unwrap_or_default())
}

pub(super) fn corrupt(error: impl Into<Box<dyn Error + Send + Sync>>) -> LedgerError {
    LedgerError::Storage(diesel::result::Error::DeserializationError(error.into()))
}

//! Transfers in two phases: tokens are reserved first, and given, or not, later.
//!
//! **Invariant:** what is pending stays on its account and can be neither given nor reserved again; it ends once. After its
//! time it can not be posted any more, whether [`expire_pending`] has come by or not.

use std::fmt;

use telematics::Timestamp;
use telematics::ids::{Id, Kind};

use super::queries::{self, pending as table};
use super::{Account, Amount, Entry, LedgerError, Posted, post};
use crate::db::Conn;

/// A pending transfer.
pub enum PendingMark {}
impl Kind for PendingMark {
    const PREFIX: &'static str = "pending";
}
/// Names a pending transfer.
pub type PendingId = Id<PendingMark>;

/// What is to be reserved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reservation {
    /// Makes reserving it twice harmless.
    pub key: String,
    /// Who is going to give.
    pub account: Account,
    /// The most that can be posted.
    pub amount: Amount,
    /// From when on nothing can be posted.
    pub expires_at: Timestamp,
}

/// How a pending transfer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was given, in part or whole.
    Posted,
    /// It was called off.
    Void,
    /// Its time was over.
    Expired,
}

impl Outcome {
    const ALL: [Self; 3] = [Self::Posted, Self::Void, Self::Expired];

    /// The word for it in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Posted => "posted",
            Self::Void => "void",
            Self::Expired => "expired",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == text)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Reserves tokens of an account, once: with a key that was used before for the same, nothing happens.
///
/// # Errors
/// Refuses amounts that are not more than zero, accounts that have less to give, and a key that was used for another
/// reservation.
pub fn reserve(
    conn: &mut Conn,
    reservation: &Reservation,
    now: Timestamp,
) -> Result<PendingId, LedgerError> {
    if !reservation.amount.is_positive() {
        return Err(LedgerError::NothingReserved { amount: reservation.amount });
    }
    if let Some(before) = table::reserved_before(conn, reservation)? {
        return Ok(before);
    }
    queries::open(conn, [reservation.account], now)?;
    queries::refuse_overdraft(conn, reservation.account, reservation.amount)?;
    table::insert(conn, reservation, now)
}

/// Posts `entry`, in which the account gives all that is pending or a part of it, and frees the rest. Safe to repeat.
///
/// # Errors
/// Refuses what has ended otherwise, what is not pending any more, and an entry in which the account gives nothing, or more
/// than is pending.
pub fn post_pending(
    conn: &mut Conn,
    pending: PendingId,
    entry: &Entry,
    now: Timestamp,
) -> Result<Posted, LedgerError> {
    let found = table::find(conn, pending)?;
    if let Some(before) = queries::posted_before(conn, entry)? {
        return match found.end {
            Some((Outcome::Posted, Some(with))) if with == before => Ok(Posted::Before(before)),
            _ => Err(LedgerError::KeyReused { key: entry.key().to_owned() }),
        };
    }
    let end = found.end.map(|(outcome, _)| outcome);
    if let Some(outcome) = end.or((now >= found.expires_at).then_some(Outcome::Expired)) {
        return Err(LedgerError::PendingEnded { pending, outcome });
    }
    let line = entry.postings().iter().find(|line| line.account.key() == found.account);
    let given = line.and_then(|line| line.amount.checked_neg()).unwrap_or_default();
    if !given.is_positive() || given > found.amount {
        return Err(LedgerError::NotWhatIsPending { pending, amount: found.amount, given });
    }
    // First, so that what was pending can be given.
    table::end(conn, pending, Some((given, queries::entry_id(entry, now))), Outcome::Posted, now)?;
    post(conn, entry, now)
}

/// Calls a pending transfer off. Safe to repeat, and after it has expired.
///
/// # Errors
/// Refuses what was posted.
pub fn void_pending(
    conn: &mut Conn,
    pending: PendingId,
    now: Timestamp,
) -> Result<(), LedgerError> {
    match table::find(conn, pending)?.end {
        None => table::end(conn, pending, None, Outcome::Void, now),
        Some((Outcome::Void | Outcome::Expired, _)) => Ok(()),
        Some((outcome @ Outcome::Posted, _)) => Err(LedgerError::PendingEnded { pending, outcome }),
    }
}

/// Frees what is pending and can not be posted any more. Returns how many transfers that were.
///
/// # Errors
/// Fails when the database does.
pub fn expire_pending(conn: &mut Conn, now: Timestamp) -> Result<usize, LedgerError> {
    let expired = table::expired(conn, now)?;
    for pending in &expired {
        table::end(conn, *pending, None, Outcome::Expired, now)?;
    }
    Ok(expired.len())
}

//! Sweeping: what a claim was paid, moved to the owner whose account its payee stands for.
//!
//! A payee is the hash of an owner's account and a salt that his car drew. Whoever tells both moves the tokens, and can move
//! them to that owner only, so no signature is asked for.

use telematics::{CampaignId, OwnerId, Timestamp};
use zk::Payee;

use super::{CampaignsError, ClaimRefusal, queries, terms};
use crate::db::Conn;
use crate::identity::Owner;
use crate::ledger::{self, Amount, Entry, EntryKind, LedgerError};

/// A payee whose tokens were moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sweep {
    /// Which.
    pub payee: Payee,
    /// Whose account it stood for.
    pub owner: OwnerId,
    /// What was moved.
    pub amount: Amount,
    /// When.
    pub swept_at: Timestamp,
}

/// Whether a claim names the payee of `owner` and `salt`: nobody else's call is worth a transaction.
///
/// # Errors
/// Fails when the database does.
pub fn is_payee(conn: &mut Conn, owner: OwnerId, salt: [u8; 16]) -> Result<bool, CampaignsError> {
    queries::is_payee(conn, Payee::of(owner.as_bytes(), salt))
}

/// Moves what the payee of `owner` and `salt` was paid to `owner`. The same again changes nothing.
///
/// # Errors
/// Fails when the database does; the inner error is the refusal.
pub fn sweep(
    conn: &mut Conn,
    owner: OwnerId,
    salt: [u8; 16],
    now: Timestamp,
) -> Result<Result<Sweep, ClaimRefusal>, CampaignsError> {
    let payee = Payee::of(owner.as_bytes(), salt);
    if let Some(before) = queries::sweep(conn, payee)? {
        return Ok(Ok(before));
    }
    let amount = ledger::balance(conn, terms::account(payee))?.available();
    if !amount.is_positive() {
        return Ok(Err(ClaimRefusal::UnknownPayee));
    }
    let route = terms::swept_to(payee, owner);
    let entry = Entry::transfer(EntryKind::Sweep, &terms::sweep_key(payee), route, amount);
    ledger::post(conn, &entry.map_err(LedgerError::from)?, now)?;
    let sweep = Sweep { payee, owner, amount, swept_at: now };
    queries::insert_sweep(conn, &sweep)?;
    Ok(Ok(sweep))
}

/// What was moved to `owner`, newest first, at most 10,000, each with the campaign that paid it.
///
/// # Errors
/// Fails when the database does, or when a row is damaged.
pub fn sweeps_of(
    conn: &mut Conn,
    owner: &Owner,
) -> Result<Vec<(Sweep, CampaignId)>, CampaignsError> {
    queries::sweeps_of(conn, owner.id)
}

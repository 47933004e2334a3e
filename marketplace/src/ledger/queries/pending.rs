//! Statements about pending transfers.

use diesel::prelude::*;
use sha2::{Digest, Sha256};
use telematics::Timestamp;

use super::corrupt;
use crate::db::Conn;
use crate::ledger::pending::{Outcome, PendingId, Reservation};
use crate::ledger::{Amount, EntryId, LedgerError};
use crate::schema::{pending_ends, pending_open, pending_transfers};

/// A pending transfer as it is kept.
pub(in crate::ledger) struct Found {
    /// The key of the account.
    pub(in crate::ledger) account: Vec<u8>,
    pub(in crate::ledger) amount: Amount,
    pub(in crate::ledger) expires_at: Timestamp,
    /// How it ended, and with which entry.
    pub(in crate::ledger) end: Option<(Outcome, Option<EntryId>)>,
}

pub(in crate::ledger) fn insert(
    conn: &mut Conn,
    reservation: &Reservation,
    now: Timestamp,
) -> Result<PendingId, LedgerError> {
    // The key is unique: no randomness is needed.
    let digest: [u8; 32] = Sha256::digest(reservation.key.as_bytes()).into();
    let id = PendingId::new(now, digest.first_chunk().copied().unwrap_or_default());
    diesel::insert_into(pending_transfers::table)
        .values((
            pending_transfers::id.eq(id.to_vec()),
            pending_transfers::account_id.eq(reservation.account.key()),
            pending_transfers::amount.eq(reservation.amount.micros()),
            pending_transfers::idempotency_key.eq(&reservation.key),
            pending_transfers::created_at.eq(now.as_micros()),
            pending_transfers::expires_at.eq(reservation.expires_at.as_micros()),
        ))
        .execute(conn)?;
    Ok(id)
}

/// What was reserved with this key, if anything was; an error if it was something else.
pub(in crate::ledger) fn reserved_before(
    conn: &mut Conn,
    reservation: &Reservation,
) -> Result<Option<PendingId>, LedgerError> {
    let found: Option<(Vec<u8>, Vec<u8>, i64, i64)> = pending_transfers::table
        .filter(pending_transfers::idempotency_key.eq(&reservation.key))
        .select((
            pending_transfers::id,
            pending_transfers::account_id,
            pending_transfers::amount,
            pending_transfers::expires_at,
        ))
        .first(conn)
        .optional()?;
    let Some((id, account, amount, expires_at)) = found else { return Ok(None) };
    let Reservation { key, account: wanted, amount: most, expires_at: until } = reservation;
    if (account, amount, expires_at) != (wanted.key(), most.micros(), until.as_micros()) {
        return Err(LedgerError::KeyReused { key: key.clone() });
    }
    PendingId::from_bytes(&id).map(Some).map_err(corrupt)
}

pub(in crate::ledger) fn find(conn: &mut Conn, id: PendingId) -> Result<Found, LedgerError> {
    let found: Option<(Vec<u8>, i64, i64)> = pending_transfers::table
        .find(id.to_vec())
        .select((
            pending_transfers::account_id,
            pending_transfers::amount,
            pending_transfers::expires_at,
        ))
        .first(conn)
        .optional()?;
    let (account, amount, expires_at) = found.ok_or(LedgerError::UnknownPending { pending: id })?;
    let end: Option<(String, Option<Vec<u8>>)> = pending_ends::table
        .find(id.to_vec())
        .select((pending_ends::outcome, pending_ends::entry_id))
        .first(conn)
        .optional()?;
    let end = end.map(|(outcome, entry)| {
        let unknown = || corrupt(format!("`{outcome}` is no end of a pending transfer"));
        let outcome = Outcome::parse(&outcome).ok_or_else(unknown)?;
        let entry = entry.map(|entry| EntryId::from_bytes(&entry)).transpose();
        Ok::<_, LedgerError>((outcome, entry.map_err(corrupt)?))
    });
    Ok(Found {
        account,
        amount: Amount::from_micros(amount),
        expires_at: Timestamp::from_micros(expires_at),
        end: end.transpose()?,
    })
}

pub(in crate::ledger) fn end(
    conn: &mut Conn,
    id: PendingId,
    posted: Option<(Amount, EntryId)>,
    outcome: Outcome,
    now: Timestamp,
) -> Result<(), LedgerError> {
    let (amount, entry) = posted.unzip();
    diesel::insert_into(pending_ends::table)
        .values((
            pending_ends::pending_id.eq(id.to_vec()),
            pending_ends::outcome.eq(outcome.as_str()),
            pending_ends::amount.eq(amount.unwrap_or_default().micros()),
            pending_ends::entry_id.eq(entry.map(|entry| entry.to_vec())),
            pending_ends::ended_at.eq(now.as_micros()),
        ))
        .execute(conn)?;
    Ok(())
}

/// Those whose time is over.
pub(in crate::ledger) fn expired(
    conn: &mut Conn,
    now: Timestamp,
) -> Result<Vec<PendingId>, LedgerError> {
    let ids: Vec<Vec<u8>> = pending_open::table
        .filter(pending_open::expires_at.le(now.as_micros()))
        .order(pending_open::expires_at)
        .select(pending_open::pending_id)
        .load(conn)?;
    ids.iter().map(|id| PendingId::from_bytes(id).map_err(corrupt)).collect()
}

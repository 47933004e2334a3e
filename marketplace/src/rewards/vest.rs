//! Paying a week, a while after it was closed.

use std::collections::BTreeSet;

use telematics::{Timestamp, VehicleId};

use super::close::{ClosedWeek, Earned};
use super::error::RewardsError;
use super::queries;
use crate::db::Conn;
use crate::identity::{self, VehicleStatus};
use crate::ledger::{self, Account, Amount, Entry, EntryKind, LedgerError, Posting};

/// The weeks that are to be paid at `now`, oldest first.
///
/// # Errors
/// When they can not be read.
pub fn vesting(conn: &mut Conn, now: Timestamp) -> Result<Vec<u32>, RewardsError> {
    let unpaid = queries::unpaid(conn)?.into_iter().filter(|week| week.vests_at() <= now);
    Ok(unpaid.map(|week| week.week.number).collect())
}

/// Gives the owners what their vehicles earned in week `number`, in one entry. Vehicles that were shut out or erased since forfeit
/// their share: it is not given to anybody.
///
/// # Errors
/// A week that is not closed, was closed less than a week ago or is paid is refused, and nothing moves.
pub fn vest(conn: &mut Conn, number: u32, now: Timestamp) -> Result<ClosedWeek, RewardsError> {
    let closed = queries::week(conn, number)?.ok_or(RewardsError::Unknown { week: number })?;
    if closed.vested_at.is_some() {
        return Err(RewardsError::AlreadyPaid { week: number });
    }
    if now < closed.vests_at() {
        return Err(RewardsError::NotVested { week: number, vests_at: closed.vests_at() });
    }
    let shares = queries::shares(conn, number)?;
    let active = active(conn, &shares)?;
    let pay = |share: Earned| {
        let paid = if active.contains(&share.vehicle) { share.amount } else { Amount::ZERO };
        Earned { paid, ..share }
    };
    let shares = shares.into_iter().map(pay).collect::<Vec<_>>();
    let postings = postings(&shares);
    if !postings.is_empty() {
        let entry = Entry::new(EntryKind::Reward, &closed.entry_key(), postings);
        ledger::post(conn, &entry.map_err(LedgerError::from)?, now)?;
    }
    let vested = ClosedWeek { vested_at: Some(now), paid: paid(&shares), ..closed };
    queries::pay(conn, &vested, &shares)?;
    Ok(vested)
}

/// Those of the vehicles that may still come in.
fn active(conn: &mut Conn, shares: &[Earned]) -> Result<BTreeSet<VehicleId>, RewardsError> {
    let vehicles = shares.iter().map(|share| share.vehicle).collect::<Vec<_>>();
    let known = identity::vehicles(conn, &vehicles)?;
    let active = known.iter().filter(|vehicle| vehicle.status == VehicleStatus::Active);
    Ok(active.map(|vehicle| vehicle.id).collect())
}

/// What was given with these shares. No more than a pool, so it fits.
pub(super) fn paid(shares: &[Earned]) -> Amount {
    Amount::sum(shares.iter().map(|share| share.paid)).unwrap_or_default()
}

/// What the ledger has of these shares; nothing when nobody was paid.
pub(super) fn postings(shares: &[Earned]) -> Vec<Posting> {
    let given = shares.iter().filter(|share| share.paid.is_positive());
    let received =
        given.map(|share| Posting { account: Account::Owner(share.owner), amount: share.paid });
    let mut postings = received.collect::<Vec<_>>();
    if let Some(amount) = paid(shares).checked_neg().filter(|_| !postings.is_empty()) {
        postings.push(Posting { account: Account::Issuance, amount });
    }
    postings
}

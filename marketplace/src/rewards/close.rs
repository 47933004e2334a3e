//! Closing a week: its facts are gathered once, its shares follow from them.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use telematics::{OwnerId, Timestamp, VehicleId};

use super::error::RewardsError;
use super::facts::{Pseudonym, Salt};
use super::gather::gather;
use super::pool::PoolRules;
use super::publication::Publication;
use super::queries;
use super::week::{VESTS_AFTER_DAYS, Week, monday_of};
use crate::archive;
use crate::db::Conn;
use crate::identity::VehicleRecord;
use crate::ledger::Amount;

const SECONDS_PER_DAY: i64 = 86_400;

/// A week that was closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosedWeek {
    /// Which.
    pub week: Week,
    /// By which formula.
    pub rules_version: u32,
    /// What its pool follows from.
    pub pool_rules: PoolRules,
    /// What there was to give.
    pub pool: Amount,
    /// Vehicles that sent anything in it.
    pub vehicles: u64,
    /// Their points.
    pub points: u64,
    /// The SHA-256 of the published file.
    pub file_hash: [u8; 32],
    /// When it was closed.
    pub closed_at: Timestamp,
    /// When it was paid; none before.
    pub vested_at: Option<Timestamp>,
    /// What was given then.
    pub paid: Amount,
}

impl ClosedWeek {
    /// From when on it can be paid.
    #[must_use]
    pub const fn vests_at(&self) -> Timestamp {
        self.closed_at.plus_seconds(VESTS_AFTER_DAYS * SECONDS_PER_DAY)
    }

    /// Under which the ledger knows what was given.
    pub(super) fn entry_key(&self) -> String {
        format!("reward/{}", self.week.number)
    }
}

/// Whose share of a week it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Earned {
    /// Which week.
    pub week: u32,
    /// The vehicle that earned it.
    pub vehicle: VehicleId,
    /// To whom it belonged then.
    pub owner: OwnerId,
    /// As what it is in the published file; none when it was erased since.
    pub pseudonym: Option<Pseudonym>,
    /// What it earned.
    pub amount: Amount,
    /// What of it was given: all, or nothing.
    pub paid: Amount,
}

/// The week that is to be closed at `now`, if one is.
///
/// # Errors
/// When it can not be read.
pub fn due(conn: &mut Conn, now: Timestamp) -> Result<Option<Week>, RewardsError> {
    Ok(next(conn)?.filter(|week| week.closes_at() <= now))
}

/// The first week that is not closed; none before anything was taken in.
fn next(conn: &mut Conn) -> Result<Option<Week>, RewardsError> {
    if let Some(last) = queries::last_week(conn)? {
        return Ok(Some(last.week.next()));
    }
    Ok(archive::first_day(conn)?.map(Week::first))
}

/// Closes week `number`: fixes what each vehicle did and earns. Vehicles that are shut out have no part in it.
///
/// # Errors
/// A week that is closed, is not over or is not the next one is refused, and nothing changes.
pub fn close(
    conn: &mut Conn,
    number: u32,
    pool_rules: PoolRules,
    salt: &Salt,
    now: Timestamp,
) -> Result<ClosedWeek, RewardsError> {
    if queries::week(conn, number)?.is_some() {
        return Err(RewardsError::AlreadyClosed { week: number });
    }
    let week = next(conn)?.filter(|week| week.number == number);
    let week = week.ok_or(RewardsError::Unknown { week: number })?;
    if now < week.closes_at() {
        return Err(RewardsError::NotOver { week: number, closes_at: week.closes_at() });
    }
    let gathered = gather(conn, week, salt)?;
    let named = gathered.iter().map(|(vehicle, facts)| (salt.pseudonym(vehicle.id), *facts));
    let facts = named.collect::<BTreeMap<_, _>>();
    let published = Publication::reckoned(week, pool_rules, &facts);
    let closed = ClosedWeek {
        week,
        rules_version: published.rules_version,
        pool_rules,
        pool: published.pool,
        vehicles: u64::try_from(published.rows.len()).unwrap_or(u64::MAX),
        points: published.points(),
        file_hash: Sha256::digest(published.bytes()?).into(),
        closed_at: now,
        vested_at: None,
        paid: Amount::ZERO,
    };
    let earned = |(vehicle, _): &(VehicleRecord, _)| {
        let pseudonym = salt.pseudonym(vehicle.id);
        let amount = published.rows.get(&pseudonym).map(|(_, share)| share.amount);
        Earned {
            week: number,
            vehicle: vehicle.id,
            owner: vehicle.owner,
            pseudonym: Some(pseudonym),
            amount: amount.unwrap_or_default(),
            paid: Amount::ZERO,
        }
    };
    queries::insert_week(conn, &closed)?;
    queries::insert_facts(conn, number, &published.rows)?;
    queries::insert_shares(conn, &gathered.iter().map(earned).collect::<Vec<_>>())?;
    Ok(closed)
}

/// Deletes what vehicles did on days that no week needs any more: those of closed weeks, and when the market gives no rewards those of
/// weeks that are over. Says of how many days of a vehicle that was.
///
/// # Errors
/// When the database fails.
pub fn forget_days(
    conn: &mut Conn,
    pool_rules: Option<PoolRules>,
    now: Timestamp,
) -> Result<u64, RewardsError> {
    let end_day = match pool_rules {
        Some(_) => queries::last_week(conn)?.map(|last| last.week.end_day()),
        None => Some(monday_of(now.day())),
    };
    let Some(end_day) = end_day else { return Ok(0) };
    Ok(archive::forget_days(conn, end_day)?)
}

/// Forgets which rows of the published files are of `vehicle`. What it earned and was not given is forfeited; what was given stays.
///
/// # Errors
/// When the database fails.
pub fn forget(conn: &mut Conn, vehicle: VehicleId) -> Result<(), RewardsError> {
    queries::forget(conn, vehicle)
}

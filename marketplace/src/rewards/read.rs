//! What was closed, for everybody and for an owner.

use std::collections::BTreeMap;

use super::close::{ClosedWeek, Earned};
use super::error::RewardsError;
use super::facts::Facts;
use super::points::Points;
use super::publication::Publication;
use super::queries;
use crate::db::Conn;
use crate::identity::Owner;

/// What a vehicle of an owner earned in a week, and for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnShare {
    /// The week.
    pub closed: ClosedWeek,
    /// The share.
    pub earned: Earned,
    /// What it came from; none when the vehicle was erased since.
    pub because: Option<(Facts, Points)>,
}

/// Every week that was closed, newest first.
///
/// # Errors
/// When they can not be read.
pub fn weeks(conn: &mut Conn) -> Result<Vec<ClosedWeek>, RewardsError> {
    queries::weeks(conn)
}

/// Week `number` as it is published.
///
/// # Errors
/// A week that is not closed is refused.
pub fn publication(conn: &mut Conn, number: u32) -> Result<Publication, RewardsError> {
    let closed = queries::week(conn, number)?.ok_or(RewardsError::Unknown { week: number })?;
    published(conn, &closed)
}

/// What is published of a closed week.
pub(super) fn published(conn: &mut Conn, closed: &ClosedWeek) -> Result<Publication, RewardsError> {
    Ok(Publication {
        week: closed.week,
        rules_version: closed.rules_version,
        pool_rules: closed.pool_rules,
        pool: closed.pool,
        rows: queries::facts(conn, closed.week.number)?,
    })
}

/// What the vehicles of `owner` earned, newest week first, at most 10,000.
///
/// # Errors
/// When it can not be read.
pub fn shares_of(conn: &mut Conn, owner: &Owner) -> Result<Vec<OwnShare>, RewardsError> {
    let all = queries::shares_of(conn, owner.id)?;
    let facts = queries::facts_of(conn, owner.id)?;
    let weeks = queries::weeks(conn)?.into_iter().map(|closed| (closed.week.number, closed));
    let weeks = weeks.collect::<BTreeMap<_, _>>();
    let share = |earned: Earned| {
        let closed = weeks.get(&earned.week).cloned();
        let row = earned.pseudonym.and_then(|name| facts.get(&name));
        Ok(OwnShare {
            closed: closed.ok_or(RewardsError::Damaged { table: "reward_shares" })?,
            earned,
            because: row.map(|(facts, share)| (*facts, share.points)),
        })
    };
    all.into_iter().map(share).collect()
}

//! Shares in the database: whose they are, and what was paid.

use diesel::prelude::*;
use telematics::{OwnerId, VehicleId};

use super::{SHARES_MAX, read_bytes, read_id, read_u32, stored};
use crate::db::{Conn, ROWS_AT_ONCE, on_either};
use crate::ledger::Amount;
use crate::rewards::RewardsError;
use crate::rewards::close::Earned;
use crate::rewards::facts::Pseudonym;
use crate::schema::{reward_shares, reward_weeks};

#[derive(Queryable, Selectable)]
#[diesel(table_name = reward_shares)]
struct ShareRow {
    week: i32,
    vehicle_id: Vec<u8>,
    owner_id: Vec<u8>,
    pseudonym: Option<Vec<u8>>,
    amount: i64,
    paid: i64,
}

pub(in crate::rewards) fn insert_shares(
    conn: &mut Conn,
    all: &[Earned],
) -> Result<(), RewardsError> {
    let row = |share: &Earned| {
        (
            reward_shares::week.eq(stored(share.week)),
            reward_shares::vehicle_id.eq(share.vehicle.to_vec()),
            reward_shares::owner_id.eq(share.owner.to_vec()),
            reward_shares::pseudonym.eq(share.pseudonym.map(|name| name.0.to_vec())),
            reward_shares::amount.eq(share.amount.micros()),
            reward_shares::paid.eq(share.paid.micros()),
        )
    };
    let rows = all.iter().map(row).collect::<Vec<_>>();
    for rows in rows.chunks(ROWS_AT_ONCE) {
        on_either!(conn, diesel::insert_into(reward_shares::table).values(rows))?;
    }
    Ok(())
}

/// The shares of `week`, by vehicle.
pub(in crate::rewards) fn shares(conn: &mut Conn, week: u32) -> Result<Vec<Earned>, RewardsError> {
    // No limit: who pays wants all of them.
    let rows = reward_shares::table
        .filter(reward_shares::week.eq(stored(week)))
        .order(reward_shares::vehicle_id)
        .select(ShareRow::as_select())
        .load(conn)?;
    rows.into_iter().map(Earned::try_from).collect()
}

/// What the vehicles of `owner` earned, newest week first, at most 10,000.
pub(in crate::rewards) fn shares_of(
    conn: &mut Conn,
    owner: OwnerId,
) -> Result<Vec<Earned>, RewardsError> {
    let rows = reward_shares::table
        .filter(reward_shares::owner_id.eq(owner.to_vec()))
        .order((reward_shares::week.desc(), reward_shares::vehicle_id))
        .limit(SHARES_MAX)
        .select(ShareRow::as_select())
        .load(conn)?;
    rows.into_iter().map(Earned::try_from).collect()
}

/// Notes what was paid of the shares of `week`.
pub(super) fn pay(conn: &mut Conn, week: u32, all: &[Earned]) -> Result<(), RewardsError> {
    let of_week = reward_shares::week.eq(stored(week));
    diesel::update(reward_shares::table.filter(of_week))
        .set(reward_shares::paid.eq(reward_shares::amount))
        .execute(conn)?;
    for forfeited in all.iter().filter(|share| share.paid != share.amount) {
        let row = reward_shares::table.find((stored(week), forfeited.vehicle.to_vec()));
        diesel::update(row).set(reward_shares::paid.eq(forfeited.paid.micros())).execute(conn)?;
    }
    Ok(())
}

/// Deletes the shares of `vehicle` in weeks that are not paid, and cuts the others from what is published.
pub(in crate::rewards) fn forget(conn: &mut Conn, vehicle: VehicleId) -> Result<(), RewardsError> {
    let of_vehicle = reward_shares::vehicle_id.eq(vehicle.to_vec());
    let unpaid =
        reward_weeks::table.filter(reward_weeks::vested_at.is_null()).select(reward_weeks::number);
    let unpaid = reward_shares::week.eq_any(unpaid.load::<i32>(conn)?);
    diesel::delete(reward_shares::table.filter(of_vehicle.clone()).filter(unpaid)).execute(conn)?;
    diesel::update(reward_shares::table.filter(of_vehicle))
        .set(reward_shares::pseudonym.eq(None::<Vec<u8>>))
        .execute(conn)?;
    Ok(())
}

impl TryFrom<ShareRow> for Earned {
    type Error = RewardsError;

    fn try_from(row: ShareRow) -> Result<Self, RewardsError> {
        let table = "reward_shares";
        let pseudonym = row.pseudonym.as_deref().map(|name| read_bytes(table, name));
        Ok(Self {
            week: read_u32(table, row.week)?,
            vehicle: read_id(table, &row.vehicle_id)?,
            owner: read_id(table, &row.owner_id)?,
            pseudonym: pseudonym.transpose()?.map(Pseudonym),
            amount: Amount::from_micros(row.amount),
            paid: Amount::from_micros(row.paid),
        })
    }
}

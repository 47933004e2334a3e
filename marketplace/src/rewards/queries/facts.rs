//! What is published of weeks, in the database.

use std::collections::BTreeMap;

use diesel::prelude::*;
use telematics::{OwnerId, VehicleId};

use super::{SHARES_MAX, read_bytes, read_id, read_u32, stored};
use crate::db::{Conn, ROWS_AT_ONCE, on_either};
use crate::ledger::Amount;
use crate::rewards::RewardsError;
use crate::rewards::facts::{Facts, Group, Pseudonym};
use crate::rewards::points::Points;
use crate::rewards::reckon::Share;
use crate::schema::{reward_facts, reward_shares};

/// Facts and shares by name.
type Rows = BTreeMap<Pseudonym, (Facts, Share)>;

#[derive(Queryable, Selectable)]
#[diesel(table_name = reward_facts)]
struct FactsRow {
    pseudonym: Vec<u8>,
    connected_days: i32,
    streak_weeks: i32,
    signals: i32,
    plausibility: i32,
    model_group: Vec<u8>,
    region_group: Option<Vec<u8>>,
    day_points: i32,
    streak_points: i32,
    signal_points: i32,
    model_points: i32,
    region_points: i32,
    points: i32,
    amount: i64,
}

pub(in crate::rewards) fn insert_facts(
    conn: &mut Conn,
    week: u32,
    rows: &Rows,
) -> Result<(), RewardsError> {
    let row = |(name, (facts, share)): (&Pseudonym, &(Facts, Share))| {
        (
            reward_facts::week.eq(stored(week)),
            reward_facts::pseudonym.eq(name.0.to_vec()),
            reward_facts::connected_days.eq(stored(facts.connected_days)),
            reward_facts::streak_weeks.eq(stored(facts.streak_weeks)),
            reward_facts::signals.eq(stored(facts.signals)),
            reward_facts::plausibility.eq(stored(facts.plausibility)),
            reward_facts::model_group.eq(facts.model.0.to_vec()),
            reward_facts::region_group.eq(facts.region.map(|region| region.0.to_vec())),
            reward_facts::day_points.eq(stored(share.points.days)),
            reward_facts::streak_points.eq(stored(share.points.streak)),
            reward_facts::signal_points.eq(stored(share.points.signals)),
            reward_facts::model_points.eq(stored(share.points.model)),
            reward_facts::region_points.eq(stored(share.points.region)),
            reward_facts::points.eq(stored(share.points.total)),
            reward_facts::amount.eq(share.amount.micros()),
        )
    };
    let rows = rows.iter().map(row).collect::<Vec<_>>();
    for rows in rows.chunks(ROWS_AT_ONCE) {
        on_either!(conn, diesel::insert_into(reward_facts::table).values(rows))?;
    }
    Ok(())
}

/// What is published of `week`.
pub(in crate::rewards) fn facts(conn: &mut Conn, week: u32) -> Result<Rows, RewardsError> {
    // No limit: the file has a row for each vehicle.
    let rows = reward_facts::table
        .filter(reward_facts::week.eq(stored(week)))
        .select(FactsRow::as_select())
        .load(conn)?;
    rows.into_iter().map(FactsRow::read).collect()
}

/// What is published of the vehicles of `owner`, newest week first, as many as [`super::shares_of`] lists.
pub(in crate::rewards) fn facts_of(conn: &mut Conn, owner: OwnerId) -> Result<Rows, RewardsError> {
    let rows = reward_shares::table
        .inner_join(reward_facts::table.on(is_its_row()))
        .filter(reward_shares::owner_id.eq(owner.to_vec()))
        .order((reward_shares::week.desc(), reward_shares::vehicle_id))
        .limit(SHARES_MAX)
        .select(FactsRow::as_select())
        .load(conn)?;
    rows.into_iter().map(FactsRow::read).collect()
}

/// For how many weeks in a row each vehicle of `week` was connected.
pub(in crate::rewards) fn streaks(
    conn: &mut Conn,
    week: u32,
) -> Result<BTreeMap<VehicleId, u32>, RewardsError> {
    let rows = reward_shares::table
        .inner_join(reward_facts::table.on(is_its_row()))
        .filter(reward_shares::week.eq(stored(week)))
        .select((reward_shares::vehicle_id, reward_facts::streak_weeks))
        .load::<(Vec<u8>, i32)>(conn)?;
    let read = |(vehicle, weeks): (Vec<u8>, i32)| {
        Ok((read_id("reward_shares", &vehicle)?, read_u32("reward_facts", weeks)?))
    };
    rows.into_iter().map(read).collect()
}

/// Whether facts are those of a share.
#[diesel::dsl::auto_type(no_type_alias)]
fn is_its_row() -> _ {
    let is_of_vehicle = reward_facts::pseudonym.nullable().eq(reward_shares::pseudonym);
    reward_facts::week.eq(reward_shares::week).and(is_of_vehicle)
}

impl FactsRow {
    fn read(self) -> Result<(Pseudonym, (Facts, Share)), RewardsError> {
        let table = "reward_facts";
        let region = self.region_group.as_deref().map(|region| read_bytes(table, region));
        let facts = Facts {
            connected_days: read_u32(table, self.connected_days)?,
            streak_weeks: read_u32(table, self.streak_weeks)?,
            signals: read_u32(table, self.signals)?,
            plausibility: read_u32(table, self.plausibility)?,
            model: Group(read_bytes(table, &self.model_group)?),
            region: region.transpose()?.map(Group),
        };
        let points = Points {
            days: read_u32(table, self.day_points)?,
            streak: read_u32(table, self.streak_points)?,
            signals: read_u32(table, self.signal_points)?,
            model: read_u32(table, self.model_points)?,
            region: read_u32(table, self.region_points)?,
            total: read_u32(table, self.points)?,
        };
        let share = Share { points, amount: Amount::from_micros(self.amount) };
        Ok((Pseudonym(read_bytes(table, &self.pseudonym)?), (facts, share)))
    }
}

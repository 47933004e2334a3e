//! The only statements that name the tables of data campaigns.

use std::collections::{BTreeMap, BTreeSet};

use diesel::dsl::count;
use diesel::prelude::*;
use telematics::ids::{Id, Kind};
use telematics::{OwnerId, Timestamp, VehicleId};

use super::DataCampaignsError;
use super::verbs::{DATA_CAMPAIGNS_MAX, DataCampaign, DataCampaignId, Wish};
use crate::campaigns::Terms;
use crate::consent::Purpose;
use crate::db::Conn;
use crate::identity::VehicleRecord;
use crate::ledger::Amount;
use crate::schema::{data_campaign_days, data_campaign_pays, data_campaigns};

#[derive(Queryable, Selectable)]
#[diesel(table_name = data_campaigns)]
struct CampaignRow {
    id: Vec<u8>,
    buyer_id: Vec<u8>,
    dataset_id: Vec<u8>,
    title: String,
    purpose: String,
    days_min: i32,
    pay_per_vehicle: i64,
    fee_per_vehicle: i64,
    vehicles_max: i32,
    created_at: i64,
    closes_at: i64,
    returned: Option<i64>,
}

pub(super) fn insert(conn: &mut Conn, campaign: &DataCampaign) -> Result<(), DataCampaignsError> {
    let wish = &campaign.wish;
    let row = (
        data_campaigns::id.eq(wish.id.to_vec()),
        data_campaigns::buyer_id.eq(campaign.buyer.to_vec()),
        data_campaigns::dataset_id.eq(wish.dataset.to_vec()),
        data_campaigns::title.eq(&wish.title),
        data_campaigns::purpose.eq(wish.purpose.as_str()),
        data_campaigns::days_min.eq(stored(wish.days_min)),
        data_campaigns::pay_per_vehicle.eq(wish.terms.pay_per_vehicle.micros()),
        data_campaigns::fee_per_vehicle.eq(wish.terms.fee_per_vehicle.micros()),
        data_campaigns::vehicles_max.eq(stored(wish.terms.vehicles_max)),
        data_campaigns::created_at.eq(campaign.created_at.as_micros()),
        data_campaigns::closes_at.eq(wish.closes_at.as_micros()),
    );
    diesel::insert_into(data_campaigns::table).values(row).execute(conn)?;
    Ok(())
}

/// Notes that it closed, and what went back to the buyer.
pub(super) fn end(
    conn: &mut Conn,
    id: DataCampaignId,
    closes_at: Timestamp,
    returned: Amount,
) -> Result<(), DataCampaignsError> {
    diesel::update(data_campaigns::table.find(id.to_vec()))
        .set((
            data_campaigns::closes_at.eq(closes_at.as_micros()),
            data_campaigns::returned.eq(returned.micros()),
        ))
        .execute(conn)?;
    Ok(())
}

pub(super) fn campaign(
    conn: &mut Conn,
    id: DataCampaignId,
) -> Result<Option<DataCampaign>, DataCampaignsError> {
    let row = data_campaigns::table
        .find(id.to_vec())
        .select(CampaignRow::as_select())
        .first(conn)
        .optional()?;
    row.map(DataCampaign::try_from).transpose()
}

/// Campaigns after `after`, all or those that are open at a time, oldest first.
pub(super) fn campaigns(
    conn: &mut Conn,
    after: Option<DataCampaignId>,
    open_at: Option<Timestamp>,
) -> Result<Vec<DataCampaign>, DataCampaignsError> {
    let after = after.map(|id| id.to_vec()).unwrap_or_default();
    let closing_after = open_at.map_or(i64::MIN, Timestamp::as_micros);
    let rows = data_campaigns::table
        .filter(data_campaigns::id.gt(after))
        .filter(data_campaigns::closes_at.gt(closing_after))
        .order(data_campaigns::id)
        .limit(DATA_CAMPAIGNS_MAX.into())
        .select(CampaignRow::as_select())
        .load(conn)?;
    rows.into_iter().map(DataCampaign::try_from).collect()
}

/// Campaigns that have not given back what is left.
pub(super) fn unreturned(conn: &mut Conn) -> Result<Vec<DataCampaignId>, DataCampaignsError> {
    let ids: Vec<Vec<u8>> = data_campaigns::table
        .filter(data_campaigns::returned.is_null())
        .order(data_campaigns::id)
        .select(data_campaigns::id)
        .load(conn)?;
    ids.iter().map(|id| read_id("data_campaigns", id)).collect()
}

/// Notes a day of a vehicle.
pub(super) fn insert_day(
    conn: &mut Conn,
    campaign: DataCampaignId,
    vehicle: VehicleId,
    day: i64,
) -> Result<(), DataCampaignsError> {
    let row = (
        data_campaign_days::campaign_id.eq(campaign.to_vec()),
        data_campaign_days::vehicle_id.eq(vehicle.to_vec()),
        data_campaign_days::day.eq(i32::try_from(day).unwrap_or(i32::MAX)),
    );
    diesel::insert_into(data_campaign_days::table).values(row).execute(conn)?;
    Ok(())
}

/// The days that were noted, by vehicle.
pub(super) fn days(
    conn: &mut Conn,
    campaign: DataCampaignId,
) -> Result<BTreeMap<VehicleId, BTreeSet<i64>>, DataCampaignsError> {
    let rows: Vec<(Vec<u8>, i32)> = data_campaign_days::table
        .filter(data_campaign_days::campaign_id.eq(campaign.to_vec()))
        .select((data_campaign_days::vehicle_id, data_campaign_days::day))
        .load(conn)?;
    let mut days = BTreeMap::<_, BTreeSet<_>>::new();
    for (vehicle, day) in rows {
        days.entry(read_id("data_campaign_days", &vehicle)?).or_default().insert(day.into());
    }
    Ok(days)
}

pub(super) fn days_of(
    conn: &mut Conn,
    campaign: DataCampaignId,
    vehicle: VehicleId,
) -> Result<u32, DataCampaignsError> {
    let count: i64 = data_campaign_days::table
        .filter(data_campaign_days::campaign_id.eq(campaign.to_vec()))
        .filter(data_campaign_days::vehicle_id.eq(vehicle.to_vec()))
        .count()
        .get_result(conn)?;
    u32::try_from(count).or(Err(damaged("data_campaign_days")))
}

/// Vehicles of which a day was noted.
pub(super) fn collecting(
    conn: &mut Conn,
    campaign: DataCampaignId,
) -> Result<u64, DataCampaignsError> {
    let count: i64 = data_campaign_days::table
        .filter(data_campaign_days::campaign_id.eq(campaign.to_vec()))
        .select(count(data_campaign_days::vehicle_id).aggregate_distinct())
        .first(conn)?;
    u64::try_from(count).or(Err(damaged("data_campaign_days")))
}

pub(super) fn insert_pay(
    conn: &mut Conn,
    campaign: DataCampaignId,
    vehicle: &VehicleRecord,
    amount: Amount,
    now: Timestamp,
) -> Result<(), DataCampaignsError> {
    let row = (
        data_campaign_pays::campaign_id.eq(campaign.to_vec()),
        data_campaign_pays::vehicle_id.eq(vehicle.id.to_vec()),
        data_campaign_pays::owner_id.eq(vehicle.owner.to_vec()),
        data_campaign_pays::amount.eq(amount.micros()),
        data_campaign_pays::paid_at.eq(now.as_micros()),
    );
    diesel::insert_into(data_campaign_pays::table).values(row).execute(conn)?;
    Ok(())
}

pub(super) fn paid(conn: &mut Conn, campaign: DataCampaignId) -> Result<u64, DataCampaignsError> {
    let of_campaign =
        data_campaign_pays::table.filter(data_campaign_pays::campaign_id.eq(campaign.to_vec()));
    let count: i64 = of_campaign.count().get_result(conn)?;
    u64::try_from(count).or(Err(damaged("data_campaign_pays")))
}

pub(super) fn paid_to(
    conn: &mut Conn,
    campaign: DataCampaignId,
    vehicle: VehicleId,
) -> Result<Option<Amount>, DataCampaignsError> {
    let amount: Option<i64> = data_campaign_pays::table
        .find((campaign.to_vec(), vehicle.to_vec()))
        .select(data_campaign_pays::amount)
        .first(conn)
        .optional()?;
    Ok(amount.map(Amount::from_micros))
}

/// What campaigns paid for `vehicle`.
pub(super) fn earned_by(conn: &mut Conn, vehicle: VehicleId) -> Result<Amount, DataCampaignsError> {
    let amounts: Vec<i64> = data_campaign_pays::table
        .filter(data_campaign_pays::vehicle_id.eq(vehicle.to_vec()))
        .select(data_campaign_pays::amount)
        .load(conn)?;
    let amounts = amounts.into_iter().map(Amount::from_micros);
    Amount::sum(amounts).ok_or(damaged("data_campaign_pays"))
}

/// Everything that a campaign paid: to which vehicle, of whom, how much.
pub(super) fn pays(
    conn: &mut Conn,
    campaign: DataCampaignId,
) -> Result<Vec<(VehicleId, OwnerId, Amount)>, DataCampaignsError> {
    let rows: Vec<(Vec<u8>, Vec<u8>, i64)> = data_campaign_pays::table
        .filter(data_campaign_pays::campaign_id.eq(campaign.to_vec()))
        .order(data_campaign_pays::vehicle_id)
        .select((
            data_campaign_pays::vehicle_id,
            data_campaign_pays::owner_id,
            data_campaign_pays::amount,
        ))
        .load(conn)?;
    let read = |(vehicle, owner, amount): (Vec<u8>, Vec<u8>, i64)| {
        let table = "data_campaign_pays";
        let (vehicle, owner) = (read_id(table, &vehicle)?, read_id(table, &owner)?);
        Ok((vehicle, owner, Amount::from_micros(amount)))
    };
    rows.into_iter().map(read).collect()
}

/// Forgets on which days `vehicle` shared what. What it was paid stays.
pub(super) fn forget(conn: &mut Conn, vehicle: VehicleId) -> Result<(), DataCampaignsError> {
    let of_vehicle =
        data_campaign_days::table.filter(data_campaign_days::vehicle_id.eq(vehicle.to_vec()));
    diesel::delete(of_vehicle).execute(conn)?;
    Ok(())
}

impl TryFrom<CampaignRow> for DataCampaign {
    type Error = DataCampaignsError;

    fn try_from(row: CampaignRow) -> Result<Self, DataCampaignsError> {
        let broken = || damaged("data_campaigns");
        let counted = |count: i32| u32::try_from(count).or(Err(broken()));
        let wish = Wish {
            id: read_id("data_campaigns", &row.id)?,
            title: row.title,
            dataset: read_id("data_campaigns", &row.dataset_id)?,
            purpose: Purpose::parse(&row.purpose).or(Err(broken()))?,
            days_min: counted(row.days_min)?,
            terms: Terms {
                pay_per_vehicle: Amount::from_micros(row.pay_per_vehicle),
                fee_per_vehicle: Amount::from_micros(row.fee_per_vehicle),
                vehicles_max: counted(row.vehicles_max)?,
            },
            closes_at: Timestamp::from_micros(row.closes_at),
        };
        Ok(Self {
            wish,
            buyer: read_id("data_campaigns", &row.buyer_id)?,
            created_at: Timestamp::from_micros(row.created_at),
            returned: row.returned.map(Amount::from_micros),
        })
    }
}

fn read_id<K: Kind>(table: &'static str, bytes: &[u8]) -> Result<Id<K>, DataCampaignsError> {
    Id::from_bytes(bytes).or(Err(damaged(table)))
}

/// Counts of campaigns are small.
fn stored(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

const fn damaged(table: &'static str) -> DataCampaignsError {
    DataCampaignsError::Damaged { table }
}

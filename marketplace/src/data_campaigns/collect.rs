//! Counting days, paying vehicles that have enough, and ending campaigns that are over.

use std::collections::BTreeSet;

use telematics::{Signal, Timestamp, VehicleId};

use super::verbs::{DataCampaign, DataCampaignId, end};
use super::{DataCampaignsError, queries};
use crate::archive;
use crate::catalog::{self, Dataset};
use crate::consent;
use crate::db::Conn;
use crate::identity::{self, VehicleRecord, VehicleStatus};
use crate::ledger::{self, Entry, EntryKind, LedgerError};

/// Campaigns that are not ended, oldest first.
///
/// # Errors
/// Fails when the database does, or when a row is damaged.
pub fn collecting(conn: &mut Conn) -> Result<Vec<DataCampaignId>, DataCampaignsError> {
    queries::unreturned(conn)
}

/// Counts the days of one campaign, pays who has enough as far as the tokens go (whoever enrolled first comes first), ends it when it
/// is over, and says how many vehicles it paid.
///
/// Days that were noted stay; so it is enough to look before the archive forgets a week.
///
/// # Errors
/// Fails when the database does, or when a row is damaged.
pub fn collect(
    conn: &mut Conn,
    id: DataCampaignId,
    now: Timestamp,
) -> Result<u64, DataCampaignsError> {
    let found = queries::campaign(conn, id)?.filter(|campaign| campaign.returned.is_none());
    let Some(mut campaign) = found else { return Ok(0) };
    let dataset = catalog::dataset(conn, campaign.wish.dataset)?;
    let signals = dataset.signals();
    let paid = queries::pays(conn, id)?.into_iter().map(|(vehicle, ..)| vehicle);
    let paid = paid.collect::<BTreeSet<_>>();
    let mut came_in = days(conn, &campaign, &signals)?;
    came_in.retain(|(vehicle, _)| !paid.contains(vehicle));
    let mut meant = meant(conn, &campaign, &dataset, &came_in)?;
    let ids = meant.iter().map(|vehicle| vehicle.id).collect::<BTreeSet<_>>();

    let mut counted = queries::days(conn, id)?;
    for (vehicle, day) in came_in.into_iter().filter(|(vehicle, _)| ids.contains(vehicle)) {
        if counted.entry(vehicle).or_default().insert(day) {
            queries::insert_day(conn, id, vehicle, day)?;
        }
    }
    let days_min = usize::try_from(campaign.wish.days_min).unwrap_or(usize::MAX);
    meant.retain(|vehicle| counted.get(&vehicle.id).is_some_and(|days| days.len() >= days_min));
    let room = u64::from(campaign.wish.terms.vehicles_max);
    let room = room.saturating_sub(u64::try_from(paid.len()).unwrap_or(u64::MAX));
    meant.truncate(usize::try_from(room).unwrap_or(usize::MAX));
    for vehicle in &meant {
        pay(conn, &campaign, vehicle, now)?;
    }
    let left = ledger::balance(conn, campaign.account())?.available();
    if campaign.wish.closes_at <= now || Some(left) < campaign.wish.terms.price() {
        end(conn, &mut campaign, now)?;
    }
    Ok(u64::try_from(meant.len()).unwrap_or(u64::MAX))
}

/// Those vehicles of which something came in that the campaign is about, and that share everything now for its purpose.
fn meant(
    conn: &mut Conn,
    campaign: &DataCampaign,
    dataset: &Dataset,
    came_in: &[(VehicleId, i64)],
) -> Result<Vec<VehicleRecord>, DataCampaignsError> {
    let ids = came_in.iter().map(|(vehicle, _)| *vehicle).collect::<BTreeSet<_>>();
    let ids = ids.into_iter().collect::<Vec<_>>();
    let mut meant = identity::vehicles(conn, &ids)?;
    meant.retain(|vehicle| {
        vehicle.status == VehicleStatus::Active && dataset.admits(&vehicle.description)
    });
    let ids = meant.iter().map(|vehicle| vehicle.id).collect::<Vec<_>>();
    let purpose = Some(campaign.wish.purpose);
    let sharing = consent::sharing(conn, &ids, &dataset.signals(), purpose)?;
    let sharing = sharing.into_iter().collect::<BTreeSet<_>>();
    meant.retain(|vehicle| sharing.contains(&vehicle.id));
    Ok(meant)
}

/// Forgets on which days `vehicle` shared what. What it was paid stays.
///
/// # Errors
/// Fails when the database does.
pub fn forget(conn: &mut Conn, vehicle: VehicleId) -> Result<(), DataCampaignsError> {
    queries::forget(conn, vehicle)
}

/// Vehicles and days, since the campaign opened and before it closed, on which something new came in of each of `signals`.
fn days(
    conn: &mut Conn,
    campaign: &DataCampaign,
    signals: &[Signal],
) -> Result<Vec<(VehicleId, i64)>, DataCampaignsError> {
    let end_day = campaign.wish.closes_at.day().saturating_add(1);
    let known = archive::days(conn, campaign.created_at.day(), end_day)?;
    let has_all = |day: &archive::VehicleDay| signals.iter().all(|one| day.varied.contains(*one));
    Ok(known.into_iter().filter(has_all).map(|day| (day.vehicle, day.day)).collect())
}

fn pay(
    conn: &mut Conn,
    campaign: &DataCampaign,
    vehicle: &VehicleRecord,
    now: Timestamp,
) -> Result<(), DataCampaignsError> {
    let (key, kind) = (campaign.pay_key(vehicle.id), EntryKind::DataPay);
    let entry = Entry::new(kind, &key, campaign.pay(vehicle.owner));
    ledger::post(conn, &entry.map_err(LedgerError::from)?, now)?;
    queries::insert_pay(conn, campaign.wish.id, vehicle, campaign.wish.terms.pay_per_vehicle, now)
}

//! Counting days, paying vehicles that have enough, and ending campaigns that are over.

use telematics::{Signal, Timestamp, VehicleId};

use super::verbs::{DataCampaign, DataCampaignId, end};
use super::{DataCampaignsError, queries};
use crate::archive;
use crate::catalog;
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

/// Counts the days of one campaign, pays who has enough, ends it when it is over, and says how many vehicles it paid.
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
    let mut vehicles = Vec::new();
    for (vehicle, day) in days(conn, &campaign, &signals)? {
        if queries::paid_to(conn, id, vehicle)?.is_none() {
            vehicles.push((vehicle, day));
        }
    }
    let ids = vehicles.iter().map(|(vehicle, _)| *vehicle).collect::<Vec<_>>();
    let meant = identity::vehicles(conn, &ids)?.into_iter().filter(|vehicle| {
        vehicle.status == VehicleStatus::Active && dataset.admits(&vehicle.description)
    });
    let meant = meant.collect::<Vec<_>>();
    let ids = meant.iter().map(|vehicle| vehicle.id).collect::<Vec<_>>();
    let sharing = consent::sharing(conn, &ids, &signals, Some(campaign.wish.purpose))?;
    for (vehicle, day) in vehicles.iter().filter(|(vehicle, _)| sharing.contains(vehicle)) {
        queries::note_day(conn, id, *vehicle, *day)?;
    }
    let paid = pay(conn, &campaign, meant.iter().filter(|it| sharing.contains(&it.id)), now)?;
    let left = ledger::balance(conn, campaign.account())?.available();
    if campaign.wish.closes_at <= now || Some(left) < campaign.wish.terms.price() {
        end(conn, &mut campaign, now)?;
    }
    Ok(paid)
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

/// Pays those of `vehicles` that have days enough, as far as the tokens go: whoever enrolled first comes first.
fn pay<'a>(
    conn: &mut Conn,
    campaign: &DataCampaign,
    vehicles: impl Iterator<Item = &'a VehicleRecord>,
    now: Timestamp,
) -> Result<u64, DataCampaignsError> {
    let (id, terms) = (campaign.wish.id, campaign.wish.terms);
    let mut paid = queries::paid(conn, id)?;
    let before = paid;
    for vehicle in vehicles {
        if paid >= u64::from(terms.vehicles_max) {
            break;
        }
        if queries::days_of(conn, id, vehicle.id)? < campaign.wish.days_min {
            continue;
        }
        let (key, kind) = (campaign.pay_key(vehicle.id), EntryKind::DataPay);
        let entry = Entry::new(kind, &key, campaign.pay(vehicle.owner));
        ledger::post(conn, &entry.map_err(LedgerError::from)?, now)?;
        queries::insert_pay(conn, id, vehicle, terms.pay_per_vehicle, now)?;
        paid += 1;
    }
    Ok(paid - before)
}

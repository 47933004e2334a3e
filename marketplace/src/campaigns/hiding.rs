//! Among how many vehicles the one that answers is hidden.
//!
//! A claim says that some vehicle of the scope made it. The market knows which vehicles are in the scope, for it made their
//! leaves; so they are counted, told to cars before they answer, and a campaign with too few is not opened or not answered.
//! Nor is one that a buyer could subtract from another of his, to learn what the few vehicles answer that only one of them asks.

use telematics::question::ClassPattern;
use telematics::{BuyerId, Campaign, CampaignId, Offer, Scope, Timestamp, VehicleId};

use super::{CampaignsError, queries};
use crate::db::Conn;
use crate::epochs;
use crate::identity::{self, VehicleStatus};

/// Vehicles that are looked at together.
const PAGE: u32 = 500;

/// Vehicles of `class` that take part, at most [`Offer::VEHICLES_COUNTED_MAX`].
pub(super) fn vehicles_of_class(
    conn: &mut Conn,
    class: &ClassPattern,
) -> Result<u32, CampaignsError> {
    count(conn, class, |_, vehicles| Ok(u32::try_from(vehicles.len()).unwrap_or(u32::MAX)))
}

/// Vehicles of the class of `scope` that committed to anything on its days, at most [`Offer::VEHICLES_COUNTED_MAX`].
pub(super) fn vehicles_in_scope(conn: &mut Conn, scope: &Scope) -> Result<u32, CampaignsError> {
    let days = scope.first_day()..=scope.last_day();
    count(conn, scope.class(), |conn, vehicles| Ok(epochs::committed(conn, vehicles, &days)?))
}

/// Adds up what `of` says of the vehicles of `class`, some at a time.
fn count(
    conn: &mut Conn,
    class: &ClassPattern,
    of: impl Fn(&mut Conn, &[VehicleId]) -> Result<u32, CampaignsError>,
) -> Result<u32, CampaignsError> {
    let (mut counted, mut after) = (0_u32, None);
    while counted < Offer::VEHICLES_COUNTED_MAX {
        let page = identity::vehicles_after(conn, after, PAGE)?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        let of_class = page.iter().filter(|vehicle| {
            vehicle.status == VehicleStatus::Active && class.admits(&vehicle.description)
        });
        let of_class = of_class.map(|vehicle| vehicle.id).collect::<Vec<_>>();
        if !of_class.is_empty() {
            counted = counted.saturating_add(of(conn, &of_class)?);
        }
    }
    Ok(counted.min(Offer::VEHICLES_COUNTED_MAX))
}

/// Refuses `campaign` when `buyer` asked about the same signal and days already, and the two classes differ by at least one vehicle
/// and fewer than `vehicles_min`: whose claims are in the one count and not in the other would be known.
///
/// Campaigns of other buyers are not looked at, so two buyers who conspire can still subtract.
pub(super) fn refuse_to_tell_apart(
    conn: &mut Conn,
    buyer: BuyerId,
    campaign: &Campaign,
    vehicles_min: u32,
) -> Result<(), CampaignsError> {
    let class = campaign.scope.class();
    let mut others = queries::campaigns_of(conn, buyer)?
        .into_iter()
        .map(|record| record.campaign)
        .filter(|other| could_be_subtracted(campaign, other))
        .map(|other| Difference { other, of_this: 0, of_other: 0 })
        .collect::<Vec<_>>();
    let mut after = None;
    while others.iter().any(|difference| !difference.is_large(vehicles_min)) {
        let page = identity::vehicles_after(conn, after, PAGE)?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        let active = page.iter().filter(|vehicle| vehicle.status == VehicleStatus::Active);
        for car in active.map(|vehicle| &vehicle.description) {
            let in_this = class.admits(car);
            for difference in &mut others {
                let in_other = difference.other.scope.class().admits(car);
                difference.of_this += u32::from(in_this && !in_other);
                difference.of_other += u32::from(in_other && !in_this);
            }
        }
    }
    others.iter().try_for_each(|difference| difference.check(vehicles_min))
}

/// Whether the claims of two campaigns are about the same.
fn could_be_subtracted(one: &Campaign, other: &Campaign) -> bool {
    one.question.signal() == other.question.signal()
        && one.scope.class() != other.scope.class()
        && one.scope.first_day() <= other.scope.last_day()
        && other.scope.first_day() <= one.scope.last_day()
}

/// How many vehicles are asked by one campaign and not by another.
struct Difference {
    other: Campaign,
    of_this: u32,
    of_other: u32,
}

impl Difference {
    const fn is_large(&self, vehicles_min: u32) -> bool {
        self.of_this >= vehicles_min && self.of_other >= vehicles_min
    }

    fn check(&self, vehicles_min: u32) -> Result<(), CampaignsError> {
        let is_small = |vehicles: &u32| (1..vehicles_min).contains(vehicles);
        match [self.of_this, self.of_other].into_iter().find(is_small) {
            Some(vehicles) => {
                let other = self.other.id;
                Err(CampaignsError::TellsApart { other, vehicles, vehicles_min })
            }
            None => Ok(()),
        }
    }
}

/// Campaigns that take claims at `now` whose count is another than is kept, with that count. Reads a lot, so it is no part of a
/// transaction that others wait for: [`keep_counts`] is.
///
/// # Errors
/// Fails when the database does, or when a row is damaged.
pub fn recount(conn: &mut Conn, now: Timestamp) -> Result<Vec<(CampaignId, u32)>, CampaignsError> {
    let mut changed = Vec::new();
    let mut after = None;
    loop {
        let page = queries::campaigns(conn, after, now, PAGE)?;
        let Some(last) = page.last() else { return Ok(changed) };
        after = Some(last.campaign.id);
        for record in page {
            let counted = vehicles_in_scope(conn, &record.campaign.scope)?;
            if counted != record.vehicles_in_scope {
                changed.push((record.campaign.id, counted));
            }
        }
    }
}

/// Keeps what [`recount`] found.
///
/// # Errors
/// Fails when the database does.
pub fn keep_counts(conn: &mut Conn, counts: &[(CampaignId, u32)]) -> Result<(), CampaignsError> {
    counts.iter().try_for_each(|(campaign, count)| queries::keep_count(conn, *campaign, *count))
}

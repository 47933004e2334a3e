//! Describing datasets: what could be bought now, measured.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};
use telematics::{Signal, Timestamp, VehicleId};

use super::dataset::{Dataset, DatasetId, Private, SignalRows};
use super::quality::quality;
use super::templates::{Template, templates};
use super::{CatalogError, queries};
use crate::archive::{self, VehicleQuality};
use crate::consent;
use crate::db::Conn;
use crate::identity::{self, VehicleRecord};
use crate::lake::{Measured, earliest};

/// What datasets are described from.
#[derive(Clone, Copy, Debug)]
pub struct Measurement<'a> {
    /// What is in the lake.
    pub lines: &'a [Measured],
    /// The version that was measured.
    pub lake_version: u64,
    /// Vehicles without which a private listing says nothing.
    pub vehicles_min: u32,
    /// When it is.
    pub now: Timestamp,
}

/// What is offered, before it is measured.
#[derive(Debug)]
pub(super) struct Offered {
    pub(super) template: Template,
    pub(super) private: Option<Private>,
}

/// Describes every dataset again. Only vehicles whose owners share every group of a dataset now are counted in
/// it. Reads a lot, so it is no part of a transaction that others wait for: [`keep`] is.
///
/// # Errors
/// When consent or vehicles can not be read.
pub fn describe(
    conn: &mut Conn,
    measurement: &Measurement<'_>,
) -> Result<Vec<Dataset>, CatalogError> {
    let public = templates()?.into_iter().map(|template| Offered { template, private: None });
    let mut all = public.collect::<Vec<_>>();
    all.extend(queries::private(conn, None)?.into_iter().map(Offered::again));
    describe_each(conn, all, measurement)
}

impl Offered {
    /// What was offered when this was described.
    fn again(dataset: Dataset) -> Self {
        let template = Template {
            signals: dataset.signals(),
            slug: dataset.slug,
            title: dataset.title,
            description: dataset.description,
            price_per_row: dataset.price_per_row,
        };
        Self { template, private: dataset.private }
    }

    fn admits(&self, vehicle: &VehicleRecord) -> bool {
        let class = self.private.as_ref().map(|private| &private.class);
        class.is_none_or(|class| class.admits(&vehicle.description))
    }
}

/// Describes what is offered.
pub(super) fn describe_each(
    conn: &mut Conn,
    all: Vec<Offered>,
    measurement: &Measurement<'_>,
) -> Result<Vec<Dataset>, CatalogError> {
    let measured = measurement.lines;
    let in_lake: BTreeSet<VehicleId> = measured.iter().map(|line| line.vehicle).collect();
    let in_lake: Vec<VehicleId> = in_lake.into_iter().collect();
    let vehicles = identity::vehicles(conn, &in_lake)?;
    let known: Vec<VehicleId> = vehicles.iter().map(|vehicle| vehicle.id).collect();

    let qualities = archive::qualities(conn)?;
    let context = Context { vehicles: &vehicles, qualities: &qualities, measurement };
    let policies = consent::all_in_force(conn, &known)?;
    let describe = |offered: Offered| {
        let signals = &offered.template.signals;
        let is_sharing = |vehicle: &&VehicleRecord| {
            let policy = policies.get(&vehicle.id);
            policy.is_some_and(|policy| consent::shares(policy, signals)) && offered.admits(vehicle)
        };
        let sharing = vehicles.iter().filter(is_sharing).map(|vehicle| vehicle.id).collect();
        summary(offered, sharing, &context)
    };
    Ok(all.into_iter().map(describe).collect())
}

/// Keeps what [`describe`] found, and returns it with the ids that datasets have.
///
/// # Errors
/// When datasets can not be read or stored.
pub fn keep(conn: &mut Conn, datasets: &[Dataset]) -> Result<Vec<Dataset>, CatalogError> {
    datasets.iter().map(|dataset| queries::upsert(conn, dataset.clone())).collect()
}

/// What is the same for all datasets.
struct Context<'a> {
    vehicles: &'a [VehicleRecord],
    qualities: &'a BTreeMap<VehicleId, VehicleQuality>,
    measurement: &'a Measurement<'a>,
}

fn summary(offered: Offered, sharing: BTreeSet<VehicleId>, context: &Context<'_>) -> Dataset {
    let Offered { template, private } = offered;
    let Measurement { lines, lake_version, vehicles_min, now } = *context.measurement;
    // Whoever chooses the vehicles must not learn what few of them do.
    let enough = usize::try_from(vehicles_min).unwrap_or(usize::MAX);
    let is_silent = private.is_some() && sent(lines, &sharing, &template.signals).len() < enough;
    let sharing = if is_silent { BTreeSet::new() } else { sharing };
    let mut per_signal: BTreeMap<_, u64> =
        template.signals.iter().map(|signal| (*signal, 0)).collect();
    let mut contributors = BTreeSet::new();
    let (mut first_at, mut last_at) = (None::<Timestamp>, None::<Timestamp>);
    for line in lines.iter().filter(|line| sharing.contains(&line.vehicle)) {
        let Some(rows) = per_signal.get_mut(&line.signal) else { continue };
        *rows = rows.saturating_add(line.rows);
        contributors.insert(line.vehicle);
        first_at = earliest(first_at, line.first_at);
        last_at = last_at.max(line.last_at);
    }
    let described = || context.vehicles.iter().filter(|vehicle| contributors.contains(&vehicle.id));
    let rows = per_signal.values().copied().fold(0, u64::saturating_add);
    let signals = per_signal.keys().copied().collect();
    Dataset {
        id: dataset_id(&template.slug, now),
        quality: quality(&contributors, &signals, rows, context.qualities),
        title: template.title,
        description: template.description,
        price_per_row: template.price_per_row,
        rows,
        vehicles: contributors.len().try_into().unwrap_or(u64::MAX),
        makes: described().map(|vehicle| vehicle.description.make().to_owned()).collect(),
        models: described().map(|vehicle| vehicle.description.model().to_owned()).collect(),
        years: described().map(|vehicle| vehicle.description.year()).collect(),
        powertrains: described().map(|vehicle| vehicle.description.powertrain()).collect(),
        signals: per_signal.into_iter().map(|(signal, rows)| SignalRows { signal, rows }).collect(),
        slug: template.slug,
        first_at,
        last_at,
        lake_version,
        described_at: now,
        private,
    }
}

/// Those of `vehicles` that sent any of `signals`.
fn sent(
    lines: &[Measured],
    vehicles: &BTreeSet<VehicleId>,
    signals: &[Signal],
) -> BTreeSet<VehicleId> {
    let theirs = lines.iter().filter(|line| vehicles.contains(&line.vehicle));
    theirs.filter(|line| signals.contains(&line.signal)).map(|line| line.vehicle).collect()
}

/// Of a dataset that is new; one that exists keeps its id.
fn dataset_id(slug: &str, now: Timestamp) -> DatasetId {
    let digest: [u8; 32] = Sha256::digest(slug.as_bytes()).into();
    DatasetId::new(now, digest.first_chunk().copied().unwrap_or_default())
}

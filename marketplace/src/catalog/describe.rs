//! Describing datasets: what could be bought now, measured.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};
use telematics::{Timestamp, VehicleId};

use super::dataset::{Dataset, DatasetId, SignalRows};
use super::quality::quality;
use super::templates::{Template, templates};
use super::{CatalogError, queries};
use crate::archive::{self, VehicleQuality};
use crate::consent;
use crate::db::Conn;
use crate::identity::{self, VehicleRecord};
use crate::lake::{Measured, earliest};

/// Describes every dataset again from what was measured at `lake_version`. Only vehicles whose owners share
/// every group of a dataset now are counted in it. Reads a lot, so it is no part of a transaction that
/// others wait for: [`keep`] is.
///
/// # Errors
/// When consent or vehicles can not be read.
pub fn describe(
    conn: &mut Conn,
    measured: &[Measured],
    lake_version: u64,
    now: Timestamp,
) -> Result<Vec<Dataset>, CatalogError> {
    let in_lake: BTreeSet<VehicleId> = measured.iter().map(|line| line.vehicle).collect();
    let in_lake: Vec<VehicleId> = in_lake.into_iter().collect();
    let vehicles = identity::vehicles(conn, &in_lake)?;
    let known: Vec<VehicleId> = vehicles.iter().map(|vehicle| vehicle.id).collect();

    let qualities = archive::qualities(conn)?;
    let context = Context { vehicles: &vehicles, qualities: &qualities, lake_version, now };
    let mut datasets = Vec::new();
    let policies = consent::all_in_force(conn, &known)?;
    for template in templates()? {
        let sharing =
            policies.iter().filter(|(_, policy)| consent::shares(policy, &template.signals));
        let sharing: BTreeSet<VehicleId> = sharing.map(|(vehicle, _)| *vehicle).collect();
        let offered = measured.iter().filter(|line| sharing.contains(&line.vehicle));
        datasets.push(summary(template, offered, &context));
    }
    Ok(datasets)
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
    lake_version: u64,
    now: Timestamp,
}

fn summary<'a>(
    template: Template,
    offered: impl Iterator<Item = &'a Measured>,
    context: &Context<'_>,
) -> Dataset {
    let mut per_signal: BTreeMap<_, u64> =
        template.signals.iter().map(|signal| (*signal, 0)).collect();
    let mut contributors = BTreeSet::new();
    let (mut first_at, mut last_at) = (None::<Timestamp>, None::<Timestamp>);
    for line in offered {
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
        id: dataset_id(&template.slug, context.now),
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
        lake_version: context.lake_version,
        described_at: context.now,
    }
}

/// Of a dataset that is new; one that exists keeps its id.
fn dataset_id(slug: &str, now: Timestamp) -> DatasetId {
    let digest: [u8; 32] = Sha256::digest(slug.as_bytes()).into();
    DatasetId::new(now, digest.first_chunk().copied().unwrap_or_default())
}

//! Delivering an order: select, write, settle.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use deltalake::arrow::array::{ArrayRef, Int32Array, RecordBatch, StringArray};
use deltalake::arrow::datatypes::DataType;
use deltalake::arrow::error::ArrowError;
use deltalake::datafusion::common::JoinType;
use deltalake::datafusion::execution::SendableRecordBatchStream;
use deltalake::datafusion::prelude::{cast, col};
use telematics::{Signal, Timestamp, VehicleId};

use super::file::{self, Written};
use super::{DeliveryError, Pseudonyms, Version, queries};
use crate::clock::Clock;
use crate::config::Rules;
use crate::consent;
use crate::db::{Conn, Db};
use crate::failpoint::Failpoint;
use crate::identity::{self, VehicleRecord};
use crate::lake::{Lake, LakeError, RowFilter, Rows};
use crate::trade::{self, Order, OrderId, OrderStatus, Quote, TradeError};

/// What an order is delivered with.
#[derive(Clone)]
pub struct Depot {
    /// Where orders are.
    pub db: Db,
    /// Where rows are.
    pub lake: Lake,
    /// When it is.
    pub clock: Clock,
    /// Where files go.
    pub folder: PathBuf,
    /// How vehicles are named.
    pub pseudonyms: Pseudonyms,
    /// By what rules the owners are paid.
    pub rules: Rules,
}

/// What became of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivered {
    /// Its rows can be read.
    Version(Version),
    /// So few vehicles were left that somebody would have stood alone: the buyer has his tokens.
    Refunded(Order),
}

/// One car of a delivery.
struct Car {
    record: VehicleRecord,
    name: String,
}

/// Delivers a paid order. Whatever a crashed attempt left is written again.
///
/// # Errors
/// When rows can not be read or written, or consent changes meanwhile; the order stays paid, and may
/// be tried again until its deadline.
pub async fn deliver(depot: &Depot, order: OrderId) -> Result<Delivered, DeliveryError> {
    let pseudonyms = depot.pseudonyms.clone();
    let load = move |conn: &mut Conn| load(conn, order, &pseudonyms);
    let (order, quote, cars) = depot.db.read(load).await?;
    let vehicles_min = usize::try_from(depot.rules.vehicles_min.max(1)).unwrap_or(usize::MAX);
    if cars.len() < vehicles_min {
        let now = depot.clock.now();
        let refund = move |conn: &mut Conn| Ok(trade::refund(conn, order.id, now)?);
        let refunded = depot.db.write::<_, DeliveryError, _>(refund).await?;
        return Ok(Delivered::Refunded(refunded));
    }

    let name = format!("{}-1.parquet", order.id);
    let path = depot.folder.join(&name);
    let refuse = |source| DeliveryError::File { file: path.display().to_string(), source };
    tokio::fs::create_dir_all(&depot.folder).await.map_err(refuse)?;
    let written = file::write(&path, select(&depot.lake, &quote, &cars).await?).await?;
    Failpoint::DeliveryWritten.reach();

    let now = depot.clock.now();
    let rows = by_vehicle(&cars, &written);
    let version = version(&order, name, &written, now);
    let rules = depot.rules.clone();
    let kept = version.clone();
    let keep = move |conn: &mut Conn| keep(conn, &quote, &rows, &kept, &rules);
    if let Err(error) = depot.db.write(keep).await {
        discard(&path, &error).await;
        return Err(error);
    }
    Failpoint::DeliveryCommitted.reach();
    Ok(Delivered::Version(version))
}

/// Removes a file that was written and may not be kept, because an owner withdrew or the buyer gets
/// his tokens back. After any other error the file may be whole and paid for.
async fn discard(file: &Path, error: &DeliveryError) {
    if let DeliveryError::ConsentChanged { .. } | DeliveryError::Trade(TradeError::TooLate { .. }) =
        error
        && let Err(error) = tokio::fs::remove_file(file).await
    {
        tracing::error!(%error, file = %file.display(), "cannot remove an undelivered file");
    }
}

/// What was bought, and the cars whose owners still share all of it.
fn load(
    conn: &mut Conn,
    order: OrderId,
    pseudonyms: &Pseudonyms,
) -> Result<(Order, Quote, Vec<Car>), DeliveryError> {
    let (order, quote) = trade::quote_of_order(conn, order)?;
    if order.status != OrderStatus::Paid {
        // A file that was delivered is never written again.
        return Err(TradeError::NotOpen { order: order.id, status: order.status.as_str() }.into());
    }
    let bought: Vec<VehicleId> = quote.vehicles.keys().copied().collect();
    let sharing = consent::sharing(conn, &bought, &quote.signals, quote.purpose)?;
    let name = |vehicle| pseudonyms.name(quote.buyer, quote.dataset, vehicle);
    let cars = identity::vehicles(conn, &sharing)?;
    let cars = cars.into_iter().map(|record| Car { name: name(record.id), record }).collect();
    Ok((order, quote, cars))
}

/// Settles the order and keeps the version, unless consent changed since the rows were selected.
fn keep(
    conn: &mut Conn,
    quote: &Quote,
    rows: &BTreeMap<VehicleId, u64>,
    version: &Version,
    rules: &Rules,
) -> Result<(), DeliveryError> {
    let delivered: Vec<VehicleId> = rows.keys().copied().collect();
    if consent::sharing(conn, &delivered, &quote.signals, quote.purpose)?.len() != delivered.len() {
        return Err(DeliveryError::ConsentChanged { order: version.order });
    }
    trade::settle(conn, version.order, rows, rules, version.delivered_at)?;
    Failpoint::DeliverySettled.reach();
    queries::insert_version(conn, version)
}

/// The rows as a buyer sees them, sorted by vehicle, signal and time. Sorting by pseudonym hides the
/// order in which cars were enrolled.
async fn select(
    lake: &Lake,
    quote: &Quote,
    cars: &[Car],
) -> Result<SendableRecordBatchStream, DeliveryError> {
    let filter = RowFilter {
        signals: quote.signals.clone(),
        vehicles: Some(cars.iter().map(|car| car.record.id).collect()),
        after_arrival: quote.after_arrival,
    };
    let Rows { session, frame } = lake.rows(quote.lake_version, &filter).await?;
    let text = |name: &str| cast(col(name), DataType::Utf8).alias(name);
    let rows = frame.select(vec![
        cast(col("vehicle"), DataType::Utf8).alias("id"),
        cast(col("signal"), DataType::Utf8).alias("path"),
        col("time"),
        col("value"),
    ])?;
    let cars = session.read_batch(car_columns(cars).map_err(LakeError::from)?)?;
    let signals = session.read_batch(signal_columns(&quote.signals).map_err(LakeError::from)?)?;
    let named = rows
        .join(cars, JoinType::Inner, &["id"], &["car"], None)?
        .join(signals, JoinType::Inner, &["path"], &["signal"], None)?
        .select(vec![
            text("vehicle"),
            text("make"),
            text("model"),
            col("model_year"),
            text("powertrain"),
            text("signal"),
            text("unit"),
            col("time"),
            col("value"),
        ])?
        .sort(["vehicle", "signal", "time"].map(|name| col(name).sort(true, false)).to_vec())?;
    Ok(named.execute_stream().await?)
}

fn car_columns(cars: &[Car]) -> Result<RecordBatch, ArrowError> {
    let text = |of: &dyn Fn(&Car) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(cars.iter().map(of)))
    };
    let years = cars.iter().map(|car| i32::from(car.record.description.year()));
    let years: ArrayRef = Arc::new(Int32Array::from_iter_values(years));
    RecordBatch::try_from_iter([
        ("car", text(&|car| car.record.id.to_string())),
        ("vehicle", text(&|car| car.name.clone())),
        ("make", text(&|car| car.record.description.make().to_owned())),
        ("model", text(&|car| car.record.description.model().to_owned())),
        ("model_year", years),
        ("powertrain", text(&|car| car.record.description.powertrain().to_string())),
    ])
}

fn signal_columns(signals: &[Signal]) -> Result<RecordBatch, ArrowError> {
    let paths = StringArray::from_iter_values(signals.iter().map(|signal| signal.path()));
    let units =
        StringArray::from_iter_values(signals.iter().map(|signal| signal.unit().to_string()));
    let columns: [(&str, ArrayRef); 2] = [("signal", Arc::new(paths)), ("unit", Arc::new(units))];
    RecordBatch::try_from_iter(columns)
}

/// Counted in the file itself: owners are paid for what the buyer can read.
fn by_vehicle(cars: &[Car], written: &Written) -> BTreeMap<VehicleId, u64> {
    let rows = |car: &Car| Some((car.record.id, *written.rows.get(&car.name)?));
    cars.iter().filter_map(rows).collect()
}

fn version(order: &Order, file: String, written: &Written, now: Timestamp) -> Version {
    Version {
        order: order.id,
        number: 1,
        file,
        sha256: written.sha256,
        bytes: written.bytes,
        rows: written.rows.values().sum(),
        delivered_at: now,
    }
}

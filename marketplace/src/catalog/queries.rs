//! The only statements that name the table of datasets.

pub(super) mod profiles;

use std::collections::BTreeSet;

use diesel::dsl::max;
use diesel::prelude::*;
use telematics::{BuyerId, Powertrain, Signal, Timestamp};

use super::dataset::Private;
use super::private::Class;
use super::{CatalogError, Dataset, DatasetId, DatasetQuality, ReasonRows, SignalRows};
use crate::archive::{ReasonKind, Score};
use crate::db::Conn;
use crate::ledger::Amount;
use crate::schema::datasets;

#[derive(Queryable, Selectable)]
#[diesel(table_name = datasets)]
struct DatasetRow {
    id: Vec<u8>,
    slug: String,
    title: String,
    description: String,
    signals: String,
    price_per_row: i64,
    row_count: i64,
    vehicle_count: i64,
    makes: String,
    models: String,
    first_at: Option<i64>,
    last_at: Option<i64>,
    lake_version: i64,
    described_at: i64,
    score: Option<i32>,
    flagged_rows: i64,
    reasons: String,
    years: String,
    powertrains: String,
    buyer_id: Option<Vec<u8>>,
    class: Option<String>,
}

/// One dataset.
///
/// # Errors
/// An unknown dataset is refused.
pub fn dataset(conn: &mut Conn, id: DatasetId) -> Result<Dataset, CatalogError> {
    let row: Option<DatasetRow> =
        datasets::table.find(id.to_vec()).select(DatasetRow::as_select()).first(conn).optional()?;
    row.ok_or(CatalogError::Unknown { dataset: id })?.try_into()
}

/// Listings for `buyer`, or for each buyer, by slug.
pub(super) fn private(
    conn: &mut Conn,
    buyer: Option<BuyerId>,
) -> Result<Vec<Dataset>, CatalogError> {
    let mut private = datasets::table
        .filter(datasets::buyer_id.is_not_null())
        .order(datasets::slug)
        .select(DatasetRow::as_select())
        .into_boxed();
    if let Some(buyer) = buyer {
        private = private.filter(datasets::buyer_id.eq(buyer.to_vec()));
    }
    private.load(conn)?.into_iter().map(Dataset::try_from).collect()
}

/// Every dataset, by slug.
///
/// # Errors
/// When the table can not be read.
pub fn datasets(conn: &mut Conn) -> Result<Vec<Dataset>, CatalogError> {
    let rows: Vec<DatasetRow> =
        datasets::table.order(datasets::slug).select(DatasetRow::as_select()).load(conn)?;
    rows.into_iter().map(Dataset::try_from).collect()
}

/// Datasets that changed after the change with this number, by the number of their last change.
pub(super) fn changed_after(conn: &mut Conn, number: i64) -> Result<Vec<Dataset>, CatalogError> {
    let rows: Vec<DatasetRow> = datasets::table
        .filter(datasets::change_number.gt(number))
        .order(datasets::change_number)
        .select(DatasetRow::as_select())
        .load(conn)?;
    rows.into_iter().map(Dataset::try_from).collect()
}

/// The number of the last change of any dataset. Two writers that take the same next number can not both
/// commit: transactions are as if they ran one after the other.
pub(super) fn last_change(conn: &mut Conn) -> Result<i64, CatalogError> {
    let last: Option<i64> = datasets::table.select(max(datasets::change_number)).first(conn)?;
    Ok(last.unwrap_or(0))
}

/// Stores a description, unless it says what was known. A dataset that exists keeps its id.
pub(super) fn upsert(conn: &mut Conn, dataset: Dataset) -> Result<Dataset, CatalogError> {
    let row: Option<DatasetRow> = datasets::table
        .filter(datasets::slug.eq(&dataset.slug))
        .select(DatasetRow::as_select())
        .first(conn)
        .optional()?;
    let known = row.map(Dataset::try_from).transpose()?;
    let dataset = match &known {
        Some(known) => Dataset { id: known.id, ..dataset },
        None => dataset,
    };
    if let Some(known) = known.as_ref().filter(|known| known.says_what(&dataset)) {
        return Ok(known.clone());
    }
    let change_number = last_change(conn)?.saturating_add(1);
    let described = (
        datasets::title.eq(&dataset.title),
        datasets::description.eq(&dataset.description),
        datasets::signals.eq(signals_text(&dataset.signals)),
        datasets::price_per_row.eq(dataset.price_per_row.micros()),
        datasets::row_count.eq(i64::try_from(dataset.rows).unwrap_or(i64::MAX)),
        datasets::vehicle_count.eq(i64::try_from(dataset.vehicles).unwrap_or(i64::MAX)),
        datasets::makes.eq(lines(&dataset.makes)),
        datasets::models.eq(lines(&dataset.models)),
        datasets::first_at.eq(dataset.first_at.map(Timestamp::as_micros)),
        datasets::last_at.eq(dataset.last_at.map(Timestamp::as_micros)),
        datasets::lake_version.eq(i64::try_from(dataset.lake_version).unwrap_or(i64::MAX)),
        datasets::described_at.eq(dataset.described_at.as_micros()),
        datasets::score.eq(dataset.quality.score.map(|score| i32::from(score.per_mille()))),
        datasets::flagged_rows.eq(i64::try_from(dataset.quality.flagged_rows).unwrap_or(i64::MAX)),
        datasets::reasons.eq(reasons_text(&dataset.quality.reasons)),
        datasets::years.eq(lines(&dataset.years)),
        datasets::powertrains.eq(lines(&dataset.powertrains)),
        datasets::change_number.eq(change_number),
        datasets::buyer_id.eq(dataset.private.as_ref().map(|private| private.buyer.to_vec())),
        datasets::class
            .eq(dataset.private.as_ref().map(|private| Class::from(&private.class).to_json())),
    );
    if known.is_some() {
        let known = datasets::table.filter(datasets::id.eq(dataset.id.to_vec()));
        diesel::update(known).set(described).execute(conn)?;
        return Ok(dataset);
    }
    diesel::insert_into(datasets::table)
        .values((
            datasets::id.eq(dataset.id.to_vec()),
            datasets::slug.eq(&dataset.slug),
            datasets::created_at.eq(dataset.described_at.as_micros()),
            described,
        ))
        .execute(conn)?;
    Ok(dataset)
}

/// `Vehicle.Speed=1200`, one a line.
fn signals_text(signals: &[SignalRows]) -> String {
    let lines = signals.iter().map(|line| format!("{}={}", line.signal, line.rows));
    lines.collect::<Vec<_>>().join("\n")
}

fn parse_signals(text: &str) -> Option<Vec<SignalRows>> {
    let line = |line: &str| {
        let (path, rows) = line.split_once('=')?;
        Some(SignalRows { signal: Signal::by_path(path).ok()?, rows: rows.parse().ok()? })
    };
    text.lines().map(line).collect()
}

/// `teleport Vehicle.CurrentLocation.Latitude=3`, one a line.
fn reasons_text(reasons: &[ReasonRows]) -> String {
    let line = |line: &ReasonRows| format!("{} {}={}", line.kind, line.signal, line.rows);
    reasons.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn parse_reasons(text: &str) -> Option<Vec<ReasonRows>> {
    let line = |line: &str| {
        let (kind, rest) = line.split_once(' ')?;
        let (path, rows) = rest.split_once('=')?;
        let (kind, signal) = (ReasonKind::parse(kind)?, Signal::by_path(path).ok()?);
        Some(ReasonRows { kind, signal, rows: rows.parse().ok()? })
    };
    text.lines().map(line).collect()
}

fn parse_quality(row: &DatasetRow) -> Option<DatasetQuality> {
    let score = |score: i32| u16::try_from(score).ok().and_then(Score::new);
    Some(DatasetQuality {
        score: match row.score {
            Some(per_mille) => Some(score(per_mille)?),
            None => None,
        },
        flagged_rows: u64::try_from(row.flagged_rows).ok()?,
        reasons: parse_reasons(&row.reasons)?,
    })
}

/// A listing for nobody of certain vehicles, or for somebody of unknown ones, is none.
fn parse_private(row: &DatasetRow) -> Result<Option<Private>, CatalogError> {
    let damaged = || CatalogError::Damaged { slug: row.slug.clone() };
    match (&row.buyer_id, &row.class) {
        (None, None) => Ok(None),
        (Some(buyer), Some(class)) => Ok(Some(Private {
            buyer: BuyerId::from_bytes(buyer).or(Err(damaged()))?,
            class: Class::of_json(class).ok_or_else(damaged)?,
        })),
        _ => Err(damaged()),
    }
}

/// Makes and models are printable, so no line break is in one.
fn lines(words: &BTreeSet<impl ToString>) -> String {
    words.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn parse_lines<T: Ord, E>(text: &str, parse: impl Fn(&str) -> Result<T, E>) -> Option<BTreeSet<T>> {
    text.lines().map(|line| parse(line).ok()).collect()
}

impl TryFrom<DatasetRow> for Dataset {
    type Error = CatalogError;

    fn try_from(row: DatasetRow) -> Result<Self, CatalogError> {
        let damaged = || CatalogError::Damaged { slug: row.slug.clone() };
        Ok(Self {
            id: DatasetId::from_bytes(&row.id).or(Err(damaged()))?,
            signals: parse_signals(&row.signals).ok_or_else(damaged)?,
            quality: parse_quality(&row).ok_or_else(damaged)?,
            private: parse_private(&row)?,
            price_per_row: Amount::from_micros(row.price_per_row),
            rows: u64::try_from(row.row_count).or(Err(damaged()))?,
            vehicles: u64::try_from(row.vehicle_count).or(Err(damaged()))?,
            makes: row.makes.lines().map(ToOwned::to_owned).collect(),
            models: row.models.lines().map(ToOwned::to_owned).collect(),
            years: parse_lines(&row.years, str::parse).ok_or_else(damaged)?,
            powertrains: parse_lines(&row.powertrains, Powertrain::parse).ok_or_else(damaged)?,
            first_at: row.first_at.map(Timestamp::from_micros),
            last_at: row.last_at.map(Timestamp::from_micros),
            lake_version: u64::try_from(row.lake_version).or(Err(damaged()))?,
            described_at: Timestamp::from_micros(row.described_at),
            slug: row.slug,
            title: row.title,
            description: row.description,
        })
    }
}

//! Rows that a question is about: those in the lake, and those that came since.
//!
//! **Invariant:** each sample that was acknowledged before the question is there, once: the table is
//! pinned first, then what the archive has behind the last batch in it is added.

use std::collections::BTreeSet;

use deltalake::datafusion::common::ScalarValue;
use deltalake::datafusion::prelude::{DataFrame, Expr, SessionContext, col, lit};
use telematics::{Signal, VehicleId, payload};

use super::{Desk, Period, QuestionError};
use crate::archive::{self, StoredBatch};
use crate::db::Db;
use crate::lake::{Arrived, Lake};

/// Batches of the vehicles asked about that may wait for the lake. Each has at most 10,000 samples.
const RECENT_BATCHES_MAX: u32 = 1_000;

/// Where rows come from.
#[derive(Clone)]
pub struct Source {
    /// What a question may cost.
    pub desk: Desk,
    /// The archive.
    pub db: Db,
    /// The table.
    pub lake: Lake,
}

/// Which rows are meant.
#[derive(Clone, Debug)]
pub(super) struct Meant<'a> {
    pub(super) vehicles: &'a [VehicleId],
    /// Of all signals when it is not said.
    pub(super) signals: Option<BTreeSet<Signal>>,
    /// Of all times when it is not said.
    pub(super) period: Option<Period>,
}

impl Source {
    /// The rows that are meant, with the columns of the lake.
    pub(super) async fn rows(
        &self,
        session: &SessionContext,
        meant: &Meant<'_>,
    ) -> Result<DataFrame, QuestionError> {
        let newest = self.lake.newest().await?;
        let recent = self.recent(newest.last_arrival, meant).await?;
        let rows = newest.rows(session, &recent).await?;
        Ok(rows.filter(meant.condition())?)
    }

    /// Batches that are not in the lake yet, with the samples that are meant.
    pub(super) async fn recent(
        &self,
        after: i64,
        meant: &Meant<'_>,
    ) -> Result<Vec<Arrived>, QuestionError> {
        let vehicles = meant.vehicles.to_vec();
        let read =
            move |conn: &mut _| archive::after_of(conn, &vehicles, after, RECENT_BATCHES_MAX + 1);
        let stored = self.db.read(read).await?;
        let batches = u64::try_from(stored.len()).unwrap_or(u64::MAX);
        if batches > u64::from(RECENT_BATCHES_MAX) {
            return Err(QuestionError::CatchingUp { batches });
        }
        let (signals, period) = (meant.signals.clone(), meant.period);
        tokio::task::spawn_blocking(move || {
            stored.iter().map(|batch| decode(batch, signals.as_ref(), period)).collect()
        })
        .await?
    }
}

fn decode(
    batch: &StoredBatch,
    signals: Option<&BTreeSet<Signal>>,
    period: Option<Period>,
) -> Result<Arrived, QuestionError> {
    let (arrival, vehicle) = (batch.arrival, batch.vehicle);
    let contents = payload::decode(&batch.payload)
        .map_err(|source| QuestionError::Damaged { arrival, source })?;
    let mut samples = contents.samples;
    samples.retain(|sample| {
        signals.is_none_or(|signals| signals.contains(&sample.signal))
            && period.is_none_or(|period| (period.from..period.to).contains(&sample.time))
    });
    Ok(Arrived { arrival, vehicle, samples })
}

impl Meant<'_> {
    /// Day and group follow from time and signal; saying them lets whole folders be left out.
    fn condition(&self) -> Expr {
        let vehicles = self.vehicles.iter().map(ToString::to_string);
        let mut wanted = one_of("vehicle", vehicles);
        if let Some(signals) = &self.signals {
            let groups: BTreeSet<&str> =
                signals.iter().map(|signal| signal.group().as_str()).collect();
            wanted = wanted.and(one_of("group", groups));
            wanted = wanted.and(one_of("signal", signals.iter().map(|signal| signal.path())));
        }
        if let Some(Period { from, to }) = self.period {
            let last = to.plus_micros(-1);
            wanted = wanted
                .and(col("day").gt_eq(day(from.day())))
                .and(col("day").lt_eq(day(last.day())))
                .and(col("time").gt_eq(time(from.as_micros())))
                .and(col("time").lt(time(to.as_micros())));
        }
        wanted
    }
}

fn one_of(column: &str, values: impl IntoIterator<Item = impl Into<String>>) -> Expr {
    let mut values: Vec<Expr> = values.into_iter().map(|value| lit(value.into())).collect();
    match values.pop() {
        Some(only) if values.is_empty() => col(column).eq(only),
        Some(last) => {
            values.push(last);
            col(column).in_list(values, false)
        }
        None => lit(false),
    }
}

fn day(days: i64) -> Expr {
    let days = i32::try_from(days).unwrap_or(i32::MAX);
    Expr::Literal(ScalarValue::Date32(Some(days)), None)
}

pub(super) fn time(micros: i64) -> Expr {
    let zone = Some("UTC".into());
    Expr::Literal(ScalarValue::TimestampMicrosecond(Some(micros), zone), None)
}

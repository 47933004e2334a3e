//! Which rows a caller may read.

use std::path::PathBuf;
use std::sync::Arc;

use deltalake::arrow::array::{ArrayRef, Date32Array, Float64Array, StringArray};
use deltalake::arrow::array::{RecordBatch, TimestampMicrosecondArray};
use deltalake::arrow::datatypes::DataType;
use deltalake::datafusion::error::DataFusionError;
use deltalake::datafusion::prelude::{
    DataFrame, Expr, ParquetReadOptions, SessionContext, cast, col, lit, when,
};
use telematics::{Signal, SignalGroup, VehicleId};

use crate::identity::VehicleRecord;
use crate::questions::rows::Meant;
use crate::questions::{QuestionError, Source};

/// Rows that a caller may read.
#[derive(Clone, Debug)]
pub enum Permitted {
    /// An owner: all of these vehicles, which are his.
    Own(Vec<VehicleRecord>),
    /// A buyer: what is in these files, which were delivered to him. A file holds what he bought and
    /// nothing else, so there is nothing to reach around.
    Bought(Vec<PathBuf>),
}

impl Permitted {
    /// The rows, with the columns of the table that SQL sees and perhaps more.
    pub(super) async fn rows(
        &self,
        source: &Source,
        session: &SessionContext,
    ) -> Result<DataFrame, QuestionError> {
        match self {
            Self::Own(own) => {
                let vehicles: Vec<VehicleId> = own.iter().map(|vehicle| vehicle.id).collect();
                let meant = Meant { vehicles: &vehicles, signals: None, period: None };
                source.rows(session, &meant).await
            }
            Self::Bought(files) if files.is_empty() => Ok(session.read_batch(nothing()?)?),
            Self::Bought(files) => {
                let files: Vec<String> =
                    files.iter().map(|file| file.to_string_lossy().into_owned()).collect();
                let rows = session.read_parquet(files, ParquetReadOptions::default()).await?;
                let day = cast(col("time"), DataType::Date32).alias("day");
                let [vehicle, signal, time, value] =
                    ["vehicle", "signal", "time", "value"].map(col);
                Ok(rows.select(vec![vehicle, signal, group()?.alias("group"), day, time, value])?)
            }
        }
    }
}

/// The group of a row's signal: a delivered file does not repeat it.
fn group() -> Result<Expr, DataFusionError> {
    let signals_of = |group: SignalGroup| {
        let known = Signal::all().filter(move |signal| signal.group() == group);
        col("signal").in_list(known.map(|signal| lit(signal.path())).collect(), false)
    };
    let [first, rest @ ..] = SignalGroup::ALL;
    let mut cases = when(signals_of(first), lit(first.as_str()));
    for group in rest {
        cases = cases.when(signals_of(group), lit(group.as_str()));
    }
    cases.end()
}

/// What a buyer has who has bought nothing.
fn nothing() -> Result<RecordBatch, QuestionError> {
    let text = || -> ArrayRef { Arc::new(StringArray::new_null(0)) };
    let columns: [(&str, ArrayRef); 6] = [
        ("vehicle", text()),
        ("signal", text()),
        ("group", text()),
        ("day", Arc::new(Date32Array::new_null(0))),
        ("time", Arc::new(TimestampMicrosecondArray::new_null(0).with_timezone("UTC"))),
        ("value", Arc::new(Float64Array::new_null(0))),
    ];
    Ok(RecordBatch::try_from_iter(columns)?)
}

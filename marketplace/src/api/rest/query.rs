//! Aggregates over an owner's samples.

use actix_web::{HttpResponse, post, web};
use serde::{Deserialize, Serialize};
use telematics::{Signal, Timestamp, VehicleId};

use crate::api::problem::Problem;
use crate::app::App;
use crate::identity::Owner;
use crate::questions::{
    self, AggregateQuestion, Aggregation, Cell, Filter, Interval, Line, Period, Point, Region,
    Wanted,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    /// All of the caller's when it is left out.
    vehicles: Option<Vec<String>>,
    from: String,
    to: String,
    /// One value in all when it is left out.
    interval: Option<Length>,
    signals: Vec<AskedSignal>,
    location: Option<Location>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Length {
    Seconds(u32),
    Text(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AskedSignal {
    path: String,
    agg: String,
    #[serde(default)]
    filter: Filters,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Filters {
    eq: Option<f64>,
    neq: Option<f64>,
    lt: Option<f64>,
    lte: Option<f64>,
    gt: Option<f64>,
    gte: Option<f64>,
    r#in: Option<Vec<f64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
enum Location {
    InPolygon(Vec<Position>),
    InCircle { center: Position, radius_km: f64 },
}

#[derive(Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Position {
    latitude: f64,
    longitude: f64,
}

#[derive(Serialize)]
struct AnswerView {
    signals: Vec<SignalView>,
    /// One for each vehicle and interval with samples.
    rows: Vec<RowView>,
}

#[derive(Serialize)]
struct SignalView {
    path: &'static str,
    agg: &'static str,
    unit: String,
}

#[derive(Serialize)]
struct RowView {
    vehicle: String,
    /// When the interval begins.
    time: String,
    /// In the order of `signals`.
    values: Vec<CellView>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum CellView {
    Nothing(()),
    Number(f64),
    Count(u64),
    Values(Vec<f64>),
}

impl Filters {
    fn all(self) -> Vec<Filter> {
        let one = [
            self.eq.map(Filter::Eq),
            self.neq.map(Filter::Neq),
            self.lt.map(Filter::Lt),
            self.lte.map(Filter::Lte),
            self.gt.map(Filter::Gt),
            self.gte.map(Filter::Gte),
            self.r#in.map(Filter::In),
        ];
        one.into_iter().flatten().collect()
    }
}

impl From<Position> for Point {
    fn from(Position { latitude, longitude }: Position) -> Self {
        Self { latitude, longitude }
    }
}

impl From<Location> for Region {
    fn from(location: Location) -> Self {
        match location {
            Location::InPolygon(corners) => {
                Self::Polygon(corners.into_iter().map(Point::from).collect())
            }
            Location::InCircle { center, radius_km } => {
                Self::Circle { centre: center.into(), kilometres: radius_km }
            }
        }
    }
}

impl AskedSignal {
    fn wanted(self) -> Result<Wanted, Problem> {
        Ok(Wanted {
            signal: Signal::by_path(&self.path).map_err(Problem::invalid)?,
            aggregation: Aggregation::parse(&self.agg)?,
            filters: self.filter.all(),
        })
    }
}

impl Asked {
    /// The vehicles that are named, and the question about vehicles that are still to be found.
    fn question(self, seed: u64) -> Result<(Option<Vec<VehicleId>>, AggregateQuestion), Problem> {
        let named =
            self.vehicles.map(|named| named.iter().map(|id| VehicleId::parse(id)).collect());
        let interval = self.interval.map(|interval| match interval {
            Length::Seconds(seconds) => Interval::of_seconds(seconds),
            Length::Text(text) => Interval::parse(&text),
        });
        let signals = self.signals.into_iter().map(AskedSignal::wanted);
        let question = AggregateQuestion {
            vehicles: Vec::new(),
            period: period(&self.from, &self.to)?,
            interval: interval.transpose()?,
            signals: signals.collect::<Result<_, _>>()?,
            region: self.location.map(Region::from),
            seed,
        };
        Ok((named.transpose()?, question))
    }
}

pub(super) fn period(from: &str, to: &str) -> Result<Period, Problem> {
    let read = |name: &str, text: &str| {
        text.parse::<Timestamp>().map_err(|error| Problem::invalid(format!("`{name}`: {error}")))
    };
    Ok(Period { from: read("from", from)?, to: read("to", to)? })
}

impl AnswerView {
    fn new(question: &AggregateQuestion, lines: Vec<Line>) -> Self {
        let signal = |wanted: &Wanted| SignalView {
            path: wanted.signal.path(),
            agg: wanted.aggregation.as_str(),
            unit: match wanted.aggregation {
                Aggregation::Count => "samples".to_owned(),
                _ => wanted.signal.unit().to_string(),
            },
        };
        let row = |line: Line| RowView {
            vehicle: line.vehicle.to_string(),
            time: line.from.to_string(),
            values: line.cells.into_iter().map(CellView::from).collect(),
        };
        Self {
            signals: question.signals.iter().map(signal).collect(),
            rows: lines.into_iter().map(row).collect(),
        }
    }
}

impl From<Cell> for CellView {
    fn from(cell: Cell) -> Self {
        match cell {
            Cell::Nothing => Self::Nothing(()),
            Cell::Number(number) => Self::Number(number),
            Cell::Count(count) => Self::Count(count),
            Cell::Values(values) => Self::Values(values),
        }
    }
}

/// Aggregates of the caller's vehicles by interval.
#[post("/v1/query")]
pub(super) async fn query(
    app: web::Data<App>,
    owner: Owner,
    body: web::Json<Asked>,
) -> Result<HttpResponse, Problem> {
    let (named, mut question) = body.into_inner().question(rand::random())?;
    let find = move |conn: &mut _| questions::own_vehicles(conn, &owner, named.as_deref());
    question.vehicles = app.db.read(find).await?;
    question.check(&app.config.questions)?;

    let answering = questions::aggregate(app.source(), question.clone());
    let lines = app.questions.answer(answering).await?;
    Ok(HttpResponse::Ok().json(AnswerView::new(&question, lines)))
}

//! Questions and scopes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use telematics::question::{
    Above, Bounds, ClassPattern, Fact, NotAQuestion, Presence, Region, SummaryBounds,
};
use telematics::tile::NotATile;
use telematics::time::{date_of_day, day_of_date};
use telematics::vehicle::NotAVehicle;
use telematics::vss::UnknownSignal;
use telematics::window::{Figure, Period};
use telematics::{Powertrain, Question, Scope, Signal, Value};

use super::figures::{figure_bounds, summary_text};

/// Which cars and days. What is left out may be anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScopeText {
    /// The make, such as `Toyota`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub make: Option<String>,
    /// The model, such as `RAV4`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The model year.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub year: Option<u16>,
    /// `electric`, `plug-in-hybrid`, `hybrid`, `petrol`, `diesel` or `fuel-cell`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub powertrain: Option<String>,
    /// The first UTC day on which the marketplace received the commitment, such as `2026-11-01`.
    pub first_day: String,
    /// The last such day.
    pub last_day: String,
}

/// From low to high, both included, in the unit of the signal. What is left out is not limited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BoundsText {
    /// The lowest number permitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// The highest number permitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
}

/// What is asked, by circuit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "circuit", rename_all = "lowercase", deny_unknown_fields)]
pub enum QuestionText {
    /// Of 64 values of a signal.
    Fact {
        /// VSS path.
        signal: String,
        /// Each value lies within.
        #[serde(default)]
        values: BoundsText,
        /// The sum of the values lies within.
        #[serde(default)]
        sum: BoundsText,
        /// At most `count_max` values lie above this one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        threshold: Option<f64>,
        /// See `threshold`; 0 when left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        count_max: Option<u8>,
    },
    /// Of 64 places: exactly one of the two lists.
    Region {
        /// Each place lies in one of these tiles, `zoom/x/y`.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        inside: Vec<String>,
        /// No place lies in any of these tiles.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        outside: Vec<String>,
    },
    /// Of a trip or a day.
    Summary {
        /// VSS path.
        signal: String,
        /// `trip` or `day`.
        period: String,
        /// Each figure lies within: `count`, `min`, `max`, `mean`, `sum`, `first`, `last`, `above_low`,
        /// `above_middle`, `above_high`, `seconds_driven`.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        figures: BTreeMap<String, BoundsText>,
        /// All places visited lie in this tile, `zoom/x/y`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        within: Option<String>,
    },
}

/// Why text is no question.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum NotText {
    /// Not a date.
    #[error("`{field}` is no date such as 2026-11-22: `{text}`")]
    NotADate {
        /// The field.
        field: &'static str,
        /// What it says.
        text: String,
    },
    /// A number that the signal's decimals can not hold.
    #[error("{number} is not a number at the {decimals} decimals of {signal}")]
    NotExact {
        /// The number given.
        number: f64,
        /// The signal.
        signal: Signal,
        /// The decimals that its values have.
        decimals: u8,
    },
    /// Both lists of tiles, or none.
    #[error("write either `inside` or `outside`, with at least one tile")]
    NoPresence,
    /// Not a period.
    #[error("`{text}` is no period; write `trip` or `day`")]
    UnknownPeriod {
        /// What was given.
        text: String,
    },
    /// Not a figure.
    #[error("`{text}` is no figure; the figures are {}", Figure::ALL.map(Figure::as_str).join(", "))]
    UnknownFigure {
        /// What was given.
        text: String,
    },
    /// Bounds that ask nothing.
    #[error(transparent)]
    NotAQuestion(#[from] NotAQuestion),
    /// Not a tile.
    #[error(transparent)]
    NotATile(#[from] NotATile),
    /// Not a signal.
    #[error(transparent)]
    UnknownSignal(#[from] UnknownSignal),
    /// Not a powertrain.
    #[error(transparent)]
    NotAVehicle(#[from] NotAVehicle),
}

impl From<&Scope> for ScopeText {
    fn from(scope: &Scope) -> Self {
        let ClassPattern { make, model, year, powertrain } = scope.class().clone();
        Self {
            make,
            model,
            year,
            powertrain: powertrain.map(|powertrain| powertrain.as_str().to_owned()),
            first_day: date_of_day(scope.first_day()),
            last_day: date_of_day(scope.last_day()),
        }
    }
}

impl TryFrom<ScopeText> for Scope {
    type Error = NotText;

    fn try_from(text: ScopeText) -> Result<Self, NotText> {
        let day = |field, text: String| day_of_date(&text).ok_or(NotText::NotADate { field, text });
        let powertrain = text.powertrain.as_deref().map(Powertrain::parse).transpose()?;
        let class =
            ClassPattern { make: text.make, model: text.model, year: text.year, powertrain };
        Ok(Self::new(class, day("first_day", text.first_day)?, day("last_day", text.last_day)?)?)
    }
}

impl From<&Question> for QuestionText {
    fn from(question: &Question) -> Self {
        match question {
            Question::Fact(fact) => fact_text(fact),
            Question::Region(region) => region_text(region),
            Question::Summary(bounds) => summary_text(bounds),
        }
    }
}

fn fact_text(fact: &Fact) -> QuestionText {
    let decimals = fact.signal.decimals();
    let stated = fact.above != Above::ANY;
    QuestionText::Fact {
        signal: fact.signal.path().to_owned(),
        values: bounds_text(fact.values, Bounds::ANY_VALUE, decimals),
        sum: bounds_text(fact.sum, Bounds::ANY_SUM, decimals),
        threshold: stated.then(|| fact.above.threshold().to_physical(decimals)),
        count_max: stated.then(|| fact.above.count_max()),
    }
}

fn region_text(region: &Region) -> QuestionText {
    let tiles = region.tiles().iter().map(ToString::to_string).collect();
    match region.presence() {
        Presence::Inside => QuestionText::Region { inside: tiles, outside: Vec::new() },
        Presence::Outside => QuestionText::Region { inside: Vec::new(), outside: tiles },
    }
}

impl TryFrom<QuestionText> for Question {
    type Error = NotText;

    fn try_from(text: QuestionText) -> Result<Self, NotText> {
        match text {
            QuestionText::Fact { signal, values, sum, threshold, count_max } => {
                let signal = Signal::by_path(&signal)?;
                let above = match threshold {
                    Some(threshold) => Above::new(
                        Value::from_raw(fixed(signal, signal.decimals(), threshold)?),
                        count_max.unwrap_or(0),
                    )?,
                    None => Above::ANY,
                };
                let [low, high] = ends(signal, signal.decimals(), values, Bounds::ANY_VALUE)?;
                let values = Bounds::of_values(Value::from_raw(low), Value::from_raw(high))?;
                let [low, high] = ends(signal, signal.decimals(), sum, Bounds::ANY_SUM)?;
                Ok(Self::Fact(Fact { signal, values, sum: Bounds::of_sum(low, high)?, above }))
            }
            QuestionText::Region { inside, outside } => {
                let (presence, tiles) = match (inside.is_empty(), outside.is_empty()) {
                    (false, true) => (Presence::Inside, inside),
                    (true, false) => (Presence::Outside, outside),
                    _ => return Err(NotText::NoPresence),
                };
                let tiles = tiles.iter().take(Region::TILES_MAX + 1).map(|tile| tile.parse());
                Ok(Self::Region(Region::new(presence, tiles.collect::<Result<_, _>>()?)?))
            }
            QuestionText::Summary { signal, period, figures, within } => {
                let signal = Signal::by_path(&signal)?;
                let period =
                    Period::parse(&period).ok_or(NotText::UnknownPeriod { text: period })?;
                let figures = figure_bounds(signal, figures, within)?;
                Ok(Self::Summary(SummaryBounds { signal, period, figures }))
            }
        }
    }
}

pub(super) fn ends(
    signal: Signal,
    decimals: u8,
    text: BoundsText,
    any: Bounds,
) -> Result<[i64; 2], NotText> {
    let end = |number: Option<f64>, otherwise: i64| match number {
        Some(number) => fixed(signal, decimals, number),
        None => Ok(otherwise),
    };
    Ok([end(text.low, any.low())?, end(text.high, any.high())?])
}

/// The fixed-point form of `number`, which has to be exact: a rounded bound is another question.
fn fixed(signal: Signal, decimals: u8, number: f64) -> Result<i64, NotText> {
    let refuse = NotText::NotExact { number, signal, decimals };
    let value = Value::from_physical(number, decimals).or(Err(refuse.clone()))?;
    let back = value.to_physical(decimals);
    let close = (back - number).abs() <= number.abs().max(1.0) * 1e-12;
    close.then_some(value.raw()).ok_or(refuse)
}

pub(super) fn bounds_text(bounds: Bounds, any: Bounds, decimals: u8) -> BoundsText {
    let end = |number: i64, any: i64| {
        (number != any).then(|| Value::from_raw(number).to_physical(decimals))
    };
    BoundsText { low: end(bounds.low(), any.low()), high: end(bounds.high(), any.high()) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Circuit;
    use crate::testing::honest;

    fn question(json: &str) -> Result<Question, String> {
        let text: QuestionText = serde_json::from_str(json).map_err(|error| error.to_string())?;
        Question::try_from(text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_question_reads_as_it_is_asked() {
        let health = question(
            r#"{"circuit": "fact", "signal": "Vehicle.Powertrain.TractionBattery.StateOfHealth",
                "values": {"low": 80}, "threshold": 99.5, "count_max": 3}"#,
        );
        let Ok(Question::Fact(fact)) = health else { panic!("{health:?}") };
        assert_eq!((fact.values.low(), fact.values.high()), (8_000, Bounds::ANY_VALUE.high()));
        assert_eq!((fact.above.threshold().raw(), fact.above.count_max()), (9_950, 3));
        assert_eq!(fact.sum, Bounds::ANY_SUM);

        let trip = question(
            r#"{"circuit": "summary", "signal": "Vehicle.Speed", "period": "trip",
                "figures": {"mean": {"high": 70.5}, "above_high": {"high": 0}}, "within": "9/274/167"}"#,
        );
        let Ok(Question::Summary(trip)) = trip else { panic!("{trip:?}") };
        assert_eq!((trip.figures[3].high(), trip.figures[9].high()), (7_050, 0));
        assert_eq!(trip.figures[11], trip.figures[12]);
    }

    #[test]
    fn text_that_asks_nothing_is_refused() {
        #[rustfmt::skip] // a table is read by column
        let cases = [
            (r#"{"circuit": "mood"}"#,                                                                "unknown variant"),
            (r#"{"circuit": "fact", "signal": "Vehicle.Mood"}"#,                                      "not a signal"),
            (r#"{"circuit": "fact", "signal": "Vehicle.Speed", "speed": 3}"#,                         "unknown field"),
            (r#"{"circuit": "fact", "signal": "Vehicle.Speed", "values": {"low": 5, "high": 4}}"#,    "nothing lies between"),
            (r#"{"circuit": "fact", "signal": "Vehicle.Speed", "values": {"low": 5.001}}"#,           "2 decimals"),
            (r#"{"circuit": "fact", "signal": "Vehicle.Speed", "values": {"low": 1e300}}"#,           "2 decimals"),
            (r#"{"circuit": "fact", "signal": "Vehicle.Speed", "threshold": 5, "count_max": 65}"#,    "a window has 64"),
            (r#"{"circuit": "region"}"#,                                                              "either `inside` or"),
            (r#"{"circuit": "region", "inside": ["1/0/0"], "outside": ["1/1/1"]}"#,                   "either `inside` or"),
            (r#"{"circuit": "region", "inside": ["1/0/9"]}"#,                                         "not a map tile"),
            (r#"{"circuit": "summary", "signal": "Vehicle.Speed", "period": "year"}"#,                "no period"),
            (r#"{"circuit": "summary", "signal": "Vehicle.Speed", "period": "day", "figures": {"mood": {}}}"#, "no figure"),
        ];
        for (json, expected) in cases {
            let error = question(json).unwrap_err();
            assert!(error.contains(expected), "{json}: {error}");
        }
    }

    #[test]
    fn scopes_are_refused_by_field() {
        let scope = |json: &str| {
            let text: ScopeText = serde_json::from_str(json).unwrap();
            Scope::try_from(text).map_err(|error| error.to_string())
        };
        let honest = scope(
            r#"{"powertrain": "electric", "first_day": "2026-11-01", "last_day": "2026-11-30"}"#,
        );
        assert_eq!(ScopeText::from(&honest.unwrap()).last_day, "2026-11-30");
        #[rustfmt::skip] // a table is read by column
        let cases = [
            (r#"{"first_day": "2026-11-31", "last_day": "2026-11-30"}"#,                       "`first_day`"),
            (r#"{"first_day": "2026-11-02", "last_day": "2026-11-01"}"#,                       "before the first"),
            (r#"{"first_day": "2026-11-02", "last_day": "2026-11-03", "powertrain": "steam"}"#, "steam"),
        ];
        for (json, expected) in cases {
            let error = scope(json).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn honest_questions_survive_their_text() {
        for circuit in Circuit::ALL {
            let (statement, _) = honest(circuit);
            let json = serde_json::to_string(&QuestionText::from(&statement.question)).unwrap();
            assert_eq!(question(&json), Ok(statement.question), "{json}");
            let scope = ScopeText::from(&statement.scope);
            assert_eq!(Scope::try_from(scope), Ok(statement.scope));
        }
    }

    proptest! {
        /// Every bound of every signal comes back from its text to the last digit.
        #[test]
        fn bounds_survive_their_text(
            number in 1..=100_u64, low in -(1_i64 << 35)..(1 << 35), width in 0..1_000_000_i64,
            figure in -(1_i64 << 48)..(1 << 48),
        ) {
            let signal = Signal::by_number(number).unwrap();
            let high = (low + width).min(Bounds::ANY_VALUE.high());
            let values = Bounds::of_values(Value::from_raw(low), Value::from_raw(high)).unwrap();
            let sum = Bounds::of_sum(low, low + 64 * width).unwrap();
            let above = Above::new(Value::from_raw(low), 5).unwrap();
            let fact = Question::Fact(Fact { signal, values, sum, above });
            prop_assert_eq!(Question::try_from(QuestionText::from(&fact)), Ok(fact));

            let figures = [Bounds::of_figure(figure, figure).unwrap(); Figure::COUNT];
            let summary = Question::Summary(SummaryBounds { signal, period: Period::Day, figures });
            prop_assert_eq!(Question::try_from(QuestionText::from(&summary)), Ok(summary));
        }
    }
}

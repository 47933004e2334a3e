//! Questions in words, for people who decide whether to trust an answer.

use std::fmt;

use telematics::question::{Above, Bounds, Fact, Presence, Region, SummaryBounds};
use telematics::window::{Figure, Window};
use telematics::{Question, Signal, Value};

/// What no proof of this crate says, in one sentence. Stands wherever a proof is shown.
pub const NOT_PROVEN: &str = "A proof says what a car committed to before it was asked. It does not say that \
     its sensors told the truth.";

/// What has to be said of development keys wherever they are used.
pub const DEVELOPMENT_KEYS: &str =
    "DEVELOPMENT KEYS: anyone can forge proofs under them. They are for trying things out only.";

/// A question in words.
#[derive(Clone, Copy, Debug)]
pub struct InWords<'a>(pub &'a Question);

impl fmt::Display for InWords<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Question::Fact(fact) => write_fact(f, fact),
            Question::Region(region) => write_region(f, region),
            Question::Summary(bounds) => write_summary(f, bounds),
        }
    }
}

fn write_fact(f: &mut fmt::Formatter<'_>, fact: &Fact) -> fmt::Result {
    let (count, signal) = (Window::LENGTH, fact.signal);
    let seconds = signal.grid_seconds();
    write!(f, "{count} values of {signal}, {seconds} s apart:")?;
    let range = |bounds, any| Range { signal, bounds, any, decimals: signal.decimals() };
    write!(f, " each {}", range(fact.values, Bounds::ANY_VALUE))?;
    if fact.sum != Bounds::ANY_SUM {
        write!(f, ", their sum {}", range(fact.sum, Bounds::ANY_SUM))?;
    }
    if fact.above != Above::ANY {
        let threshold = fact.above.threshold().to_physical(signal.decimals());
        let unit = signal.unit();
        write!(f, ", at most {} above {threshold} {unit}", fact.above.count_max())?;
    }
    Ok(())
}

fn write_region(f: &mut fmt::Formatter<'_>, region: &Region) -> fmt::Result {
    let tiles: Vec<_> = region.tiles().iter().map(ToString::to_string).collect();
    let (seconds, tiles) = (Signal::LATITUDE.grid_seconds(), tiles.join(", "));
    write!(f, "{} places, {seconds} s apart: ", Window::LENGTH)?;
    match region.presence() {
        Presence::Inside => write!(f, "each in one of the map tiles {tiles}"),
        Presence::Outside => write!(f, "none in any of the map tiles {tiles}"),
    }
}

fn write_summary(f: &mut fmt::Formatter<'_>, summary: &SummaryBounds) -> fmt::Result {
    let signal = summary.signal;
    write!(f, "{signal} over one {}:", summary.period.as_str())?;
    let mut separator = " ";
    for (figure, bounds) in Figure::ALL.into_iter().zip(summary.figures) {
        if bounds != Bounds::ANY_FIGURE {
            let decimals = if figure.is_value() { signal.decimals() } else { 0 };
            let range = Range { signal, bounds, any: Bounds::ANY_FIGURE, decimals };
            let words = if figure.is_value() { range.to_string() } else { range.without_unit() };
            write!(f, "{separator}{} {words}", figure.as_str())?;
            separator = ", ";
        }
    }
    if separator == " " { f.write_str(" anything") } else { Ok(()) }
}

/// Bounds in words.
struct Range {
    signal: Signal,
    bounds: Bounds,
    any: Bounds,
    decimals: u8,
}

impl Range {
    fn without_unit(&self) -> String {
        let physical = |raw| Value::from_raw(raw).to_physical(self.decimals);
        let (low, high) = (self.bounds.low(), self.bounds.high());
        match (low == self.any.low(), high == self.any.high()) {
            (true, true) => "anything".to_owned(),
            (true, false) => format!("at most {}", physical(high)),
            (false, true) => format!("at least {}", physical(low)),
            (false, false) if low == high => format!("exactly {}", physical(low)),
            (false, false) => format!("from {} to {}", physical(low), physical(high)),
        }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = self.signal.unit().to_string();
        let words = self.without_unit();
        if self.bounds == self.any { f.write_str(&words) } else { write!(f, "{words} {unit}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::QuestionText;

    #[test]
    fn a_question_is_put_in_words() {
        #[rustfmt::skip] // a table is read by column
        let cases = [
            (r#"{"circuit": "fact", "signal": "Vehicle.Speed", "values": {"high": 130}}"#,
             "64 values of Vehicle.Speed, 1 s apart: each at most 130 km/h"),
            (r#"{"circuit": "fact", "signal": "Vehicle.Speed", "sum": {"low": 5}, "threshold": 120.5, "count_max": 3}"#,
             "64 values of Vehicle.Speed, 1 s apart: each anything, their sum at least 5 km/h, at most 3 above 120.5 km/h"),
            (r#"{"circuit": "region", "outside": ["11/1100/671", "3/1/1"]}"#,
             "64 places, 5 s apart: none in any of the map tiles 3/1/1, 11/1100/671"),
            (r#"{"circuit": "summary", "signal": "Vehicle.Speed", "period": "trip", "figures": {"mean": {"high": 70}, "above_high": {"high": 0, "low": 0}}}"#,
             "Vehicle.Speed over one trip: mean at most 70 km/h, above_high exactly 0"),
            (r#"{"circuit": "summary", "signal": "Vehicle.Speed", "period": "day"}"#,
             "Vehicle.Speed over one day: anything"),
        ];
        for (json, words) in cases {
            let text: QuestionText = serde_json::from_str(json).unwrap();
            assert_eq!(InWords(&text.try_into().unwrap()).to_string(), words);
        }
    }
}

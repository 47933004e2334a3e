//! The question of `edge-agent prove`, from its flags.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use clap::Args;
use telematics::window::{Figure, Period};
use telematics::{Question, Signal, Tile};
use zk::text::{BoundsText, QuestionText};

/// What is to be proven.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct Asked {
    /// The signal, which the owner lets prove.
    #[arg(long, value_parser = Signal::by_path)]
    signal: Option<Signal>,
    /// Each of 64 values in a row is at least this, in the signal's unit.
    #[arg(long, allow_negative_numbers = true)]
    low: Option<f64>,
    /// Each of 64 values in a row is at most this.
    #[arg(long, allow_negative_numbers = true)]
    high: Option<f64>,
    /// At most --count-max of the 64 values are above this.
    #[arg(long, allow_negative_numbers = true)]
    threshold: Option<f64>,
    /// See --threshold; none, when left out.
    #[arg(long, requires = "threshold")]
    count_max: Option<u8>,
    /// Each of 64 places in a row was in one of these map tiles (zoom/x/y, up to 16).
    #[arg(long, num_args = 1.., value_name = "TILE", conflicts_with_all = ["signal", "outside"])]
    inside: Vec<Tile>,
    /// None of 64 places in a row was in any of these map tiles.
    #[arg(long, num_args = 1.., value_name = "TILE", conflicts_with = "signal")]
    outside: Vec<Tile>,
    /// About a whole trip: see --figure.
    #[arg(long, requires = "signal", conflicts_with = "day")]
    trip: bool,
    /// About a whole day: see --figure.
    #[arg(long, requires = "signal")]
    day: bool,
    /// A figure of the trip or day and its bounds, such as `mean=..70`, `max=0..130` or `count=100..`.
    #[arg(long = "figure", value_name = "NAME=LOW..HIGH", value_parser = figure)]
    figures: Vec<(String, BoundsText)>,
    /// All places of the trip or day were in this map tile.
    #[arg(long, value_name = "TILE")]
    within: Option<Tile>,
}

impl Asked {
    /// True when nothing is asked.
    pub(super) const fn is_nothing(&self) -> bool {
        self.signal.is_none() && self.inside.is_empty() && self.outside.is_empty()
    }

    /// The question.
    pub(super) fn question(self) -> anyhow::Result<Question> {
        let period = match (self.trip, self.day) {
            (true, _) => Some(Period::Trip),
            (_, true) => Some(Period::Day),
            _ => None,
        };
        let is_of_values = [self.low, self.high, self.threshold].iter().any(Option::is_some);
        if period.is_some() && is_of_values {
            bail!("a trip or a day is asked about with --figure, such as --figure max=..130");
        }
        if period.is_none() && (!self.figures.is_empty() || self.within.is_some()) {
            bail!("--figure and --within are of a trip or a day: say --trip or --day");
        }
        let path = |signal: Signal| signal.path().to_owned();
        let texts = |tiles: Vec<Tile>| tiles.iter().map(ToString::to_string).collect();
        let text = match (self.signal, period) {
            (Some(signal), Some(period)) => QuestionText::Summary {
                signal: path(signal),
                period: period.as_str().to_owned(),
                figures: self.figures.into_iter().collect::<BTreeMap<_, _>>(),
                within: self.within.map(|tile| tile.to_string()),
            },
            (Some(signal), None) => QuestionText::Fact {
                signal: path(signal),
                values: BoundsText { low: self.low, high: self.high },
                sum: BoundsText::default(),
                threshold: self.threshold,
                count_max: self.count_max,
            },
            (None, _) => {
                QuestionText::Region { inside: texts(self.inside), outside: texts(self.outside) }
            }
        };
        text.try_into().context("this can not be proven")
    }
}

/// Reads `name=low..high`, where either end may be left out.
fn figure(text: &str) -> Result<(String, BoundsText), String> {
    let refuse =
        || format!("`{text}` is not a figure such as mean=..70, max=0..130 or count=100..");
    let (name, bounds) = text.split_once('=').ok_or_else(refuse)?;
    let (low, high) = bounds.split_once("..").ok_or_else(refuse)?;
    let end = |text: &str| match text {
        "" => Ok(None),
        number => number.parse().map(Some).or(Err(refuse())),
    };
    if !Figure::ALL.iter().any(|figure| figure.as_str() == name) {
        let names = Figure::ALL.map(Figure::as_str).join(", ");
        return Err(format!("`{name}` is no figure; the figures are {names}"));
    }
    Ok((name.to_owned(), BoundsText { low: end(low)?, high: end(high)? }))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        asked: Asked,
    }

    fn ask(line: &str) -> Result<Question, String> {
        let words = std::iter::once("prove").chain(line.split_whitespace());
        let line = Line::try_parse_from(words).map_err(|error| error.to_string())?;
        line.asked.question().map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn flags_make_questions_of_each_kind() {
        let Ok(Question::Fact(fact)) = ask("--signal Vehicle.Speed --low 0 --high 50.5") else {
            panic!("a fact")
        };
        assert_eq!((fact.values.low(), fact.values.high()), (0, 5_050));
        let Ok(Question::Region(region)) = ask("--outside 3/1/1 11/1100/671") else {
            panic!("a region")
        };
        assert_eq!(region.tiles().len(), 2);
        let trip = "--signal Vehicle.Speed --trip --figure mean=..70 --figure above_high=0..0";
        let Ok(Question::Summary(trip)) = ask(trip) else { panic!("a summary") };
        assert_eq!((trip.period, trip.figures[3].high()), (Period::Trip, 7_000));
        assert_eq!(trip.figures[9].high(), 0);
    }

    #[test]
    fn flags_that_make_no_question_are_refused() {
        #[rustfmt::skip] // a table is read by column
        let cases = [
            ("",                                                   "either `inside` or"),
            ("--signal Vehicle.Mood --low 1",                      "not a signal"),
            ("--signal Vehicle.Speed --low 5 --high 4",            "nothing lies between"),
            ("--signal Vehicle.Speed --trip --low 5",              "--figure max=..130"),
            ("--signal Vehicle.Speed --figure max=..5",            "say --trip or --day"),
            ("--signal Vehicle.Speed --trip --figure mood=..5",    "`mood` is no figure"),
            ("--signal Vehicle.Speed --trip --figure max=5",       "mean=..70"),
            ("--inside 1/0/9",                                     "not a map tile"),
            ("--inside 1/0/0 --outside 1/1/1",                     "cannot be used with"),
            ("--trip",                                             "required"),
        ];
        for (line, expected) in cases {
            let error = ask(line).unwrap_err();
            assert!(error.contains(expected), "{line}: {error}");
        }
    }
}

//! What can be asked of each signal: how values become one, and which values count.
//!
//! The words are those of DIMO's telemetry API.

use deltalake::datafusion::prelude::{Expr, col, lit};
use telematics::{Signal, VehicleId};

use super::{Interval, Period, QuestionError, Region};
use crate::config::QuestionLimits;

/// Values that one filter compares with at most.
const FILTER_VALUES_MAX: usize = 100;
/// Filters that one signal has at most.
const FILTERS_MAX: usize = 10;
/// Signals that one question asks for at most.
const SIGNALS_MAX: usize = 50;

/// How the values of an interval become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregation {
    /// Their mean.
    Avg,
    /// The one in the middle; the mean of two.
    Med,
    /// The least.
    Min,
    /// The greatest.
    Max,
    /// The earliest.
    First,
    /// The latest.
    Last,
    /// How many there are.
    Count,
    /// Any one of them.
    Rand,
    /// The most frequent; of several, the least.
    Top,
    /// Each of them once, in order.
    Unique,
}

/// Which values count.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// This one.
    Eq(f64),
    /// All but this one.
    Neq(f64),
    /// Those below it.
    Lt(f64),
    /// Those that are at most it.
    Lte(f64),
    /// Those above it.
    Gt(f64),
    /// Those that are at least it.
    Gte(f64),
    /// These.
    In(Vec<f64>),
}

/// One signal, as one value for each interval.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// Which.
    pub signal: Signal,
    /// How.
    pub aggregation: Aggregation,
    /// Of values that pass all of these.
    pub filters: Vec<Filter>,
}

/// A question for aggregates, of vehicles that the caller may ask about.
#[derive(Clone, Debug, PartialEq)]
pub struct AggregateQuestion {
    /// Of these.
    pub vehicles: Vec<VehicleId>,
    /// In this time.
    pub period: Period,
    /// One value for so long, counted from the beginning; `None` for one value in all.
    pub interval: Option<Interval>,
    /// What.
    pub signals: Vec<Wanted>,
    /// While the vehicle was here, by its last position of at most 15 minutes before.
    pub region: Option<Region>,
    /// What RAND chooses by.
    pub seed: u64,
}

impl Aggregation {
    /// Every one.
    pub const ALL: [Self; 10] = [
        Self::Avg,
        Self::Med,
        Self::Min,
        Self::Max,
        Self::First,
        Self::Last,
        Self::Count,
        Self::Rand,
        Self::Top,
        Self::Unique,
    ];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Avg => "AVG",
            Self::Med => "MED",
            Self::Min => "MIN",
            Self::Max => "MAX",
            Self::First => "FIRST",
            Self::Last => "LAST",
            Self::Count => "COUNT",
            Self::Rand => "RAND",
            Self::Top => "TOP",
            Self::Unique => "UNIQUE",
        }
    }

    /// Finds the one that `text` names, in any case.
    ///
    /// # Errors
    /// Another word is refused, with the known ones.
    pub fn parse(text: &str) -> Result<Self, QuestionError> {
        let known = Self::ALL.into_iter().find(|known| known.as_str().eq_ignore_ascii_case(text));
        known.ok_or_else(|| {
            let words = Self::ALL.map(Self::as_str).join(", ");
            QuestionError::invalid(format!("`agg` is `{text}`; it is one of {words}"))
        })
    }
}

impl Wanted {
    /// Rows that count for it.
    pub(super) fn rows(&self) -> Expr {
        let signal = col("signal").eq(lit(self.signal.path()));
        self.filters.iter().fold(signal, |rows, filter| rows.and(self.passes(filter)))
    }

    /// A value that is compared for equality is first rounded as the signal's values are.
    fn passes(&self, filter: &Filter) -> Expr {
        let value = || col("value");
        let kept = |physical: &f64| {
            let rounded = self.signal.value(*physical);
            lit(rounded.map_or(*physical, |known| known.to_physical(self.signal.decimals())))
        };
        match filter {
            Filter::Eq(one) => value().eq(kept(one)),
            Filter::Neq(one) => value().not_eq(kept(one)),
            Filter::Lt(one) => value().lt(lit(*one)),
            Filter::Lte(one) => value().lt_eq(lit(*one)),
            Filter::Gt(one) => value().gt(lit(*one)),
            Filter::Gte(one) => value().gt_eq(lit(*one)),
            Filter::In(many) => value().in_list(many.iter().map(kept).collect(), false),
        }
    }

    fn check(&self) -> Result<(), QuestionError> {
        let too_much = |actual: usize, max: usize, what: &'static str| {
            let (actual, max) = (u64::try_from(actual).unwrap_or(u64::MAX), u64::try_from(max));
            let (max, instead) = (max.unwrap_or(u64::MAX), "ask several questions");
            Err(QuestionError::TooMuch { what, actual, max, instead })
        };
        if self.filters.len() > FILTERS_MAX {
            return too_much(self.filters.len(), FILTERS_MAX, "filters of one signal");
        }
        for filter in &self.filters {
            if let Filter::In(values) = filter
                && values.len() > FILTER_VALUES_MAX
            {
                return too_much(values.len(), FILTER_VALUES_MAX, "values in one `in`");
            }
        }
        Ok(())
    }
}

impl AggregateQuestion {
    /// Length of an interval in microseconds.
    pub(super) fn width(&self) -> i64 {
        self.interval.map_or(self.period.micros(), Interval::micros).max(1)
    }

    /// Refuses what is empty, or asks for more than `limits` allow.
    ///
    /// # Errors
    /// Each with what would be right.
    pub fn check(&self, limits: &QuestionLimits) -> Result<(), QuestionError> {
        self.period.check(limits)?;
        self.region.as_ref().map_or(Ok(()), Region::check)?;
        if self.signals.is_empty() || self.signals.len() > SIGNALS_MAX {
            let count = self.signals.len();
            let what = format!("`signals` has {count} entries; it has 1 to {SIGNALS_MAX}");
            return Err(QuestionError::invalid(what));
        }
        self.signals.iter().try_for_each(Wanted::check)?;
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let intervals = (self.period.micros() - 1) / self.width() + 1;
        let actual = u64::try_from(intervals)
            .unwrap_or(u64::MAX)
            .saturating_mul(count(self.vehicles.len()))
            .saturating_mul(count(self.signals.len()));
        if actual > limits.cells_max {
            return Err(QuestionError::TooMuch {
                what: "values (vehicles x intervals x signals)",
                actual,
                max: limits.cells_max,
                instead: "ask about less time, fewer vehicles or longer intervals",
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use telematics::testing::{T0, vehicle};

    use super::*;

    fn question(hours: i64, interval: Option<&str>, signals: usize) -> AggregateQuestion {
        let wanted =
            Wanted { signal: Signal::SPEED, aggregation: Aggregation::Avg, filters: Vec::new() };
        AggregateQuestion {
            vehicles: vec![vehicle(1), vehicle(2)],
            period: Period { from: T0, to: T0.plus_seconds(hours * 3_600) },
            interval: interval.map(|text| Interval::parse(text).unwrap()),
            signals: vec![wanted; signals],
            region: None,
            seed: 1,
        }
    }

    #[test]
    fn a_question_for_too_much_is_refused_with_the_limit() {
        let limits = QuestionLimits { cells_max: 8, ..QuestionLimits::default() };
        question(4, None, 4).check(&limits).unwrap();
        question(4, Some("PT1H"), 1).check(&limits).unwrap();
        question(4, Some("P1D"), 4).check(&limits).unwrap();

        let error = question(4, Some("PT59M"), 1).check(&limits).unwrap_err().to_string();
        assert!(error.contains("has 10 values") && error.contains("at most 8"), "{error}");
        assert!(question(4, None, 0).check(&limits).is_err());
        assert!(question(4, None, 51).check(&QuestionLimits::default()).is_err());
        let tiny = question(100, Some("PT0.001S"), 50).check(&limits).unwrap_err().to_string();
        assert!(tiny.contains("36000000000 values"), "{tiny}");
    }

    #[test]
    fn a_filter_with_too_many_values_is_refused() {
        let mut question = question(1, None, 1);
        question.signals[0].filters = vec![Filter::In(vec![1.0; 101])];
        let error = question.check(&QuestionLimits::default()).unwrap_err().to_string();
        assert!(error.contains("101 values in one `in`"), "{error}");
        question.signals[0].filters = vec![Filter::Gt(1.0); 11];
        let error = question.check(&QuestionLimits::default()).unwrap_err().to_string();
        assert!(error.contains("11 filters"), "{error}");
    }

    #[test]
    fn words_of_aggregations_are_read_in_any_case() {
        for known in Aggregation::ALL {
            assert_eq!(Aggregation::parse(&known.as_str().to_lowercase()).unwrap(), known);
        }
        let error = Aggregation::parse("MEAN").unwrap_err().to_string();
        assert!(error.contains("`MEAN`") && error.contains("AVG, MED"), "{error}");
    }
}

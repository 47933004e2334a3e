//! How long samples are kept, by signal group.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use serde::Deserialize;
use telematics::vss::UnknownGroup;
use telematics::{SignalGroup, Timestamp};

/// Days for which samples of a group are kept. Groups that are not named are kept for ever.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(try_from = "BTreeMap<String, NonZeroU32>")]
pub struct Retention(BTreeMap<SignalGroup, NonZeroU32>);

impl TryFrom<BTreeMap<String, NonZeroU32>> for Retention {
    type Error = UnknownGroup;

    fn try_from(named: BTreeMap<String, NonZeroU32>) -> Result<Self, UnknownGroup> {
        let group = |(name, days): (String, _)| Ok((SignalGroup::parse(&name)?, days));
        named.into_iter().map(group).collect::<Result<_, _>>().map(Self)
    }
}

impl Retention {
    /// The first day whose samples are kept at `now`, of each group that is kept for a time only. Days are of UTC,
    /// counted from 1970-01-01, and kept whole: a sample stays for the days that are set, and until midnight.
    #[must_use]
    pub fn first_days(&self, now: Timestamp) -> BTreeMap<SignalGroup, i64> {
        let first = |days: &NonZeroU32| now.day().saturating_sub(days.get().into());
        self.0.iter().map(|(group, days)| (*group, first(days))).collect()
    }
}

#[cfg(test)]
mod tests {
    use telematics::testing::T0;

    use super::*;

    #[test]
    fn days_are_kept_whole() {
        let named = BTreeMap::from([("location".to_owned(), NonZeroU32::new(30).unwrap())]);
        let retention = Retention::try_from(named).unwrap();
        let first = |now: Timestamp| retention.first_days(now)[&SignalGroup::Location];

        assert_eq!(first(T0), T0.day() - 30);
        assert_eq!(first(T0.plus_seconds(86_399)), T0.day() - 30);
        assert_eq!(first(T0.plus_seconds(86_400)), T0.day() - 29);
        assert!(Retention::default().first_days(T0).is_empty());
    }
}

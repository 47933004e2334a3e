//! What a vehicle's week is worth, in points: a pure function, in integers.
//!
//! **Guarantees**, each a property test below:
//!
//! 1. *Monotone*: one more day, week, signal or per mille of plausibility never costs a point, and one more vehicle of the same
//!    model or region never brings one.
//! 2. *Bounded*: no week is worth more than [`POINTS_MAX`].
//! 3. *Nothing for nothing*: without a day on which anything changed there are no points.
//!
//! Which points a week has is computed again for as long as its file is there: a change of a number below is another
//! [`RULES_VERSION`].

use super::facts::{Facts, Peers};

/// Which formula this is.
pub const RULES_VERSION: u32 = 1;
/// The formula for people.
pub const FORMULA: [&str; 6] = [
    "100 points for each day of the week on which a signal that the vehicle shares changed",
    "10 points for each week in a row with such a day, up to this one, and at most 260",
    "10 points for each signal that changed in the week, and at most 500",
    "200 points times the share of the other vehicles that are of another model, rounded down",
    "200 points times the share of the located vehicles that are in another region, rounded down; none without a shared location",
    "the sum times the plausibility of what was sent, rounded down; without a day there are no points",
];

const POINTS_PER_DAY: u32 = 100;
const POINTS_PER_STREAK_WEEK: u32 = 10;
const POINTS_PER_SIGNAL: u32 = 10;
const SIGNAL_POINTS_MAX: u32 = 500;
const SCARCITY_POINTS_MAX: u32 = 200;
/// Days of a week that can count.
const CONNECTED_DAYS_MAX: u32 = 7;
/// Weeks in a row that can count: half a year.
pub(super) const STREAK_WEEKS_MAX: u32 = 26;
/// What nothing speaks against, in per mille.
pub(super) const PLAUSIBILITY_MAX: u32 = 1_000;
/// More can not be had in one week.
pub const POINTS_MAX: u32 = POINTS_PER_DAY * CONNECTED_DAYS_MAX
    + POINTS_PER_STREAK_WEEK * STREAK_WEEKS_MAX
    + SIGNAL_POINTS_MAX
    + 2 * SCARCITY_POINTS_MAX;

/// What a week is worth, and for what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Points {
    /// For days.
    pub days: u32,
    /// For weeks in a row.
    pub streak: u32,
    /// For signals that changed.
    pub signals: u32,
    /// For the scarcity of the model.
    pub model: u32,
    /// For the scarcity of the region.
    pub region: u32,
    /// All of it, as far as it is plausible.
    pub total: u32,
}

/// What `facts` are worth among `peers`.
pub(super) fn points(facts: &Facts, peers: &Peers) -> Points {
    if facts.connected_days == 0 {
        return Points::default();
    }
    let days = POINTS_PER_DAY * facts.connected_days.min(CONNECTED_DAYS_MAX);
    let streak = POINTS_PER_STREAK_WEEK * facts.streak_weeks.min(STREAK_WEEKS_MAX);
    let signals = facts.signals.saturating_mul(POINTS_PER_SIGNAL).min(SIGNAL_POINTS_MAX);
    let model = scarcity(peers.same_model, peers.vehicles);
    let region =
        if facts.region.is_some() { scarcity(peers.same_region, peers.located) } else { 0 };
    let sum = days + streak + signals + model + region;
    let total = sum * facts.plausibility.min(PLAUSIBILITY_MAX) / PLAUSIBILITY_MAX;
    Points { days, streak, signals, model, region, total }
}

/// The more, the fewer of `all` are `alike`.
fn scarcity(alike: u32, all: u32) -> u32 {
    let others = u64::from(all.saturating_sub(alike));
    let points = (others * u64::from(SCARCITY_POINTS_MAX)).checked_div(all.into()).unwrap_or(0);
    u32::try_from(points).unwrap_or(SCARCITY_POINTS_MAX)
}

impl Points {
    /// The same in words, of the week that `facts` tell of.
    #[must_use]
    pub fn because(&self, facts: &Facts) -> Vec<String> {
        let Facts { connected_days, streak_weeks, signals, plausibility, .. } = facts;
        if *connected_days == 0 {
            return vec!["nothing that it sent changed, so no day counts".to_owned()];
        }
        let sum = self.days + self.streak + self.signals + self.model + self.region;
        let region = match facts.region {
            Some(_) => "for how few others are in its region",
            None => "for its region, as it shares no location",
        };
        vec![
            format!("{} for {connected_days} days on which a signal changed", self.days),
            format!("{} for {streak_weeks} weeks in a row", self.streak),
            format!("{} for {signals} signals that changed", self.signals),
            format!("{} for how few others are of its model", self.model),
            format!("{} {region}", self.region),
            format!("{plausibility} of 1000 of that is plausible: {} of {sum} points", self.total),
        ]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rewards::facts::Group;

    fn facts(days: u32, weeks: u32, signals: u32, plausibility: u32) -> Facts {
        let group = Group([1; 8]);
        Facts {
            connected_days: days,
            streak_weeks: weeks,
            signals,
            plausibility,
            model: group,
            region: Some(group),
        }
    }

    fn peers(vehicles: u32, same_model: u32, located: u32, same_region: u32) -> Peers {
        Peers { vehicles, same_model, located, same_region }
    }

    #[test]
    fn the_formula_is_as_it_is_written_down() {
        #[rustfmt::skip] // a table is read by column
        let cases = [
            ("everything",          facts(7, 26, 50, 1_000),   peers(10, 0, 10, 0), POINTS_MAX),
            ("alone in the market", facts(7, 1, 12, 1_000),    peers(1, 1, 1, 1),   830),
            ("two of three alike",  facts(1, 0, 0, 1_000),     peers(3, 2, 0, 0),   166),
            ("half plausible",      facts(5, 3, 4, 500),       peers(1, 1, 1, 1),   285),
            ("rounded down",        facts(1, 0, 1, 999),       peers(1, 1, 1, 1),   109),
            ("implausible",         facts(7, 26, 50, 0),       peers(9, 1, 9, 1),   0),
            ("no day",              facts(0, 26, 50, 1_000),   peers(9, 1, 9, 1),   0),
            ("too much of it all",  facts(9, 99, 999, 9_999),  peers(9, 0, 9, 0),   POINTS_MAX),
        ];
        for (name, facts, peers, total) in cases {
            assert_eq!(points(&facts, &peers).total, total, "{name}");
        }
        assert_eq!(POINTS_MAX, 1_860);
        let hidden = Facts { region: None, ..facts(1, 0, 0, 1_000) };
        assert_eq!(points(&hidden, &peers(9, 9, 9, 0)).region, 0);
    }

    #[test]
    fn an_owner_reads_what_points_came_from() {
        let week = facts(5, 3, 4, 500);
        let because = points(&week, &peers(4, 1, 1, 1)).because(&week).join("\n");

        for part in ["500 for 5 days", "30 for 3 weeks", "40 for 4 signals", "150 for how few"] {
            assert!(because.contains(part), "{part} is not in\n{because}");
        }
        assert!(
            because.contains("500 of 1000 of that is plausible: 360 of 720 points"),
            "{because}"
        );
        let still = facts(0, 0, 0, 1_000);
        assert!(Points::default().because(&still)[0].contains("nothing that it sent changed"));
    }

    fn arb_facts() -> impl Strategy<Value = Facts> {
        let located = proptest::bool::ANY;
        (0..9_u32, 0..40_u32, 0..120_u32, 0..=1_000_u32, located).prop_map(
            |(days, weeks, signals, plausibility, located)| {
                let all = facts(days, weeks, signals, plausibility);
                Facts { region: all.region.filter(|_| located), ..all }
            },
        )
    }

    fn arb_peers() -> impl Strategy<Value = Peers> {
        (1..1_000_u32, 1..1_000_u32).prop_flat_map(|(vehicles, located)| {
            (1..=vehicles, 1..=located)
                .prop_map(move |(model, region)| peers(vehicles, model, located, region))
        })
    }

    proptest! {
        /// More of what is wanted never costs a point.
        #[test]
        fn points_are_monotone_in_each_fact(
            facts in arb_facts(),
            peers in arb_peers(),
            more in 1..5_u32,
        ) {
            let before = points(&facts, &peers).total;
            let more = [
                Facts { connected_days: facts.connected_days + more, ..facts },
                Facts { streak_weeks: facts.streak_weeks + more, ..facts },
                Facts { signals: facts.signals + more, ..facts },
                Facts { plausibility: facts.plausibility + more, ..facts },
            ];
            for facts in more {
                prop_assert!(points(&facts, &peers).total >= before);
            }
        }

        /// What many have is worth less.
        #[test]
        fn points_fall_as_others_come(facts in arb_facts(), peers in arb_peers(), more in 1..5_u32) {
            let before = points(&facts, &peers).total;
            let alike = [
                Peers { vehicles: peers.vehicles + more, same_model: peers.same_model + more, ..peers },
                Peers { located: peers.located + more, same_region: peers.same_region + more, ..peers },
            ];
            for peers in alike {
                prop_assert!(points(&facts, &peers).total <= before);
            }
        }

        /// No week is worth more than the most, and nothing nothing.
        #[test]
        fn points_are_bounded(facts in arb_facts(), peers in arb_peers()) {
            let all = points(&facts, &peers);
            let sum = all.days + all.streak + all.signals + all.model + all.region;
            prop_assert!(all.total <= sum && sum <= POINTS_MAX);
            let idle = Facts { connected_days: 0, ..facts };
            prop_assert_eq!(points(&idle, &peers), Points::default());
            let implausible = Facts { plausibility: 0, ..facts };
            prop_assert_eq!(points(&implausible, &peers).total, 0);
        }
    }
}

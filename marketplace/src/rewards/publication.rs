//! The file of a week: facts, rules, pool and shares, so that anybody can compute it again, bit for bit.
//!
//! **Invariant:** the bytes follow from what is in the file. They are not kept: a market makes them anew, and their SHA-256 says that they
//! are those of before. So a field or its place changes only with [`super::RULES_VERSION`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use telematics::time::{date_of_day, day_of_date};

use super::facts::{Facts, Group, Pseudonym};
use super::points::{Points, RULES_VERSION};
use super::pool::PoolRules;
use super::reckon::{Share, reckon};
use super::week::Week;
use crate::ledger::{Amount, NotAnAmount};

/// A week as it is published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    /// Which week.
    pub week: Week,
    /// By which formula.
    pub rules_version: u32,
    /// What its pool follows from.
    pub pool_rules: PoolRules,
    /// What there was to give.
    pub pool: Amount,
    /// Who did what, and gets what for it.
    pub rows: BTreeMap<Pseudonym, (Facts, Share)>,
}

/// Why a file is none of a week.
#[derive(Debug, thiserror::Error)]
pub enum NotAPublication {
    /// It is something else, or damaged.
    #[error("this is not the file of a week of rewards")]
    Format(#[from] serde_json::Error),
    /// A formula that this program does not know.
    #[error("the file follows version {version} of the rules; this program knows {RULES_VERSION}")]
    Version {
        /// What the file says.
        version: u32,
    },
    /// A field that does not read.
    #[error("`{text}` is no {what}")]
    Field {
        /// What it should be.
        what: &'static str,
        /// What it is.
        text: String,
    },
    /// An amount that does not read.
    #[error(transparent)]
    Amount(#[from] NotAnAmount),
}

/// What came of computing a file again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// Its week.
    pub week: u32,
    /// Vehicles in it.
    pub vehicles: usize,
    /// The SHA-256 of its bytes, to be compared with what the market lists.
    pub sha256: String,
    /// What is not as it follows from the facts; nothing when all is.
    pub findings: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileView {
    rules_version: u32,
    week: u32,
    first_day: String,
    pool_first: String,
    decay_basis_points_per_year: u32,
    pool: String,
    vehicles: Vec<RowView>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RowView {
    pseudonym: String,
    connected_days: u32,
    streak_weeks: u32,
    signals: u32,
    plausibility_per_mille: u32,
    model: String,
    region: Option<String>,
    points: PointsView,
    amount: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PointsView {
    days: u32,
    streak: u32,
    signals: u32,
    model: u32,
    region: u32,
    total: u32,
}

impl Publication {
    /// What follows from the facts of a week.
    #[must_use]
    pub fn reckoned(week: Week, pool_rules: PoolRules, facts: &BTreeMap<Pseudonym, Facts>) -> Self {
        let pool = pool_rules.pool_of(week.number);
        let shares = reckon(pool, facts);
        let row = |(name, facts): (&Pseudonym, &Facts)| {
            (*name, (*facts, shares.get(name).copied().unwrap_or_default()))
        };
        let rows = facts.iter().map(row).collect();
        Self { week, rules_version: RULES_VERSION, pool_rules, pool, rows }
    }

    /// The same, computed again from its facts.
    #[must_use]
    pub fn again(&self) -> Self {
        let facts = self.rows.iter().map(|(name, (facts, _))| (*name, *facts)).collect();
        Self::reckoned(self.week, self.pool_rules, &facts)
    }

    /// Points of all vehicles.
    #[must_use]
    pub fn points(&self) -> u64 {
        self.rows.values().map(|(_, share)| u64::from(share.points.total)).sum()
    }

    /// The file.
    ///
    /// # Errors
    /// When it can not be written as JSON.
    pub fn bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        let first_day = u16::try_from(self.week.first_day).unwrap_or(u16::MAX);
        let view = FileView {
            rules_version: self.rules_version,
            week: self.week.number,
            first_day: date_of_day(first_day),
            pool_first: self.pool_rules.first.to_string(),
            decay_basis_points_per_year: self.pool_rules.decay_basis_points,
            pool: self.pool.to_string(),
            vehicles: self.rows.iter().map(RowView::of).collect(),
        };
        serde_json::to_vec(&view)
    }

    /// Reads what [`Self::bytes`] wrote.
    ///
    /// # Errors
    /// What is not the file of a week, or of other rules, is refused. What is computed wrongly in it is not.
    pub fn parse(bytes: &[u8]) -> Result<Self, NotAPublication> {
        let view: FileView = serde_json::from_slice(bytes)?;
        if view.rules_version != RULES_VERSION {
            return Err(NotAPublication::Version { version: view.rules_version });
        }
        let no_date = || NotAPublication::Field { what: "date", text: view.first_day.clone() };
        let first_day = day_of_date(&view.first_day).ok_or_else(no_date)?.into();
        let pool_rules = PoolRules {
            first: Amount::parse(&view.pool_first)?,
            decay_basis_points: view.decay_basis_points_per_year,
        };
        Ok(Self {
            week: Week { number: view.week, first_day },
            rules_version: view.rules_version,
            pool_rules,
            pool: Amount::parse(&view.pool)?,
            rows: view.vehicles.iter().map(RowView::read).collect::<Result<_, _>>()?,
        })
    }
}

impl RowView {
    fn of((name, (facts, share)): (&Pseudonym, &(Facts, Share))) -> Self {
        let Points { days, streak, signals, model, region, total } = share.points;
        Self {
            pseudonym: name.to_string(),
            connected_days: facts.connected_days,
            streak_weeks: facts.streak_weeks,
            signals: facts.signals,
            plausibility_per_mille: facts.plausibility,
            model: facts.model.to_string(),
            region: facts.region.map(|region| region.to_string()),
            points: PointsView { days, streak, signals, model, region, total },
            amount: share.amount.to_string(),
        }
    }

    fn read(&self) -> Result<(Pseudonym, (Facts, Share)), NotAPublication> {
        let facts = Facts {
            connected_days: self.connected_days,
            streak_weeks: self.streak_weeks,
            signals: self.signals,
            plausibility: self.plausibility_per_mille,
            model: Group(read_name("model", &self.model)?),
            region: match &self.region {
                Some(region) => Some(Group(read_name("region", region)?)),
                None => None,
            },
        };
        let PointsView { days, streak, signals, model, region, total } = self.points;
        let points = Points { days, streak, signals, model, region, total };
        let share = Share { points, amount: Amount::parse(&self.amount)? };
        Ok((Pseudonym(read_name("pseudonym", &self.pseudonym)?), (facts, share)))
    }
}

fn read_name<const BYTES: usize>(
    what: &'static str,
    text: &str,
) -> Result<[u8; BYTES], NotAPublication> {
    let bytes = hex::decode(text).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| NotAPublication::Field { what, text: text.to_owned() })
}

/// Computes the pool and every share in a file again, and says what is another.
///
/// # Errors
/// What is not the file of a week, or of other rules, is refused.
pub fn verify(bytes: &[u8]) -> Result<Verified, NotAPublication> {
    let said = Publication::parse(bytes)?;
    let again = said.again();
    let mut findings = Vec::new();
    if said.pool != again.pool {
        let (week, said, pool) = (said.week.number, said.pool, again.pool);
        findings.push(format!("the pool of week {week} is {pool}, the file says {said}"));
    }
    for (name, (_, share)) in &again.rows {
        let told = said.rows.get(name).map(|(_, share)| *share).unwrap_or_default();
        if told != *share {
            findings.push(format!(
                "{name} has {} points and {} tokens, the file says {} and {}",
                share.points.total, share.amount, told.points.total, told.amount
            ));
        }
    }
    if findings.is_empty() && again.bytes()? != bytes {
        findings.push("a market writes these facts in other bytes".to_owned());
    }
    let sha256 = hex::encode(Sha256::digest(bytes));
    Ok(Verified { week: said.week.number, vehicles: said.rows.len(), sha256, findings })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use telematics::testing::T0;

    use super::*;
    use crate::rewards::reckon::tests::arb_facts;

    const RULES: PoolRules =
        PoolRules { first: Amount::from_micros(10_000_000_000), decay_basis_points: 1_500 };

    fn week() -> Publication {
        let facts = |days, signals, model| Facts {
            connected_days: days,
            streak_weeks: 3,
            signals,
            plausibility: 990,
            model: Group([model; 8]),
            region: (model == 2).then_some(Group([9; 8])),
        };
        let rows = [(1, facts(7, 12, 1)), (2, facts(3, 8, 1)), (3, facts(5, 9, 2))];
        let rows = rows.map(|(name, facts)| (Pseudonym([name; 16]), facts)).into();
        Publication::reckoned(Week { number: 60, first_day: T0.day() }, RULES, &rows)
    }

    /// As `week`, with `from` replaced by `to` in the file.
    fn tampered(from: &str, to: &str) -> Result<Verified, NotAPublication> {
        let text = String::from_utf8(week().bytes().unwrap()).unwrap();
        assert!(text.contains(from), "{from} is not in {text}");
        verify(text.replacen(from, to, 1).as_bytes())
    }

    /// Files that were published must be the same ever after.
    #[test]
    fn the_bytes_of_a_week_are_what_they_were() {
        let bytes = week().bytes().unwrap();
        let text = String::from_utf8(bytes.clone()).unwrap();
        let begin = "{\"rules_version\":1,\"week\":60,\"first_day\":\"2024-01-01\",\"pool_first\":\"10000.000000\",\
                     \"decay_basis_points_per_year\":1500,\"pool\":\"8500.000000\",\"vehicles\":[{\"pseudonym\":\"0101";

        assert!(text.starts_with(begin), "{text}");
        assert_eq!(hex::encode(Sha256::digest(&bytes)), GOLDEN);
    }

    /// As a few lines of Python compute it.
    const GOLDEN: &str = "3debfed10ad92ddc8c6a13d46a935b80f3fd016fb6f8dae1c71cd4887aa4acb1";

    #[test]
    fn a_file_that_was_changed_is_found() {
        let clean = tampered("{", "{").unwrap();
        assert_eq!((clean.findings.len(), clean.week, clean.vehicles), (0, 60, 3));

        #[rustfmt::skip] // a table is read by column
        let cases = [
            ("\"pool\":\"8500.000000\"",  "\"pool\":\"8501.000000\"",   "the pool of week 60 is 8500"),
            ("\"week\":60",               "\"week\":6",                 "the pool of week 6 is 10000"),
            ("\"connected_days\":7",      "\"connected_days\":6",       "0101"),
            ("\"signals\":12",            "\"signals\":13",             "0101"),
            ("\"region\":null",           "\"region\":\"0808080808080808\"", "0303"),
            ("\"total\":",                "\"total\":1",                "0101"),
            ("\"amount\":\"",             "\"amount\":\"1",             "0101"),
            ("{\"rules",                  "{ \"rules",                  "other bytes"),
        ];
        for (from, to, part) in cases {
            let findings = tampered(from, to).unwrap().findings.join("\n");
            assert!(findings.contains(part), "{to}: {findings}");
        }
    }

    #[test]
    fn what_is_no_file_of_a_week_is_refused() {
        #[rustfmt::skip] // a table is read by column
        let cases = [
            ("{\"rules_version\":1",       "{\"rules_version\":2",      "version 2 of the rules"),
            ("\"week\":60",                "\"weeks\":60",              "not the file of a week"),
            ("2024-01-01",                 "2024-13-01",                "no date"),
            ("\"pseudonym\":\"01",         "\"pseudonym\":\"",          "no pseudonym"),
            ("\"pool\":\"8500.000000\"",   "\"pool\":\"lots\"",         "not an amount"),
        ];
        for (from, to, part) in cases {
            let refused = tampered(from, to).unwrap_err().to_string();
            assert!(refused.contains(part), "{to}: {refused}");
        }
    }

    proptest! {
        /// Whatever a market publishes reads back, and is found to be right.
        #[test]
        fn a_published_week_verifies(number in 1..2_000_u32, facts in arb_facts()) {
            let week = Week { number, first_day: T0.day() };
            let published = Publication::reckoned(week, RULES, &facts);
            let bytes = published.bytes().unwrap();

            prop_assert_eq!(verify(&bytes).unwrap().findings, Vec::<String>::new());
            prop_assert_eq!(Publication::parse(&bytes).unwrap(), published);
        }
    }
}

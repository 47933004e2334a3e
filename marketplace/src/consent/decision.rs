//! What an owner decides, and its text: `battery=share,location=share;location=h3-9`.
//!
//! **Invariant:** two decisions that permit the same precision of a group name it the same way: the usual
//! one is never written down.

use std::collections::BTreeMap;
use std::fmt;

use telematics::consent::{Disclosure, Policy, PolicyVersion, UnknownDisclosure};
use telematics::precision::{Precision, WrongPrecision};
use telematics::vss::{SignalGroup, UnknownGroup};

/// What an owner decided about each group. One that is not in it is kept.
pub type Groups = BTreeMap<SignalGroup, Disclosure>;

/// How precisely groups leave the car. One that is not in it has the usual precision.
pub type Precisions = BTreeMap<SignalGroup, Precision>;

/// All that an owner decides about one vehicle.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    groups: Groups,
    precisions: Precisions,
}

/// Why text is not a decision.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotADecision {
    /// A part without `=`.
    #[error("`{part}` is not of the form group=word, such as battery=share")]
    NotAPair {
        /// The part.
        part: String,
    },
    /// Two decisions about one group.
    #[error("`{group}` is decided twice")]
    Twice {
        /// The group.
        group: SignalGroup,
    },
    /// A group that is none.
    #[error(transparent)]
    Group(#[from] UnknownGroup),
    /// A disclosure that is none.
    #[error(transparent)]
    Disclosure(#[from] UnknownDisclosure),
    /// A precision that the group can not have.
    #[error(transparent)]
    Precision(#[from] WrongPrecision),
}

impl Decision {
    /// The decision that discloses `groups` at these `precisions`.
    #[must_use]
    pub fn new(groups: Groups, mut precisions: Precisions) -> Self {
        precisions.retain(|group, precision| *precision != Precision::default_of(*group));
        Self { groups, precisions }
    }

    /// Reads a decision: disclosures separated by commas, and behind a semicolon precisions. Empty text
    /// decides nothing.
    ///
    /// # Errors
    /// Unknown words, a group decided twice and anything else is refused by name.
    pub fn parse(text: &str) -> Result<Self, NotADecision> {
        let (groups, precisions) = text.split_once(';').unwrap_or((text, ""));
        Self::of_columns(groups, precisions)
    }

    /// Reads the two parts of a decision.
    pub(super) fn of_columns(groups: &str, precisions: &str) -> Result<Self, NotADecision> {
        let groups = pairs(groups, |_, word| Ok(Disclosure::parse(word)?))?;
        let precisions = pairs(precisions, |group, word| Ok(Precision::parse(group, word)?))?;
        Ok(Self::new(groups, precisions))
    }

    /// Writes the two parts in the form that [`Self::of_columns`] reads.
    pub(super) fn columns(&self) -> [String; 2] {
        [joined(&self.groups), joined(&self.precisions)]
    }

    /// The policy that this decision makes, as `version`.
    #[must_use]
    pub fn policy(&self, version: PolicyVersion) -> Policy {
        Policy::new(version, self.groups.clone()).with_precisions(self.precisions.clone())
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [groups, precisions] = self.columns();
        if precisions.is_empty() {
            f.write_str(&groups)
        } else {
            write!(f, "{groups};{precisions}")
        }
    }
}

fn pairs<T>(
    text: &str,
    read: impl Fn(SignalGroup, &str) -> Result<T, NotADecision>,
) -> Result<BTreeMap<SignalGroup, T>, NotADecision> {
    let mut pairs = BTreeMap::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let not_a_pair = || NotADecision::NotAPair { part: part.to_owned() };
        let (group, word) = part.split_once('=').ok_or_else(not_a_pair)?;
        let group = SignalGroup::parse(group.trim())?;
        if pairs.insert(group, read(group, word.trim())?).is_some() {
            return Err(NotADecision::Twice { group });
        }
    }
    Ok(pairs)
}

fn joined<T: fmt::Display>(pairs: &BTreeMap<SignalGroup, T>) -> String {
    let parts = pairs.iter().map(|(group, word)| format!("{group}={word}"));
    parts.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decisions_round_trip() {
        #[rustfmt::skip] // a table is read by column
        let cases = [
            ("",                                             ""),
            ("motion=prove, battery=share",                  "motion=prove,battery=share"),
            ("location=share; location=h3-9 , motion=whole", "location=share;motion=whole,location=h3-9"),
            (";location=exact",                              ";location=exact"),
            ("location=share;location=h3-6,motion=exact",    "location=share"),
        ];
        for (text, expected) in cases {
            let decision = Decision::parse(text).unwrap();
            assert_eq!(decision.to_string(), expected, "{text}");
            assert_eq!(Decision::parse(expected), Ok(decision), "{text}");
        }
    }

    #[test]
    fn what_is_no_decision_is_refused_by_name() {
        #[rustfmt::skip] // a table is read by column
        let cases = [
            ("battery",                         "`battery` is not of the form"),
            ("radio=share",                     "radio"),
            ("battery=sell",                    "`sell` is not a disclosure"),
            ("battery=share,battery=keep",      "decided twice"),
            ("battery=share;battery=h3-6",      "the precision of battery can not be `h3-6`"),
            ("battery=share;location=street",   "the precision of location can not be `street`"),
            (";motion=whole,motion=exact",      "decided twice"),
            (";motion=whole;location=exact",    "the precision of motion can not be `whole;location=exact`"),
        ];
        for (text, message) in cases {
            let error = Decision::parse(text).unwrap_err().to_string();
            assert!(error.contains(message), "{text}: {error}");
        }
    }
}

//! What an owner decides, and its text: `battery=share,location=share;location=h3-9;research,traffic`.
//!
//! **Invariant:** two decisions that permit the same precision of a group, or the same purposes, say it the same way: what is
//! usual is never written down.

use std::collections::BTreeMap;
use std::fmt;

use telematics::consent::{Disclosure, Policy, PolicyVersion, UnknownDisclosure};
use telematics::precision::{Precision, WrongPrecision};
use telematics::vss::{SignalGroup, UnknownGroup};

use super::purpose::{Purposes, UnknownPurpose};

/// What an owner decided about each group. One that is not in it is kept.
pub type Groups = BTreeMap<SignalGroup, Disclosure>;

/// How precisely groups leave the car. One that is not in it has the usual precision.
pub type Precisions = BTreeMap<SignalGroup, Precision>;

/// All that an owner decides about one vehicle.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    groups: Groups,
    precisions: Precisions,
    purposes: Purposes,
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
    /// A purpose that is none.
    #[error(transparent)]
    Purpose(#[from] UnknownPurpose),
}

impl Decision {
    /// The decision that discloses `groups` at these `precisions`, for these `purposes`.
    #[must_use]
    pub fn new(groups: Groups, mut precisions: Precisions, purposes: Purposes) -> Self {
        precisions.retain(|group, precision| *precision != Precision::default_of(*group));
        Self { groups, precisions, purposes }
    }

    /// Reads a decision: disclosures separated by commas, and behind a semicolon each precisions and purposes. Empty text
    /// decides nothing.
    ///
    /// # Errors
    /// Unknown words, a group decided twice and anything else is refused by name.
    pub fn parse(text: &str) -> Result<Self, NotADecision> {
        let (groups, rest) = text.split_once(';').unwrap_or((text, ""));
        let (precisions, purposes) = rest.split_once(';').unwrap_or((rest, ""));
        Self::of_columns([groups, precisions, purposes])
    }

    /// Reads the three parts of a decision.
    pub(super) fn of_columns(
        [groups, precisions, purposes]: [&str; 3],
    ) -> Result<Self, NotADecision> {
        let groups = pairs(groups, |_, word| Ok(Disclosure::parse(word)?))?;
        let precisions = pairs(precisions, |group, word| Ok(Precision::parse(group, word)?))?;
        Ok(Self::new(groups, precisions, Purposes::parse(purposes.trim())?))
    }

    /// Writes the three parts in the form that [`Self::of_columns`] reads.
    pub(super) fn columns(&self) -> [String; 3] {
        [joined(&self.groups), joined(&self.precisions), self.purposes.to_string()]
    }

    /// What rows may be used for.
    #[must_use]
    pub const fn purposes(&self) -> &Purposes {
        &self.purposes
    }

    /// The policy that this decision makes, as `version`.
    #[must_use]
    pub fn policy(&self, version: PolicyVersion) -> Policy {
        Policy::new(version, self.groups.clone()).with_precisions(self.precisions.clone())
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.columns().join(";");
        f.write_str(columns.trim_end_matches(';'))
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
            ("motion=share;;traffic",                        "motion=share;;traffic"),
            ("motion=share;motion=whole; none ",             "motion=share;motion=whole;none"),
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
            (";motion=whole;location=exact",    "`location=exact` is no purpose"),
            ("motion=share;;fun",               "`fun` is no purpose"),
        ];
        for (text, message) in cases {
            let error = Decision::parse(text).unwrap_err().to_string();
            assert!(error.contains(message), "{text}: {error}");
        }
    }
}

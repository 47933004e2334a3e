//! Consent: what may leave the car.
//!
//! The owner decides per signal group. The car applies the decision before anything touches its
//! disk, and the market refuses batches that were cut under an older one, so both sides ask the same
//! functions: [`Policy::disclosure`] and [`Policy::precision`].
//!
//! **Invariant:** a group that the owner never spoke about is kept. A policy never widens by default.
//!
//! **Not here:** how a decision is stored and who may change it (`marketplace`'s consent module).

use std::collections::BTreeMap;
use std::fmt;

use crate::precision::Precision;
use crate::vss::{Signal, SignalGroup};

/// What may be done with the signals of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Disclosure {
    /// Nothing leaves the car, and nothing is written down in it.
    Keep,
    /// Only commitments leave; values stay in the car, for proofs.
    Prove,
    /// Samples leave the car.
    Share,
}

impl Disclosure {
    /// The word for it in files, tables and JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Prove => "prove",
            Self::Share => "share",
        }
    }

    /// Finds the disclosure that `text` names.
    ///
    /// # Errors
    /// Anything but `share`, `prove` and `keep` is refused.
    pub fn parse(text: &str) -> Result<Self, UnknownDisclosure> {
        match text {
            "keep" => Ok(Self::Keep),
            "prove" => Ok(Self::Prove),
            "share" => Ok(Self::Share),
            _ => Err(UnknownDisclosure { text: text.to_owned() }),
        }
    }
}

impl fmt::Display for Disclosure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Text that names no disclosure.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a disclosure; it is one of share, prove, keep")]
pub struct UnknownDisclosure {
    text: String,
}

/// Counts the decisions of an owner about one vehicle, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyVersion(u32);

impl PolicyVersion {
    /// The version of the policy that a vehicle gets at enrolment.
    pub const FIRST: Self = Self(1);

    /// Version number `number`.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }

    /// The version that replaces this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for PolicyVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What the owner of one vehicle permits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    version: PolicyVersion,
    groups: BTreeMap<SignalGroup, Disclosure>,
    /// Where the owner wants another precision than the usual one.
    precisions: BTreeMap<SignalGroup, Precision>,
}

impl Policy {
    /// The policy that decides `groups`, and keeps every other group.
    #[must_use]
    pub fn new(version: PolicyVersion, groups: BTreeMap<SignalGroup, Disclosure>) -> Self {
        Self { version, groups, precisions: BTreeMap::new() }
    }

    /// The same policy, with these precisions instead of the usual ones.
    #[must_use]
    pub fn with_precisions(mut self, precisions: BTreeMap<SignalGroup, Precision>) -> Self {
        self.precisions = precisions;
        self.precisions.retain(|group, precision| *precision != Precision::default_of(*group));
        self
    }

    /// The version that batches made under this policy name.
    #[must_use]
    pub const fn version(&self) -> PolicyVersion {
        self.version
    }

    /// What may be done with `group`.
    #[must_use]
    pub fn group(&self, group: SignalGroup) -> Disclosure {
        self.groups.get(&group).copied().unwrap_or(Disclosure::Keep)
    }

    /// What may be done with `signal`.
    #[must_use]
    pub fn disclosure(&self, signal: Signal) -> Disclosure {
        self.group(signal.group())
    }

    /// How precisely samples of `group` leave the car, when they are shared.
    #[must_use]
    pub fn precision(&self, group: SignalGroup) -> Precision {
        let default = Precision::default_of(group);
        self.precisions.get(&group).copied().unwrap_or(default)
    }

    /// The groups whose precision is not the usual one.
    pub fn precisions(&self) -> impl Iterator<Item = (SignalGroup, Precision)> + '_ {
        self.precisions.iter().map(|(group, precision)| (*group, *precision))
    }

    /// Every group and what may be done with it.
    pub fn groups(&self) -> impl Iterator<Item = (SignalGroup, Disclosure)> + '_ {
        SignalGroup::ALL.into_iter().map(|group| (group, self.group(group)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_never_spoken_about_is_kept() {
        let policy = Policy::new(
            PolicyVersion::FIRST,
            BTreeMap::from([(SignalGroup::Motion, Disclosure::Share)]),
        );

        assert_eq!(policy.disclosure(Signal::by_path("Vehicle.Speed").unwrap()), Disclosure::Share);
        for group in SignalGroup::ALL.into_iter().filter(|group| *group != SignalGroup::Motion) {
            assert_eq!(policy.group(group), Disclosure::Keep, "{group}");
        }
    }

    #[test]
    fn positions_leave_as_cells_unless_the_owner_says_otherwise() {
        let policy = Policy::new(PolicyVersion::FIRST, BTreeMap::new());
        assert_eq!(policy.precision(SignalGroup::Location).to_string(), "h3-6");
        assert_eq!(policy.precision(SignalGroup::Motion), Precision::Exact);

        let precise = [(SignalGroup::Location, Precision::Exact)];
        let asked = policy.clone().with_precisions(precise.into());
        assert_eq!(asked.precision(SignalGroup::Location), Precision::Exact);
        assert_ne!(asked, policy, "a policy is another one when its precision is");
        assert!(asked.precisions().eq(precise));
        let usual = [(SignalGroup::Motion, Precision::Exact)];
        assert_eq!(policy.clone().with_precisions(usual.into()), policy);
    }

    #[test]
    fn words_round_trip_and_others_are_refused() {
        for disclosure in [Disclosure::Keep, Disclosure::Prove, Disclosure::Share] {
            assert_eq!(Disclosure::parse(disclosure.as_str()), Ok(disclosure));
        }
        assert!(Disclosure::parse("sell").is_err());
        assert!(SignalGroup::parse("radio").unwrap_err().to_string().contains("motion, driving"));
    }
}

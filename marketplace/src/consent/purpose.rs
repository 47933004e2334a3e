//! What rows may be used for: the owner says which purposes, a quote is for one of them.
//!
//! **Invariant:** what can be held against a person is off until its owner says otherwise.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

/// What a buyer wants rows for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// To learn, and to publish what was learnt.
    Research,
    /// To design, test and maintain vehicles and their parts.
    ProductDevelopment,
    /// To find defects and dangers.
    Safety,
    /// Maps, traffic, roads and weather.
    Traffic,
    /// Charging and power grids.
    Energy,
    /// To set somebody's premium, or to decide about his claim. Off unless the owner says otherwise.
    InsuranceScoring,
    /// To decide about somebody's credit. Off unless the owner says otherwise.
    CreditScoring,
    /// To prosecute. Off unless the owner says otherwise.
    LawEnforcement,
    /// To advertise. Off unless the owner says otherwise.
    Advertising,
}

/// A word for no purpose.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is no purpose: use {}", Purpose::ALL.map(Purpose::as_str).join(", "))]
pub struct UnknownPurpose {
    word: String,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 9] = [
        Self::Research,
        Self::ProductDevelopment,
        Self::Safety,
        Self::Traffic,
        Self::Energy,
        Self::InsuranceScoring,
        Self::CreditScoring,
        Self::LawEnforcement,
        Self::Advertising,
    ];

    /// The word for it in tables and JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Research => "research",
            Self::ProductDevelopment => "product-development",
            Self::Safety => "safety",
            Self::Traffic => "traffic",
            Self::Energy => "energy",
            Self::InsuranceScoring => "insurance-scoring",
            Self::CreditScoring => "credit-scoring",
            Self::LawEnforcement => "law-enforcement",
            Self::Advertising => "advertising",
        }
    }

    /// Reads the word for a purpose.
    ///
    /// # Errors
    /// Refuses another word, and names those that there are.
    pub fn parse(word: &str) -> Result<Self, UnknownPurpose> {
        let found = Self::ALL.into_iter().find(|purpose| purpose.as_str() == word);
        found.ok_or_else(|| UnknownPurpose { word: word.to_owned() })
    }

    /// Whether an owner who says nothing permits it.
    #[must_use]
    pub const fn is_usual(self) -> bool {
        !matches!(
            self,
            Self::InsuranceScoring | Self::CreditScoring | Self::LawEnforcement | Self::Advertising
        )
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What an owner lets rows of a vehicle be used for. By default the usual purposes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purposes(BTreeSet<Purpose>);

/// How no purpose at all is written: nothing stands for the usual ones.
const NONE: &str = "none";

impl Purposes {
    /// These and no others.
    #[must_use]
    pub fn new(purposes: impl IntoIterator<Item = Purpose>) -> Self {
        Self(purposes.into_iter().collect())
    }

    /// Whether `purpose` is one of them.
    #[must_use]
    pub fn permit(&self, purpose: Purpose) -> bool {
        self.0.contains(&purpose)
    }

    /// All of them, in the order of [`Purpose::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = Purpose> + '_ {
        self.0.iter().copied()
    }

    /// Reads what `Display` wrote.
    ///
    /// # Errors
    /// Refuses unknown words.
    pub fn parse(text: &str) -> Result<Self, UnknownPurpose> {
        match text {
            "" => Ok(Self::default()),
            NONE => Ok(Self::new([])),
            words => words.split(',').map(Purpose::parse).collect::<Result<_, _>>().map(Self),
        }
    }
}

impl Default for Purposes {
    fn default() -> Self {
        Self::new(Purpose::ALL.into_iter().filter(|purpose| purpose.is_usual()))
    }
}

impl fmt::Display for Purposes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::default() {
            return Ok(());
        }
        let words = self.0.iter().map(|purpose| purpose.as_str()).collect::<Vec<_>>();
        f.write_str(if words.is_empty() { NONE } else { "" })?;
        f.write_str(&words.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_held_against_a_person_is_off_by_default() {
        let usual = Purposes::default();

        for word in ["insurance-scoring", "credit-scoring", "law-enforcement", "advertising"] {
            assert!(!usual.permit(Purpose::parse(word).unwrap()), "{word}");
        }
        assert!(usual.permit(Purpose::Research));
    }

    #[test]
    fn purposes_survive_their_text() {
        for (text, count) in [("", 5), ("none", 0), ("traffic", 1), ("research,advertising", 2)] {
            let purposes = Purposes::parse(text).unwrap();
            assert_eq!((purposes.to_string().as_str(), purposes.iter().count()), (text, count));
        }
        assert_eq!(
            Purposes::parse("research,product-development,safety,traffic,energy")
                .unwrap()
                .to_string(),
            ""
        );
        let refused = Purposes::parse("fun").unwrap_err().to_string();
        assert!(refused.contains("`fun`") && refused.contains("law-enforcement"), "{refused}");
    }
}

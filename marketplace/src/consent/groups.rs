//! Decisions as text: `battery=share,motion=prove`.

use std::collections::BTreeMap;

use telematics::consent::{Disclosure, UnknownDisclosure};
use telematics::vss::{SignalGroup, UnknownGroup};

/// What an owner decided about each group. One that is not in it is kept.
pub type Groups = BTreeMap<SignalGroup, Disclosure>;

/// Why text is not a decision.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotGroups {
    /// A part without `=`.
    #[error("`{part}` is not of the form group=disclosure, such as battery=share")]
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
}

/// Reads decisions separated by commas; empty text decides nothing.
///
/// # Errors
/// Unknown words, a group decided twice and anything else is refused by name.
pub fn parse_groups(text: &str) -> Result<Groups, NotGroups> {
    let mut groups = Groups::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let not_a_pair = || NotGroups::NotAPair { part: part.to_owned() };
        let (group, disclosure) = part.split_once('=').ok_or_else(not_a_pair)?;
        let group = SignalGroup::parse(group.trim())?;
        if groups.insert(group, Disclosure::parse(disclosure.trim())?).is_some() {
            return Err(NotGroups::Twice { group });
        }
    }
    Ok(groups)
}

/// Writes decisions in the form that [`parse_groups`] reads.
#[must_use]
pub fn format_groups(groups: &Groups) -> String {
    let parts = groups.iter().map(|(group, disclosure)| format!("{group}={disclosure}"));
    parts.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decisions_round_trip() {
        let groups = parse_groups("motion=prove, battery=share").unwrap();

        assert_eq!(groups.len(), 2);
        assert_eq!(parse_groups(&format_groups(&groups)), Ok(groups));
        assert_eq!(parse_groups(""), Ok(Groups::new()));
    }

    #[test]
    fn what_is_no_decision_is_refused_by_name() {
        #[rustfmt::skip] // a table is read by column
        let cases = [
            ("battery",                    "`battery` is not of the form"),
            ("radio=share",                "radio"),
            ("battery=sell",               "`sell` is not a disclosure"),
            ("battery=share,battery=keep", "decided twice"),
        ];
        for (text, message) in cases {
            let error = parse_groups(text).unwrap_err().to_string();
            assert!(error.contains(message), "{text}: {error}");
        }
    }
}

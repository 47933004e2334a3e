//! Labels: how an owner of many vehicles tells them apart, in his own words.
//!
//! **Invariant:** a label's name reads as the name of a column, so that SQL over the owner's vehicles can have it as one.

use std::collections::BTreeMap;

use telematics::VehicleId;

use super::principal::Owner;
use super::{IdentityError, queries};
use crate::db::Conn;

/// Labels of one vehicle.
const LABELS_MAX: usize = 16;
/// Characters of a name.
const NAME_CHARS_MAX: usize = 32;
/// Characters of a text.
const TEXT_CHARS_MAX: usize = 64;

/// What a vehicle has anyway, and no label is called.
const RESERVED: [&str; 5] = ["vehicle", "make", "model", "model_year", "powertrain"];

/// An owner's texts about one vehicle, by name: `depot` is `Leipzig`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels(BTreeMap<String, String>);

/// Why texts are not labels.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotLabels {
    /// More than a vehicle has.
    #[error("{count} labels; a vehicle has at most {LABELS_MAX}")]
    TooMany {
        /// How many.
        count: usize,
    },
    /// A name that is none.
    #[error(
        "`{name}` is no name of a label: 1 to {NAME_CHARS_MAX} small letters, digits and `_`, beginning with a \
         letter, and not {}", RESERVED.join(", ")
    )]
    Name {
        /// The name.
        name: String,
    },
    /// A text that is too long, or not for people.
    #[error(
        "label `{name}` is longer than {TEXT_CHARS_MAX} characters, or has control characters in it"
    )]
    Text {
        /// Its name.
        name: String,
    },
    /// What is stored is no object of texts.
    #[error("labels are an object of texts")]
    Form,
}

impl Labels {
    /// Looks at `labels`.
    ///
    /// # Errors
    /// Too many of them, names that are no names of columns and long texts are refused by name.
    pub fn new(labels: BTreeMap<String, String>) -> Result<Self, NotLabels> {
        if labels.len() > LABELS_MAX {
            return Err(NotLabels::TooMany { count: labels.len() });
        }
        for (name, text) in &labels {
            if !is_name(name) {
                return Err(NotLabels::Name { name: name.clone() });
            }
            if text.chars().count() > TEXT_CHARS_MAX || text.contains(char::is_control) {
                return Err(NotLabels::Text { name: name.clone() });
            }
        }
        Ok(Self(labels))
    }

    /// Reads what [`Self::to_json`] wrote.
    pub(super) fn parse(json: &str) -> Result<Self, NotLabels> {
        Self::new(serde_json::from_str(json).or(Err(NotLabels::Form))?)
    }

    fn to_json(&self) -> String {
        serde_json::json!(self.0).to_string()
    }

    /// Names and texts, by name.
    #[must_use]
    pub const fn as_map(&self) -> &BTreeMap<String, String> {
        &self.0
    }
}

fn is_name(name: &str) -> bool {
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(is_part)
        && name.len() <= NAME_CHARS_MAX
        && !RESERVED.contains(&name)
}

/// Labels `vehicle` of `owner`, in place of what it was labelled before.
///
/// # Errors
/// A vehicle that is not the owner's is refused.
pub fn label(
    conn: &mut Conn,
    owner: &Owner,
    vehicle: VehicleId,
    labels: &Labels,
) -> Result<(), IdentityError> {
    let is_his = queries::set_labels(conn, owner.id, vehicle, &labels.to_json())?;
    if is_his { Ok(()) } else { Err(IdentityError::NotYours { vehicle }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(name: &str, text: &str) -> Result<Labels, NotLabels> {
        Labels::new(BTreeMap::from([(name.to_owned(), text.to_owned())]))
    }

    #[test]
    fn labels_are_read_as_they_were_written() {
        for labels in [Labels::default(), one("depot_2", "Köln \"Süd\"").unwrap()] {
            assert_eq!(Labels::parse(&labels.to_json()), Ok(labels));
        }
        assert_eq!(Labels::parse("[1]"), Err(NotLabels::Form));
    }

    #[test]
    fn what_could_be_no_column_or_is_too_much_is_refused_by_name() {
        let long = "x".repeat(33);
        for name in ["", "2nd", "Fleet", "a b", "make", "vehicle", "ä", "a\"b", &long] {
            let error = one(name, "East").unwrap_err().to_string();
            assert!(error.contains(&format!("`{name}`")), "{error}");
        }
        for text in ["x".repeat(65), "a\nb".to_owned()] {
            let error = one("fleet", &text).unwrap_err().to_string();
            assert!(error.contains("`fleet`"), "{error}");
        }
        let many = (0..17).map(|number| (format!("label_{number}"), String::new())).collect();
        assert_eq!(Labels::new(many), Err(NotLabels::TooMany { count: 17 }));
    }
}

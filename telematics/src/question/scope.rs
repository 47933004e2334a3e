//! Which cars and days a question is asked of.

use super::NotAQuestion;
use crate::vehicle::Powertrain;

/// Which cars a question is asked of. What is `None` may be anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClassPattern {
    /// The make.
    pub make: Option<String>,
    /// The model.
    pub model: Option<String>,
    /// The model year.
    pub year: Option<u16>,
    /// The powertrain.
    pub powertrain: Option<Powertrain>,
}

/// Which cars and days a question is asked of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    class: ClassPattern,
    first_day: u16,
    last_day: u16,
}

impl Scope {
    /// Cars of `class`, and what the marketplace received from `first_day` to `last_day`, both included
    /// and counted from 1970-01-01.
    ///
    /// # Errors
    /// A last day before the first is refused.
    pub fn new(class: ClassPattern, first_day: u16, last_day: u16) -> Result<Self, NotAQuestion> {
        if last_day < first_day {
            return Err(NotAQuestion::NoDays { first: first_day, last: last_day });
        }
        Ok(Self { class, first_day, last_day })
    }

    /// Which cars.
    #[must_use]
    pub const fn class(&self) -> &ClassPattern {
        &self.class
    }

    /// The first day.
    #[must_use]
    pub const fn first_day(&self) -> u16 {
        self.first_day
    }

    /// The last day.
    #[must_use]
    pub const fn last_day(&self) -> u16 {
        self.last_day
    }
}

//! Which cars and days a question is asked of.

use super::NotAQuestion;
use crate::vehicle::{Powertrain, VehicleDescription};

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

impl ClassPattern {
    /// True when `car` is of this class. Upper and lower case are the same.
    #[must_use]
    pub fn admits(&self, car: &VehicleDescription) -> bool {
        let same = |wanted: &Option<String>, word: &str| {
            wanted.as_ref().is_none_or(|wanted| wanted.to_lowercase() == word.to_lowercase())
        };
        same(&self.make, car.make())
            && same(&self.model, car.model())
            && self.year.is_none_or(|year| year == car.year())
            && self.powertrain.is_none_or(|powertrain| powertrain == car.powertrain())
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_admits_the_cars_that_it_describes() {
        let car = VehicleDescription::new("Toyota", "RAV4", 2017, Powertrain::Hybrid).unwrap();
        let any = ClassPattern::default();
        let word = |word: &str| Some(word.to_owned());
        #[rustfmt::skip] // a table is read by column
        let cases = [
            ("any car",        any.clone(),                                                       true),
            ("in other case",  ClassPattern { make: word("TOYOTA"), ..any.clone() },              true),
            ("another make",   ClassPattern { make: word("Honda"), ..any.clone() },               false),
            ("another model",  ClassPattern { model: word("Yaris"), ..any.clone() },              false),
            ("its year",       ClassPattern { year: Some(2017), ..any.clone() },                  true),
            ("another year",   ClassPattern { year: Some(2018), ..any.clone() },                  false),
            ("other wheels",   ClassPattern { powertrain: Some(Powertrain::Diesel), ..any },      false),
        ];
        for (name, pattern, expected) in cases {
            assert_eq!(pattern.admits(&car), expected, "{name}");
        }
    }
}

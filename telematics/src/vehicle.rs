//! What a vehicle is, as its owner describes it: make, model, model year, powertrain.
//!
//! Buyers search and filter by these words, and proofs speak of classes made of them. They say
//! nothing that singles out one car.
//!
//! **Invariant:** a [`VehicleDescription`] holds only short printable words and a plausible year.

use std::fmt;

/// What drives the wheels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Powertrain {
    /// Battery only.
    Electric,
    /// Battery that charges from the grid, and an engine.
    PlugInHybrid,
    /// Engine with a battery that never sees the grid.
    Hybrid,
    /// Petrol engine.
    Petrol,
    /// Diesel engine.
    Diesel,
    /// Hydrogen fuel cell.
    FuelCell,
}

impl Powertrain {
    /// Every powertrain.
    pub const ALL: [Self; 6] = [
        Self::Electric,
        Self::PlugInHybrid,
        Self::Hybrid,
        Self::Petrol,
        Self::Diesel,
        Self::FuelCell,
    ];

    /// The word for it in files, tables and JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Electric => "electric",
            Self::PlugInHybrid => "plug-in-hybrid",
            Self::Hybrid => "hybrid",
            Self::Petrol => "petrol",
            Self::Diesel => "diesel",
            Self::FuelCell => "fuel-cell",
        }
    }

    /// Finds the powertrain that `text` names.
    ///
    /// # Errors
    /// An unknown word is refused, with the known ones in the message.
    pub fn parse(text: &str) -> Result<Self, NotAVehicle> {
        let known = Self::ALL.into_iter().find(|powertrain| powertrain.as_str() == text);
        known.ok_or_else(|| NotAVehicle::UnknownPowertrain { text: text.to_owned() })
    }
}

impl fmt::Display for Powertrain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a vehicle is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VehicleDescription {
    make: String,
    model: String,
    year: u16,
    powertrain: Powertrain,
}

/// Why words do not describe a vehicle.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAVehicle {
    /// Make or model is empty, too long or not printable.
    #[error(
        "{field} `{text}` is not 1 to {} printable characters",
        VehicleDescription::WORD_CHARS_MAX
    )]
    BadWord {
        /// `make` or `model`.
        field: &'static str,
        /// What was given.
        text: String,
    },
    /// No car was built then.
    #[error("model year {year} is not between 1950 and 2100")]
    BadYear {
        /// What was given.
        year: u32,
    },
    /// Not one of the powertrains.
    #[error("`{text}` is not a powertrain; it is one of {}", Powertrain::ALL.map(Powertrain::as_str).join(", "))]
    UnknownPowertrain {
        /// What was given.
        text: String,
    },
}

impl VehicleDescription {
    /// Characters that a make or a model may have.
    pub const WORD_CHARS_MAX: usize = 40;

    /// Describes a vehicle.
    ///
    /// # Errors
    /// Words that are empty, long or unprintable and years without cars are refused.
    pub fn new(
        make: &str,
        model: &str,
        year: u32,
        powertrain: Powertrain,
    ) -> Result<Self, NotAVehicle> {
        let plausible = u16::try_from(year).ok().filter(|year| (1950..=2100).contains(year));
        Ok(Self {
            make: word("make", make)?,
            model: word("model", model)?,
            year: plausible.ok_or(NotAVehicle::BadYear { year })?,
            powertrain,
        })
    }

    /// The manufacturer's brand, such as `Toyota`.
    #[must_use]
    pub fn make(&self) -> &str {
        &self.make
    }

    /// The model, such as `RAV4`.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.model
    }

    /// The model year.
    #[must_use]
    pub const fn year(&self) -> u16 {
        self.year
    }

    /// What drives the wheels.
    #[must_use]
    pub const fn powertrain(&self) -> Powertrain {
        self.powertrain
    }
}

impl fmt::Display for VehicleDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.make, self.model, self.year)
    }
}

fn word(field: &'static str, text: &str) -> Result<String, NotAVehicle> {
    let trimmed = text.trim();
    let fits = (1..=VehicleDescription::WORD_CHARS_MAX).contains(&trimmed.chars().count());
    if fits && !trimmed.chars().any(char::is_control) {
        return Ok(trimmed.to_owned());
    }
    Err(NotAVehicle::BadWord { field, text: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_car_is_described_in_four_words() {
        let car = VehicleDescription::new(" Toyota ", "RAV4", 2017, Powertrain::Hybrid).unwrap();

        assert_eq!(car.to_string(), "Toyota RAV4 2017");
    }

    #[test]
    fn what_describes_no_car_is_refused() {
        let long = "x".repeat(41);
        #[rustfmt::skip] // a table is read by column
        let cases = [
            ("",       "RAV4",  2017,   "make ``"),
            ("Toyota", " ",     2017,   "model ` `"),
            ("Toyota", &long,   2017,   "model `xxx"),
            ("Toy\0",  "RAV4",  2017,   "make `Toy"),
            ("Toyota", "RAV4",  1850,   "year 1850"),
            ("Toyota", "RAV4",  67_553, "year 67553"),
        ];
        for (make, model, year, expected) in cases {
            let error = VehicleDescription::new(make, model, year, Powertrain::Hybrid).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
        assert!(Powertrain::parse("steam").unwrap_err().to_string().contains("fuel-cell"));
    }
}

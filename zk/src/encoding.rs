//! How everything that is hashed becomes field elements: the one place that says so.
//!
//! Numbers are moved so that they begin at 0, several are packed into one element at fixed bit
//! positions, and what is hashed for different purposes begins with different tags.
//!
//! **Invariant: injective.** Every part has a width in bits, no element holds more than 253 bits (the modulus is above
//! `2^253`), and the functions here are given parts that fit; so the parts can be read back from the elements, and two things with
//! one hash are a collision of Poseidon. In the circuits a range check stands for each width.
//!
//! | element | from the highest bits to the lowest |
//! |---|---|
//! | header of a window, places, a summary | tag, period (8), signal (16), time (64) |
//! | values, seven to an element | `v6 … v0` (36 each), `v = raw + 2^35` |
//! | places, five to an element | `q4 … q0` (44 each), quadkey numbers |
//! | figure of a summary | `raw + 2^55` (56) |
//! | leaf's first element | tag, class (136), day (16) |
//! | class | powertrain (8), year (16), model (56), make (56) |
//! | scope | class, 0 where anything will do (136), mask (4), last day (16), first day (16) |

use ark_bn254::Fr;
use ark_ff::{PrimeField as _, Zero as _};
use sha2::{Digest as _, Sha256};
use telematics::question::{Bounds, ClassPattern, Scope};
use telematics::window::{Period, Window};
use telematics::{CampaignId, Place, Powertrain, Signal, Timestamp, Value, VehicleDescription};

use crate::field;

/// Bits of a value.
pub(crate) const VALUE_BITS: usize = 36;
/// Bits of the sum of a window.
pub(crate) const SUM_BITS: usize = 42;
/// Bits of a count of values of a window.
pub(crate) const COUNT_BITS: usize = 7;
/// Bits of a figure of a summary.
pub(crate) const FIGURE_BITS: usize = 56;
/// Bits of a quadkey number.
pub(crate) const PLACE_BITS: usize = Place::BITS;
/// Bits of a time.
pub(crate) const TIME_BITS: usize = 64;
/// Bits of a signal's number.
pub(crate) const SIGNAL_BITS: usize = 16;
/// Bits of a period.
pub(crate) const PERIOD_BITS: usize = 8;
/// Bits of a day, counted from 1970-01-01: enough until the year 2149.
pub(crate) const DAY_BITS: usize = 16;
/// Bits of a make or a model: the first of a SHA-256.
pub(crate) const WORD_BITS: usize = 56;
/// Bits of a model year.
pub(crate) const YEAR_BITS: usize = 16;
/// Bits of a powertrain.
pub(crate) const POWERTRAIN_BITS: usize = 8;

/// Values packed into one element.
pub(crate) const VALUES_PER_ELEMENT: usize = 7;
/// Elements that the values of a window take.
pub(crate) const VALUE_ELEMENTS: usize = Window::LENGTH.div_ceil(VALUES_PER_ELEMENT);
/// Places packed into one element.
pub(crate) const PLACES_PER_ELEMENT: usize = 5;
/// Elements that the places of a window take.
pub(crate) const PLACE_ELEMENTS: usize = Window::LENGTH.div_ceil(PLACES_PER_ELEMENT);

/// Where the signal stands in a header.
pub(crate) const SIGNAL_AT: usize = TIME_BITS;
/// Where the period stands in a header.
pub(crate) const PERIOD_AT: usize = SIGNAL_AT + SIGNAL_BITS;
const HEADER_TAG_AT: usize = PERIOD_AT + PERIOD_BITS;

/// Parts of a class, in the order of [`ClassNumbers`].
pub(crate) const CLASS_PARTS: usize = 4;
/// Where each part of a class begins.
pub(crate) const CLASS_AT: [usize; CLASS_PARTS] =
    [0, WORD_BITS, 2 * WORD_BITS, 2 * WORD_BITS + YEAR_BITS];
const CLASS_BITS: usize = 2 * WORD_BITS + YEAR_BITS + POWERTRAIN_BITS;

/// Where the class stands in the first element of a leaf, above the day.
pub(crate) const LEAF_CLASS_AT: usize = DAY_BITS;
const LEAF_TAG_AT: usize = LEAF_CLASS_AT + CLASS_BITS;

/// Where the last day stands in a scope, above the first.
pub(crate) const SCOPE_LAST_DAY_AT: usize = DAY_BITS;
/// Where the mask stands in a scope: one bit for each part of the class.
pub(crate) const SCOPE_MASK_AT: usize = 2 * DAY_BITS;
/// Where the class stands in a scope.
pub(crate) const SCOPE_CLASS_AT: usize = SCOPE_MASK_AT + CLASS_PARTS;

const _: () = {
    const ELEMENT_BITS: usize = 253;
    assert!(VALUES_PER_ELEMENT * VALUE_BITS <= ELEMENT_BITS);
    assert!(PLACES_PER_ELEMENT * PLACE_BITS <= ELEMENT_BITS);
    assert!(HEADER_TAG_AT + 8 * Tag::BYTES <= ELEMENT_BITS);
    assert!(LEAF_TAG_AT + 8 * Tag::BYTES <= ELEMENT_BITS);
    assert!(SCOPE_CLASS_AT + CLASS_BITS <= ELEMENT_BITS);
};

/// What a hash is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tag {
    Window,
    Places,
    Summary,
    WindowsDigest,
    Identity,
    Nullifier,
    Payee,
    Leaf,
    Runs,
    Figures,
}

impl Tag {
    /// Bytes of a tag.
    const BYTES: usize = 12;

    /// The number that its name spells.
    pub(crate) fn number(self) -> Fr {
        let name: &[u8; Self::BYTES] = match self {
            Self::Window => b"axle/window2",
            Self::Places => b"axle/places1",
            Self::Summary => b"axle/summary",
            Self::WindowsDigest => b"axle/digest1",
            Self::Identity => b"axle/vehicle",
            Self::Nullifier => b"axle/nullify",
            Self::Payee => b"axle/payee01",
            Self::Leaf => b"axle/leaf001",
            Self::Runs => b"axle/runs001",
            Self::Figures => b"axle/figures",
        };
        Fr::from_be_bytes_mod_order(name)
    }

    /// The constant part of a header.
    pub(crate) fn header(self) -> Fr {
        self.number() * power_of_two(HEADER_TAG_AT)
    }

    /// The constant part of a leaf's first element.
    pub(crate) fn leaf() -> Fr {
        Self::Leaf.number() * power_of_two(LEAF_TAG_AT)
    }
}

/// `2^exponent` in the field.
pub(crate) fn power_of_two(exponent: usize) -> Fr {
    (0..exponent).fold(Fr::from(1), |power, _| power + power)
}

/// `raw + 2^35`, which has 36 bits, or `None` for a value that can not be committed to.
pub(crate) fn value(value: Value) -> Option<Fr> {
    offset(value.raw(), Bounds::ANY_VALUE, Bounds::VALUE_BITS)
}

/// `raw + 2^55`, which has 56 bits, or `None` for a figure that can not be committed to.
pub(crate) fn figure(figure: i64) -> Option<Fr> {
    offset(figure, Bounds::ANY_FIGURE, Bounds::FIGURE_BITS)
}

/// `sum + 2^41`, which is the sum of the 64 encoded values and has 42 bits.
pub(crate) fn sum(sum: i64) -> Fr {
    offset(sum, Bounds::ANY_SUM, Bounds::SUM_BITS).unwrap_or_default()
}

fn offset(number: i64, any: Bounds, bits: u32) -> Option<Fr> {
    let moved = u64::try_from(number.checked_add(1 << bits)?).ok()?;
    any.contain(number).then(|| Fr::from(moved))
}

/// A time as a number of 64 bits.
pub(crate) fn time(time: Timestamp) -> Fr {
    field::from_i64(time.as_micros())
}

/// A signal's number.
pub(crate) fn signal(signal: Signal) -> Fr {
    signal.number().into()
}

/// 1 for a trip, 2 for a day.
pub(crate) fn period(period: Period) -> Fr {
    match period {
        Period::Trip => 1_u8.into(),
        Period::Day => 2_u8.into(),
    }
}

/// The 128 bits of a campaign's id.
pub(crate) fn campaign(campaign: CampaignId) -> Fr {
    u128::from_be_bytes(*campaign.as_bytes()).into()
}

/// The header of a window or a summary.
pub(crate) fn header(tag: Tag, period: Fr, signal: Fr, time: Fr) -> Fr {
    tag.header() + period * power_of_two(PERIOD_AT) + signal * power_of_two(SIGNAL_AT) + time
}

/// Parts of `BITS` bits, `PER_ELEMENT` to an element, the first lowest.
pub(crate) fn pack<const ELEMENTS: usize>(
    parts: &[Fr],
    per_element: usize,
    bits: usize,
) -> [Fr; ELEMENTS] {
    let shift = power_of_two(bits);
    let mut elements = [Fr::zero(); ELEMENTS];
    for (element, parts) in elements.iter_mut().zip(parts.chunks(per_element)) {
        *element = parts.iter().rev().fold(Fr::zero(), |packed, part| packed * shift + part);
    }
    elements
}

/// Make, model, year and powertrain as numbers: what a leaf says of its vehicle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClassNumbers(pub(crate) [u64; CLASS_PARTS]);

impl ClassNumbers {
    /// The numbers of `vehicle`.
    ///
    /// Makes and models count by the first 56 bits of the SHA-256 of their lower-case form: the
    /// marketplace, which enrols vehicles, is the only one who could look for two words with one
    /// number, and it could as well enrol a vehicle under a wrong word.
    #[must_use]
    pub fn of(vehicle: &VehicleDescription) -> Self {
        Self([
            word(vehicle.make()),
            word(vehicle.model()),
            vehicle.year().into(),
            powertrain(vehicle.powertrain()),
        ])
    }

    /// The parts at their places.
    pub(crate) fn packed(self) -> Fr {
        let parts = self.0.into_iter().zip(CLASS_AT);
        parts.map(|(part, at)| Fr::from(part) * power_of_two(at)).sum()
    }
}

/// The first element of a leaf.
pub(crate) fn leaf_header(class: ClassNumbers, day: u16) -> Fr {
    Tag::leaf() + class.packed() * power_of_two(LEAF_CLASS_AT) + Fr::from(day)
}

/// What a pattern wants of each part of a class, in the order of [`ClassNumbers`].
pub(crate) fn wanted(pattern: &ClassPattern) -> [Option<u64>; CLASS_PARTS] {
    [
        pattern.make.as_deref().map(word),
        pattern.model.as_deref().map(word),
        pattern.year.map(u64::from),
        pattern.powertrain.map(powertrain),
    ]
}

/// A scope in one element.
pub(crate) fn scope(scope: &Scope) -> Fr {
    let wanted = wanted(scope.class());
    let bit = |part: &Option<u64>| Fr::from(part.is_some());
    let mask = wanted.iter().rev().fold(Fr::zero(), |mask, part| mask + mask + bit(part));
    let class = ClassNumbers(wanted.map(|part| part.unwrap_or(0))).packed();
    Fr::from(scope.first_day())
        + Fr::from(scope.last_day()) * power_of_two(SCOPE_LAST_DAY_AT)
        + mask * power_of_two(SCOPE_MASK_AT)
        + class * power_of_two(SCOPE_CLASS_AT)
}

fn word(word: &str) -> u64 {
    let digest = Sha256::digest(word.trim().to_lowercase());
    digest.iter().take(WORD_BITS / 8).fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

/// From 1; 0 means nothing.
fn powertrain(powertrain: Powertrain) -> u64 {
    match powertrain {
        Powertrain::Electric => 1,
        Powertrain::PlugInHybrid => 2,
        Powertrain::Hybrid => 3,
        Powertrain::Petrol => 4,
        Powertrain::Diesel => 5,
        Powertrain::FuelCell => 6,
    }
}

//! Commitments: 32 bytes that fix a window and show nothing of it.
//!
//! A window and a blinding are laid out as 24 field elements `e`, and
//!
//! ```text
//! C = Poseidon(Poseidon(e0 … e7), Poseidon(e8 … e15), Poseidon(e16 … e23))
//!
//! e0        = tag * 2^80 + signal * 2^64 + (started_at + 2^63)
//! e1 … e22  = v(3i) + v(3i + 1) * 2^64 + v(3i + 2) * 2^128,   v(k) = value k + 2^63
//! e23       = blinding
//! ```
//!
//! **Binding:** each `v` is below `2^64`, so three of them and the parts of `e0` can be read back
//! from their element: the layout is injective (values 64 and 65 are the number 0, as there are 64).
//! Two windows with one commitment would therefore be a collision of Poseidon.
//!
//! **Hiding:** the blinding is uniform in the field and never leaves the car, so `C` can not be
//! found by trying likely windows.

use std::fmt;

use ark_bn254::Fr;
use ark_ff::{PrimeField as _, Zero as _};
use rand::CryptoRng;
use telematics::window::{Commitment, Window};

use crate::{field, poseidon};

/// Separates these commitments from every other use of Poseidon.
const TAG: &[u8; 14] = b"axle/window/v1";

/// Bits of an offset value, and of the offset start time.
pub(crate) const VALUE_BITS: usize = 64;

/// Bits of a signal's number.
pub(crate) const SIGNAL_BITS: usize = 16;

/// Values packed into one field element.
pub(crate) const VALUES_PER_ELEMENT: usize = 3;

/// Inputs of each of the inner hashes.
pub(crate) const BLOCK: usize = 8;

/// Inner hashes, and inputs of the outer one.
pub(crate) const BLOCKS: usize = 3;

/// A secret scalar that hides a window behind its commitment. Used for one window only.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Blinding(Fr);

/// Bytes that are no blinding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("these 32 bytes are not a scalar below the modulus of BN254")]
pub struct NotABlinding;

/// Bytes that no commitment has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotACommitment {
    /// Another number of bytes.
    #[error("a commitment has 32 bytes, this one {bytes}")]
    WrongLength {
        /// How many were given.
        bytes: usize,
    },
    /// A second encoding of some element.
    #[error("commitment {commitment} is not a number below the modulus of BN254")]
    NotCanonical {
        /// What was given.
        commitment: Commitment,
    },
}

impl Blinding {
    /// Draws a blinding.
    #[must_use]
    pub fn draw(rng: &mut impl CryptoRng) -> Self {
        Self(field::draw(rng))
    }

    /// Reads a blinding that the car kept beside its window.
    ///
    /// # Errors
    /// A number that is not below the modulus is refused.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, NotABlinding> {
        field::from_bytes(bytes).map(Self).ok_or(NotABlinding)
    }

    /// The bytes to keep. They are as secret as the window.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 32] {
        field::to_bytes(self.0)
    }

    pub(crate) const fn element(self) -> Fr {
        self.0
    }
}

impl fmt::Debug for Blinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Blinding(secret)")
    }
}

/// Commits to `window`.
#[must_use]
pub fn commit(window: &Window, blinding: Blinding) -> Commitment {
    let inner = layout(window, blinding).map(|block| poseidon::hash(&block));
    Commitment(field::to_bytes(poseidon::hash(&inner)))
}

/// Reads a commitment that came from elsewhere.
///
/// # Errors
/// Anything but the 32 bytes of a number below the modulus is refused.
pub fn parse_commitment(bytes: &[u8]) -> Result<Commitment, NotACommitment> {
    let wrong_length = NotACommitment::WrongLength { bytes: bytes.len() };
    let commitment = Commitment(bytes.try_into().or(Err(wrong_length))?);
    element(commitment).map(|_| commitment)
}

pub(crate) fn element(commitment: Commitment) -> Result<Fr, NotACommitment> {
    field::from_bytes(&commitment.0).ok_or(NotACommitment::NotCanonical { commitment })
}

/// `tag * 2^80`, the constant part of `e0`.
pub(crate) fn tag() -> Fr {
    Fr::from_be_bytes_mod_order(TAG) * power_of_two(VALUE_BITS + SIGNAL_BITS)
}

/// `2^exponent` in the field.
pub(crate) fn power_of_two(exponent: usize) -> Fr {
    (0..exponent).fold(Fr::from(1), |power, _| power + power)
}

fn layout(window: &Window, blinding: Blinding) -> [[Fr; BLOCK]; BLOCKS] {
    let mut blocks = [[Fr::zero(); BLOCK]; BLOCKS];
    let header = tag()
        + Fr::from(window.signal.number()) * power_of_two(VALUE_BITS)
        + field::from_i64(window.started_at.as_micros());
    let packed = window.values.chunks(VALUES_PER_ELEMENT).map(|values| {
        let append = |packed, value: &telematics::Value| {
            packed * power_of_two(VALUE_BITS) + field::from_i64(value.raw())
        };
        values.iter().rev().fold(Fr::zero(), append)
    });
    let all = std::iter::once(header).chain(packed).chain([blinding.0]);
    for (element, part) in blocks.as_flattened_mut().iter_mut().zip(all) {
        *element = part;
    }
    blocks
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use telematics::{Signal, Value};

    use super::*;
    use crate::testing::{rng, window};

    fn blinding() -> Blinding {
        Blinding::draw(&mut rng(1))
    }

    /// Pinned: a change here would orphan every commitment in the field.
    #[test]
    fn a_commitment_never_changes() {
        let blinding = Blinding::from_bytes(&[7; 32]).unwrap();

        assert_eq!(
            commit(&window(), blinding).to_string(),
            "1903a81b33a4f462c7d3d807640ce829f1cb230a7cc343d459bd996e2703a324"
        );
    }

    #[test]
    fn every_part_of_a_window_is_bound() {
        let honest = window();
        let mut others = vec![honest.clone(); 2 + Window::LENGTH];
        others[0].signal = Signal::by_number(28).unwrap();
        others[1].started_at = honest.started_at.plus_micros(1);
        for (index, other) in others[2..].iter_mut().enumerate() {
            other.values[index] = Value::from_raw(-1);
        }
        others.push(honest);

        let commitments: BTreeSet<_> =
            others.iter().map(|other| commit(other, blinding())).collect();

        assert_eq!(commitments.len(), others.len());
    }

    #[test]
    fn the_blinding_hides_and_is_kept_out_of_logs() {
        let other = Blinding::draw(&mut rng(2));

        assert_ne!(commit(&window(), blinding()), commit(&window(), other));
        assert_eq!(format!("{other:?}"), "Blinding(secret)");
    }

    #[test]
    fn the_layout_fills_its_elements_exactly() {
        let blocks = layout(&window(), blinding());
        let elements = blocks.as_flattened();

        assert_eq!(1 + Window::LENGTH.div_ceil(VALUES_PER_ELEMENT) + 1, elements.len());
        assert_eq!(elements[elements.len() - 1], blinding().element());
        assert!(elements.iter().all(|element| !element.is_zero()));
    }

    #[test]
    fn the_extremes_of_a_value_do_not_run_into_their_neighbours() {
        let mut low = window();
        low.values[0] = Value::from_raw(i64::MAX);
        low.values[1] = Value::from_raw(i64::MIN);
        let mut high = low.clone();
        high.values[0] = Value::from_raw(i64::MIN);
        high.values[1] = Value::from_raw(i64::MIN + 1);

        assert_ne!(layout(&low, blinding()), layout(&high, blinding()));
    }

    #[test]
    fn bytes_that_are_no_commitment_are_refused() {
        let honest = commit(&window(), blinding());

        assert_eq!(parse_commitment(&honest.0), Ok(honest));
        assert_eq!(
            parse_commitment(&honest.0[..31]),
            Err(NotACommitment::WrongLength { bytes: 31 })
        );
        let error = parse_commitment(&[0xff; 32]).unwrap_err();
        assert!(error.to_string().contains("ffff"), "{error}");
    }

    #[test]
    fn a_blinding_has_one_encoding() {
        assert_eq!(Blinding::from_bytes(&blinding().to_bytes()), Ok(blinding()));
        assert_eq!(Blinding::from_bytes(&[0xff; 32]), Err(NotABlinding));
    }
}

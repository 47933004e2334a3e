//! Commitments: 32 bytes that fix a window, places or a summary, and show nothing of it.
//!
//! ```text
//! window    Poseidon(header, values in 10 elements, blinding)
//! places    Poseidon(header, places in 13 elements, blinding)
//! summary   Poseidon(header, 13 figures, digest of the windows, blinding)
//! ```
//!
//! **Binding:** the layout is injective ([`crate::encoding`]), so two things with one commitment would
//! be a collision of Poseidon. The tag in the header and the number of inputs keep the three kinds apart.
//!
//! **Hiding:** the blinding is uniform in the field and never leaves the car, so a commitment can not be
//! found by trying likely values.

use std::fmt;

use ark_bn254::Fr;
use ark_ff::Zero as _;
use rand::CryptoRng;
use telematics::window::{Commitment, Figure, Places, Summary, Window};

use crate::encoding::{
    self, PLACE_BITS, PLACE_ELEMENTS, PLACES_PER_ELEMENT, Tag, VALUE_BITS, VALUE_ELEMENTS,
    VALUES_PER_ELEMENT,
};
use crate::{field, poseidon};

/// Inputs of the hash of a window.
pub(crate) const WINDOW_INPUTS: usize = VALUE_ELEMENTS + 2;
/// Inputs of the hash of places.
pub(crate) const PLACES_INPUTS: usize = PLACE_ELEMENTS + 2;
/// Inputs of the hash of a summary.
pub(crate) const SUMMARY_INPUTS: usize = Figure::COUNT + 3;

/// A secret number that hides what is behind a commitment. Used for one commitment only.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Blinding(Fr);

/// Bytes that are no blinding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("these 32 bytes are not a number below the modulus of BN254")]
pub struct NotABlinding;

/// What can not be committed to, or was not.
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
    /// A value or a figure beyond what the layout can hold.
    #[error("number {index} is too large to be committed to")]
    TooLarge {
        /// Its place in the window or summary, from 0.
        index: usize,
    },
}

impl Blinding {
    /// Draws a blinding.
    #[must_use]
    pub fn draw(rng: &mut impl CryptoRng) -> Self {
        Self(field::draw(rng))
    }

    /// Reads a blinding that the car kept.
    ///
    /// # Errors
    /// A number that is not below the modulus is refused.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, NotABlinding> {
        field::from_bytes(bytes).map(Self).ok_or(NotABlinding)
    }

    /// The bytes to keep. They are as secret as the values.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 32] {
        field::to_bytes(self.0)
    }

    pub(crate) const fn number(self) -> Fr {
        self.0
    }
}

impl fmt::Debug for Blinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Blinding(secret)")
    }
}

/// What is behind a commitment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Committable {
    /// 64 values of a signal.
    Window(Window),
    /// 64 places.
    Places(Places),
    /// A trip or a day.
    Summary(Summary),
}

impl Committable {
    /// Commits to it.
    ///
    /// # Errors
    /// Values beyond `±2^35` and figures beyond `±2^55` have no place in the layout.
    pub fn commit(&self, blinding: Blinding) -> Result<Commitment, NotACommitment> {
        let number = match self {
            Self::Window(window) => poseidon::hash(&window_layout(window, blinding)?),
            Self::Places(places) => poseidon::hash(&places_layout(places, blinding)),
            Self::Summary(summary) => poseidon::hash(&summary_layout(summary, blinding)?),
        };
        Ok(Commitment(field::to_bytes(number)))
    }
}

/// The digest of a summary's windows: each commitment hashed onto those before.
///
/// # Errors
/// Bytes that are no commitment are refused.
pub fn digest_windows(commitments: &[Commitment]) -> Result<Commitment, NotACommitment> {
    let none = Commitment(field::to_bytes(Fr::zero()));
    commitments.iter().try_fold(none, |digest, commitment| extend_digest(digest, *commitment))
}

/// The digest of the windows in `digest` and one more, for a car that does not keep a list of them.
///
/// # Errors
/// Bytes that are no field elements are refused.
pub fn extend_digest(
    digest: Commitment,
    commitment: Commitment,
) -> Result<Commitment, NotACommitment> {
    let inputs = [Tag::WindowsDigest.number(), element(digest)?, element(commitment)?];
    Ok(Commitment(field::to_bytes(poseidon::hash(&inputs))))
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

/// The values of `window`, encoded.
pub(crate) fn values(window: &Window) -> Result<[Fr; Window::LENGTH], NotACommitment> {
    let mut encoded = [Fr::zero(); Window::LENGTH];
    for (index, (slot, value)) in encoded.iter_mut().zip(window.values).enumerate() {
        *slot = encoding::value(value).ok_or(NotACommitment::TooLarge { index })?;
    }
    Ok(encoded)
}

/// The figures of `summary`, encoded.
pub(crate) fn figures(summary: &Summary) -> Result<[Fr; Figure::COUNT], NotACommitment> {
    let mut encoded = [Fr::zero(); Figure::COUNT];
    for (index, (slot, figure)) in encoded.iter_mut().zip(summary.figures).enumerate() {
        *slot = encoding::figure(figure).ok_or(NotACommitment::TooLarge { index })?;
    }
    Ok(encoded)
}

fn window_layout(
    window: &Window,
    blinding: Blinding,
) -> Result<[Fr; WINDOW_INPUTS], NotACommitment> {
    let (signal, time) = (encoding::signal(window.signal), encoding::time(window.started_at));
    let header = encoding::header(Tag::Window, Fr::zero(), signal, time);
    let packed: [Fr; VALUE_ELEMENTS] =
        encoding::pack(&values(window)?, VALUES_PER_ELEMENT, VALUE_BITS);
    Ok(lay_out(header, &packed, blinding))
}

fn places_layout(places: &Places, blinding: Blinding) -> [Fr; PLACES_INPUTS] {
    let time = encoding::time(places.started_at);
    let header = encoding::header(Tag::Places, Fr::zero(), Fr::zero(), time);
    let quadkeys = places.places.map(|place| Fr::from(place.quadkey()));
    let packed: [Fr; PLACE_ELEMENTS] = encoding::pack(&quadkeys, PLACES_PER_ELEMENT, PLACE_BITS);
    lay_out(header, &packed, blinding)
}

fn summary_layout(
    summary: &Summary,
    blinding: Blinding,
) -> Result<[Fr; SUMMARY_INPUTS], NotACommitment> {
    let (signal, time) = (encoding::signal(summary.signal), encoding::time(summary.started_at));
    let header = encoding::header(Tag::Summary, encoding::period(summary.period), signal, time);
    let mut body = figures(summary)?.to_vec();
    body.push(element(summary.windows)?);
    Ok(lay_out(header, &body, blinding))
}

/// Header, body and blinding, in this order.
fn lay_out<const INPUTS: usize>(header: Fr, body: &[Fr], blinding: Blinding) -> [Fr; INPUTS] {
    let mut inputs = [Fr::zero(); INPUTS];
    let parts = std::iter::once(header).chain(body.iter().copied()).chain([blinding.number()]);
    inputs.iter_mut().zip(parts).for_each(|(input, part)| *input = part);
    inputs
}

#[cfg(test)]
mod tests {
    use telematics::{Place, Signal, Timestamp};

    use super::*;
    use crate::testing::{rng, summary, value, window};

    fn commit(what: &Committable) -> Commitment {
        what.commit(Blinding::draw(&mut rng(7))).unwrap()
    }

    #[test]
    fn a_commitment_fixes_every_part_of_a_window() {
        let honest = commit(&Committable::Window(window()));
        let change = |change: fn(&mut Window)| {
            let mut window = window();
            change(&mut window);
            commit(&Committable::Window(window))
        };

        assert_eq!(honest, commit(&Committable::Window(window())));
        assert_ne!(honest, change(|window| window.signal = Signal::by_number(2).unwrap()));
        assert_ne!(honest, change(|window| window.started_at = Timestamp::from_micros(0)));
        for index in 0..Window::LENGTH {
            let mut other = window();
            other.values[index] = value(other.values[index].raw() + 1);
            assert_ne!(honest, commit(&Committable::Window(other)), "value {index}");
        }
        let blinding = Blinding::draw(&mut rng(8));
        assert_ne!(Ok(honest), Committable::Window(window()).commit(blinding));
    }

    #[test]
    fn a_commitment_fixes_every_figure_of_a_summary() {
        let honest = commit(&Committable::Summary(summary()));
        for index in 0..Figure::COUNT {
            let mut other = summary();
            other.figures[index] += 1;
            assert_ne!(honest, commit(&Committable::Summary(other)), "figure {index}");
        }
        let windows = digest_windows(&[honest]).unwrap();
        assert_ne!(honest, commit(&Committable::Summary(Summary { windows, ..summary() })));
        let period = telematics::window::Period::Day;
        assert_ne!(honest, commit(&Committable::Summary(Summary { period, ..summary() })));
    }

    #[test]
    fn a_commitment_fixes_every_place() {
        let places = Places { started_at: window().started_at, places: [Place::default(); 64] };
        let honest = commit(&Committable::Places(places.clone()));
        for index in 0..Window::LENGTH {
            let mut other = places.clone();
            other.places[index] = Place::LAST;
            assert_ne!(honest, commit(&Committable::Places(other)), "place {index}");
        }
    }

    #[test]
    fn the_digest_of_windows_fixes_their_order() {
        let [one, two] = [1, 2].map(|byte| Commitment([byte; 32]));

        assert_eq!(digest_windows(&[]), Ok(Commitment([0; 32])));
        assert_ne!(digest_windows(&[one, two]), digest_windows(&[two, one]));
        assert!(digest_windows(&[Commitment([255; 32])]).is_err());
    }

    #[test]
    fn what_the_layout_can_not_hold_is_refused() {
        let end = 1_i64 << 35;
        for (raw, accepted) in [(end - 1, true), (end, false), (-end, true), (-end - 1, false)] {
            let mut window = window();
            window.values[3] = value(raw);
            let committed = Committable::Window(window).commit(Blinding::draw(&mut rng(7)));
            let refusal = Err(NotACommitment::TooLarge { index: 3 });
            assert_eq!(committed.is_ok(), accepted, "{raw}");
            assert!(accepted || committed == refusal);
        }
        let mut summary = summary();
        summary.figures[4] = 1 << 55;
        let committed = Committable::Summary(summary).commit(Blinding::draw(&mut rng(7)));
        assert_eq!(committed, Err(NotACommitment::TooLarge { index: 4 }));
    }

    #[test]
    fn bytes_that_are_no_commitment_are_refused() {
        assert_eq!(parse_commitment(&[1; 31]), Err(NotACommitment::WrongLength { bytes: 31 }));
        let commitment = Commitment([0xff; 32]);
        assert_eq!(
            parse_commitment(&commitment.0),
            Err(NotACommitment::NotCanonical { commitment })
        );
        assert_eq!(parse_commitment(&[1; 32]), Ok(Commitment([1; 32])));
        assert_eq!(Blinding::from_bytes(&[0xff; 32]), Err(NotABlinding));
    }

    #[test]
    fn a_blinding_is_never_printed() {
        assert_eq!(format!("{:?}", Blinding::draw(&mut rng(1))), "Blinding(secret)");
    }
}

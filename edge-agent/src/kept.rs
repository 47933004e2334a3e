//! What is behind a commitment: values and blinding, as the car keeps them for proofs.
//!
//! ```text
//! record    = nonce ciphertext                                     see crate::vault
//! plaintext = kind:u8 blinding:32 signal started_at numbers        varints; values as differences
//! about     = "axle/kept/v1\0" signal:u16 commitment:32            associated data
//! ```
//!
//! **Invariant:** nothing else in this crate writes down values under *prove*, but for open windows
//! ([`crate::windows`]), which are sealed in the same vault.

use integer_encoding::VarInt;
use rand::CryptoRng;
use telematics::window::{Commitment, Committed, Figure, Period, Places, Summary, Window};
use telematics::{Place, Signal, Timestamp, Value};
use zk::{Blinding, Committable};

use crate::vault::{NotSealedHere, Vault};

const DOMAIN: &[u8] = b"axle/kept/v1\0";

const WINDOW: u8 = 1;
const PLACES: u8 = 2;
const TRIP: u8 = 3;
const DAY: u8 = 4;

/// What is behind one commitment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// What was committed to.
    pub committable: Committable,
    /// What hides it.
    pub blinding: Blinding,
}

/// Why a record can not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotKept {
    /// See [`NotSealedHere`].
    #[error(transparent)]
    Sealed(#[from] NotSealedHere),
    /// It opens, and holds something else.
    #[error("the record holds nothing that this program knows: is it of a newer version?")]
    Unknown,
}

impl Kept {
    /// The signal that the commitment is sent under.
    #[must_use]
    pub const fn signal(&self) -> Signal {
        match &self.committable {
            Committable::Window(window) => window.signal,
            Committable::Places(_) => Signal::LATITUDE,
            Committable::Summary(summary) => summary.signal,
        }
    }

    /// Encrypts it for the place of `committed`.
    #[must_use]
    pub fn seal(&self, committed: &Committed, vault: &Vault, rng: &mut impl CryptoRng) -> Vec<u8> {
        vault.seal(&about(committed), &self.to_bytes(), rng)
    }

    /// Decrypts what was kept for `committed`.
    ///
    /// # Errors
    /// Refused when it was moved, changed, sealed with another key, or is of a newer program.
    pub fn open(committed: &Committed, sealed: &[u8], vault: &Vault) -> Result<Self, NotKept> {
        let plain = vault.open(&about(committed), sealed)?;
        Self::parse(&plain).ok_or(NotKept::Unknown)
    }

    fn to_bytes(&self) -> Vec<u8> {
        let (kind, started_at, numbers) = match &self.committable {
            Committable::Window(window) => {
                let raw = window.values.iter().map(|value| value.raw());
                (WINDOW, window.started_at, differences(raw))
            }
            Committable::Places(places) => {
                let raw = places.places.iter().map(|place| i64::try_from(place.quadkey()));
                (PLACES, places.started_at, differences(raw.map(Result::unwrap_or_default)))
            }
            Committable::Summary(summary) => {
                let kind = if summary.period == Period::Trip { TRIP } else { DAY };
                let mut numbers = summary.figures.map(VarInt::encode_var_vec).concat();
                numbers.extend(summary.windows.0);
                (kind, summary.started_at, numbers)
            }
        };
        let signal = self.signal().number().encode_var_vec();
        let started_at = started_at.as_micros().encode_var_vec();
        [&[kind], self.blinding.to_bytes().as_slice(), &signal, &started_at, &numbers].concat()
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let (kind, rest) = bytes.split_first()?;
        let (blinding, mut rest) = rest.split_first_chunk::<32>()?;
        let blinding = Blinding::from_bytes(blinding).ok()?;
        let signal = Signal::by_number(take::<u16>(&mut rest)?.into()).ok()?;
        let started_at = Timestamp::from_micros(take(&mut rest)?);
        let committable = match *kind {
            WINDOW => {
                let values = sums(&mut rest)?.map(Value::from_raw);
                Committable::Window(Window { signal, started_at, values })
            }
            PLACES => {
                let mut places = [Place::default(); Window::LENGTH];
                for (place, quadkey) in places.iter_mut().zip(sums(&mut rest)?) {
                    *place = Place::from_quadkey(u64::try_from(quadkey).ok()?)?;
                }
                Committable::Places(Places { started_at, places })
            }
            TRIP | DAY => {
                let period = if *kind == TRIP { Period::Trip } else { Period::Day };
                let mut figures = [0; Figure::COUNT];
                for figure in &mut figures {
                    *figure = take(&mut rest)?;
                }
                let (windows, end) = rest.split_first_chunk::<32>()?;
                rest = end;
                let windows = Commitment(*windows);
                Committable::Summary(Summary { signal, period, started_at, figures, windows })
            }
            _ => return None,
        };
        rest.is_empty().then_some(Self { committable, blinding })
    }
}

fn about(committed: &Committed) -> Vec<u8> {
    let signal = committed.signal.number().to_be_bytes();
    [DOMAIN, &signal, &committed.commitment.0].concat()
}

fn differences(numbers: impl Iterator<Item = i64>) -> Vec<u8> {
    let mut last = 0_i64;
    let difference = |number: i64| {
        let difference = number.wrapping_sub(last);
        last = number;
        difference.encode_var_vec()
    };
    numbers.flat_map(difference).collect()
}

fn sums(rest: &mut &[u8]) -> Option<[i64; Window::LENGTH]> {
    let mut numbers = [0; Window::LENGTH];
    let mut last = 0_i64;
    for number in &mut numbers {
        last = last.wrapping_add(take(rest)?);
        *number = last;
    }
    Some(numbers)
}

fn take<N: VarInt>(rest: &mut &[u8]) -> Option<N> {
    let (number, length) = N::decode_var(rest)?;
    *rest = rest.get(length..)?;
    Some(number)
}

#[cfg(test)]
mod tests {
    use telematics::testing::T0;

    use super::*;
    use crate::device_key::DeviceKey;

    fn all_kinds() -> Vec<Kept> {
        let raw = |index: usize| i64::try_from(index).unwrap() * 7 - 90;
        let window = Window {
            signal: Signal::SPEED,
            started_at: T0,
            values: std::array::from_fn(|index| Value::from_raw(raw(index))),
        };
        let mut extreme = window.clone();
        (extreme.values[3], extreme.values[4]) = (Value::from_raw(i64::MAX), Value::from_raw(-9));
        let places = Places {
            started_at: T0,
            places: std::array::from_fn(|index| {
                if index % 2 == 0 { Place::LAST } else { Place::default() }
            }),
        };
        let summary = |period| Summary {
            signal: Signal::LONGITUDE,
            period,
            started_at: T0.plus_seconds(-1),
            figures: std::array::from_fn(|index| raw(index) * 1_000_000_007),
            windows: Commitment([3; 32]),
        };
        let committables = [
            Committable::Window(window),
            Committable::Window(extreme),
            Committable::Places(places),
            Committable::Summary(summary(Period::Trip)),
            Committable::Summary(summary(Period::Day)),
        ];
        let keep = |committable| Kept { committable, blinding: Blinding::draw(&mut rand::rng()) };
        committables.into_iter().map(keep).collect()
    }

    #[test]
    fn every_kind_survives_its_record() {
        let vault = Vault::of(&DeviceKey::new([7; 32]));
        for kept in all_kinds() {
            let committed = Committed { signal: kept.signal(), commitment: Commitment([1; 32]) };
            let sealed = kept.seal(&committed, &vault, &mut rand::rng());
            assert_eq!(Kept::open(&committed, &sealed, &vault), Ok(kept));
        }
    }

    #[test]
    fn a_record_opens_in_its_own_place_with_its_own_key_alone() {
        let (vault, other) = ([7; 32], [8; 32]);
        let [vault, other] = [vault, other].map(|key| Vault::of(&DeviceKey::new(key)));
        let kept = all_kinds().remove(0);
        let place = Committed { signal: Signal::SPEED, commitment: Commitment([1; 32]) };
        let moved = Committed { commitment: Commitment([2; 32]), ..place };
        let renamed = Committed { signal: Signal::LATITUDE, ..place };
        let sealed = kept.seal(&place, &vault, &mut rand::rng());

        assert!(Kept::open(&place, &sealed, &vault).is_ok());
        for (name, place, vault) in [
            ("moved", &moved, &vault),
            ("renamed", &renamed, &vault),
            ("other key", &place, &other),
        ] {
            let refused = Err(NotKept::Sealed(NotSealedHere));
            assert_eq!(Kept::open(place, &sealed, vault), refused, "{name}");
        }
    }

    #[test]
    fn what_is_cut_short_or_unknown_is_refused() {
        for kept in all_kinds() {
            let bytes = kept.to_bytes();
            for length in 0..bytes.len() {
                assert_eq!(Kept::parse(&bytes[..length]), None, "{length} bytes");
            }
            assert_eq!(Kept::parse(&[bytes.as_slice(), &[0]].concat()), None, "a byte more");
            assert_eq!(Kept::parse(&[&[9], &bytes[1..]].concat()), None, "another kind");
        }
    }
}

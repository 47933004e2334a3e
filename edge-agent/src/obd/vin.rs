//! The VIN of a car, which names its owner to anyone: it is turned into a fingerprint where it arrives.
//!
//! **Invariant:** a VIN is kept nowhere. Its [`Fingerprint`] tells whether the car is still the same, and
//! without the device's key nothing can be found out from it.

use std::fmt;

use hkdf::Hkdf;
use sha2::Sha256;

/// What keys fingerprints: known to one device only.
#[derive(Clone)]
pub struct FingerprintKey(Hkdf<Sha256>);

/// A keyed hash of a VIN.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 16]);

const VIN_BYTES: usize = 17;

impl FingerprintKey {
    /// A key made from a secret of the device.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        Self(Hkdf::new(Some(b"axle/vin/v1"), secret))
    }

    /// The fingerprint of the VIN in an answer to 09 02, after the number of its items; none when there is no
    /// VIN in it.
    pub(super) fn of_answer(&self, rest: &[u8]) -> Option<Fingerprint> {
        // Older cars fill up with zeros in front.
        let vin = rest.last_chunk::<VIN_BYTES>()?;
        let is_vin = |byte: &u8| {
            byte.is_ascii_digit() || (byte.is_ascii_uppercase() && !b"IOQ".contains(byte))
        };
        if !vin.iter().all(is_vin) {
            return None;
        }
        let mut bytes = [0; 16];
        self.0.expand(vin, &mut bytes).ok()?;
        Some(Fingerprint(bytes))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

impl fmt::Debug for FingerprintKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FingerprintKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vin_becomes_the_same_fingerprint_with_the_same_key_only() {
        let (key, other) = (FingerprintKey::new(&[1; 32]), FingerprintKey::new(&[2; 32]));
        let print = key.of_answer(b"\x01TMBJP7NX5NY000000").unwrap();

        assert_eq!(key.of_answer(b"\x01\0\0\0TMBJP7NX5NY000000"), Some(print));
        assert_ne!(other.of_answer(b"\x01TMBJP7NX5NY000000"), Some(print));
        assert_ne!(key.of_answer(b"\x01TMBJP7NX5NY000001"), Some(print));
        assert!(!format!("{print:?}{key:?}").contains("TMB"));
    }

    #[test]
    fn what_is_no_vin_has_no_fingerprint() {
        let key = FingerprintKey::new(&[1; 32]);
        for text in [&b"\x01TMB"[..], b"\x01OSE__ BMS       \0", b"\x01TMBJP7NX5NY00000O", b""] {
            assert_eq!(key.of_answer(text), None, "{text:?}");
        }
    }
}

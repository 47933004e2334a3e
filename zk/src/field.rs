//! The scalar field of BN254: its bytes, its integers, its randomness.
//!
//! **Invariant:** [`from_bytes`] accepts exactly one encoding of each element. `r + 16` is not 16.

use ark_bn254::Fr;
use ark_ff::{BigInteger as _, PrimeField as _};
use ark_serialize::CanonicalDeserialize as _;
use rand::CryptoRng;

/// What a signed 64-bit integer is moved by, so that it is one of `0..2^64`.
const OFFSET: i64 = i64::MIN;

/// The 32 bytes of `element`, least significant first.
pub(crate) fn to_bytes(element: Fr) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (byte, digit) in bytes.iter_mut().zip(element.into_bigint().to_bytes_le()) {
        *byte = digit;
    }
    bytes
}

/// The element that `bytes` encode, or `None` when they are a number not below the modulus.
pub(crate) fn from_bytes(bytes: &[u8; 32]) -> Option<Fr> {
    Fr::deserialize_compressed(bytes.as_slice()).ok()
}

/// `integer + 2^63`: an order-preserving map of `i64` onto `0..2^64`.
pub(crate) fn from_i64(integer: i64) -> Fr {
    Fr::from(integer.cast_unsigned() ^ OFFSET.cast_unsigned())
}

/// A uniformly distributed element.
pub(crate) fn draw(rng: &mut impl CryptoRng) -> Fr {
    loop {
        let mut bytes = [0; 32];
        rng.fill_bytes(&mut bytes);
        // The modulus has 254 bits: without the two above, three of four draws are below it.
        if let Some(last) = bytes.last_mut() {
            *last &= 0b0011_1111;
        }
        if let Some(element) = from_bytes(&bytes) {
            return element;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::rng;

    #[test]
    fn bytes_round_trip() {
        let element = draw(&mut rng(1));

        assert_eq!(from_bytes(&to_bytes(element)), Some(element));
        assert_eq!(to_bytes(Fr::from(258))[..3], [2, 1, 0]);
    }

    #[test]
    fn an_element_has_one_encoding() {
        let modulus: [u8; 32] = Fr::MODULUS.to_bytes_le().try_into().unwrap();
        let mut below = modulus;
        below[0] -= 1;
        let mut above = modulus;
        above[0] += 15;

        assert!(from_bytes(&below).is_some());
        assert_eq!(from_bytes(&modulus), None);
        assert_eq!(from_bytes(&above), None);
        assert_eq!(from_bytes(&[0xff; 32]), None);
    }

    #[test]
    fn integers_keep_their_order() {
        #[rustfmt::skip] // a table is read by column
        let cases = [
            (i64::MIN, 0),
            (-1,       (1 << 63) - 1),
            (0,        1 << 63),
            (i64::MAX, u64::MAX),
        ];
        for (integer, expected) in cases {
            assert_eq!(from_i64(integer), Fr::from(expected), "{integer}");
        }
    }

    #[test]
    fn draws_differ_and_repeat_with_their_seed() {
        assert_ne!(draw(&mut rng(1)), draw(&mut rng(2)));
        assert_eq!(draw(&mut rng(1)), draw(&mut rng(1)));
    }
}

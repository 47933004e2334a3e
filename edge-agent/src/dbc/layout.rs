//! Where the bits of a signal lie in a frame, and how to cut them out.
//!
//! Intel (little endian) signals start at their least significant bit. Motorola (big endian) signals
//! start at their most significant bit, in DBC's sawtooth numbering: bit 7 of byte 0 is 7, bit 7 of
//! byte 1 is 15.
//!
//! Floats have 16, 32 or 64 bits.
//!
//! **Invariant:** a [`Layout`] is 1 to 64 bits long, so its bytes (at most 9) fit a `u128`.

use super::DbcError;

/// Bits that a signal may have.
const LENGTH_MAX: u64 = 64;
/// Bits of the longest payload that a transport protocol reassembles for us.
const PAYLOAD_BITS_MAX: u64 = 65_536 * 8;

/// Which end comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Least significant byte first.
    Intel,
    /// Most significant byte first.
    Motorola,
}

/// How the bits make a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// An integer from 0.
    Unsigned,
    /// An integer in two's complement.
    Signed,
    /// IEEE 754 of the signal's length.
    Float,
}

/// A number as the frame carries it, before scale and offset.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Raw {
    /// Any integer of up to 64 bits, of either sign.
    Integer(i128),
    /// A floating point number; may be NaN or infinite.
    Float(f64),
}

/// Place and form of one signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    order: Order,
    encoding: Encoding,
    length: u32,
    first_byte: usize,
    last_byte: usize,
    /// Bits to the right of the signal in its bytes, read in its order.
    shift: u32,
}

impl Layout {
    /// The layout of a signal as a DBC file states it.
    ///
    /// # Errors
    /// Lengths outside 1 to 64, floats of another width and starts beyond any payload are refused.
    pub fn new(
        start: u64,
        length: u64,
        order: Order,
        encoding: Encoding,
    ) -> Result<Self, DbcError> {
        let fits = match encoding {
            Encoding::Unsigned | Encoding::Signed => (1..=LENGTH_MAX).contains(&length),
            Encoding::Float => matches!(length, 16 | 32 | 64),
        };
        if !fits || start >= PAYLOAD_BITS_MAX {
            return Err(DbcError::Layout { start, length });
        }
        // Bits counted from the first byte's most significant (Motorola) or least (Intel).
        let first_bit = match order {
            Order::Intel => start,
            Order::Motorola => start / 8 * 8 + (7 - start % 8),
        };
        let last_bit = first_bit + length - 1;
        let shift = match order {
            Order::Intel => first_bit % 8,
            Order::Motorola => 7 - last_bit % 8,
        };
        let small =
            |number: u64| usize::try_from(number).or(Err(DbcError::Layout { start, length }));
        Ok(Self {
            order,
            encoding,
            length: u32::try_from(length).or(Err(DbcError::Layout { start, length }))?,
            first_byte: small(first_bit / 8)?,
            last_byte: small(last_bit / 8)?,
            shift: u32::try_from(shift).unwrap_or(0),
        })
    }

    /// Cuts the signal out of `data`, or `None` when it does not lie wholly inside.
    #[must_use]
    pub fn extract(&self, data: &[u8]) -> Option<Raw> {
        let bytes = data.get(self.first_byte..=self.last_byte)?;
        let push = |number: u128, byte: &u8| number << 8 | u128::from(*byte);
        let number = match self.order {
            Order::Intel => bytes.iter().rev().fold(0, push),
            Order::Motorola => bytes.iter().fold(0, push),
        };
        let bits = u64::try_from(number >> self.shift & ((1 << self.length) - 1)).ok()?;
        Some(self.read(bits))
    }

    fn read(&self, bits: u64) -> Raw {
        match self.encoding {
            Encoding::Unsigned => Raw::Integer(bits.into()),
            Encoding::Signed => {
                let spare = 64 - self.length;
                Raw::Integer(((bits << spare).cast_signed() >> spare).into())
            }
            Encoding::Float => Raw::Float(match u32::try_from(bits) {
                Ok(bits) if self.length == 16 => half(bits),
                Ok(bits) if self.length == 32 => f32::from_bits(bits).into(),
                _ => f64::from_bits(bits),
            }),
        }
    }

    /// Which end comes first.
    #[must_use]
    pub const fn order(&self) -> Order {
        self.order
    }

    /// How the bits make a number.
    #[must_use]
    pub const fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Bits.
    #[must_use]
    pub const fn length(&self) -> u32 {
        self.length
    }

    /// The bytes that hold the bits.
    #[must_use]
    pub const fn bytes(&self) -> std::ops::RangeInclusive<usize> {
        self.first_byte..=self.last_byte
    }

    /// Bits to the right of the signal in its bytes, read in its order.
    pub(super) const fn shift(&self) -> u32 {
        self.shift
    }
}

/// A float of 16 bits: 1 for the sign, 5 for the exponent, 10 for the fraction.
fn half(bits: u32) -> f64 {
    let fraction = f64::from(bits & 0x3FF) / 1024.0;
    let magnitude = match bits >> 10 & 0x1F {
        0 => fraction * 2.0_f64.powi(-14),
        0x1F if fraction == 0.0 => f64::INFINITY,
        0x1F => f64::NAN,
        exponent => (1.0 + fraction) * 2.0_f64.powi(exponent.cast_signed() - 15),
    };
    if bits & 0x8000 == 0 { magnitude } else { -magnitude }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Encoding::{Float, Signed, Unsigned};
    use super::Order::{Intel, Motorola};
    use super::*;

    fn extract(
        start: u64,
        length: u64,
        order: Order,
        encoding: Encoding,
        data: &[u8],
    ) -> Option<Raw> {
        Layout::new(start, length, order, encoding).unwrap().extract(data)
    }

    #[test]
    fn extracts_bits_as_the_dbc_says() {
        #[rustfmt::skip] // a table is read by column
        let cases: [(&str, u64, u64, Order, Encoding, &str, i128); 10] = [
            // name              start len order     sign      frame               raw
            ("one byte",             0,  8, Intel,    Unsigned, "ff00",             0xff),
            ("sign is extended",     0,  8, Intel,    Signed,   "ff00",             -1),
            ("one bit, signed",      3,  1, Intel,    Signed,   "08",               -1),
            ("crosses bytes",        4,  8, Intel,    Unsigned, "f00f",             0xff),
            ("low byte first",       0, 16, Intel,    Unsigned, "3412",             0x1234),
            ("high byte first",      7, 16, Motorola, Unsigned, "1234",             0x1234),
            ("sawtooth",             3, 12, Motorola, Unsigned, "0abc",             0xabc),
            ("within a byte",        5,  4, Motorola, Unsigned, "3c",               0xf),
            ("64 bits, unsigned",    0, 64, Intel,    Unsigned, "ffffffffffffffff", 0xffff_ffff_ffff_ffff),
            ("64 bits, off by one",  6, 64, Motorola, Unsigned, "7fffffffffffffff80", 0xffff_ffff_ffff_ffff),
        ];
        for (name, start, length, order, encoding, data, raw) in cases {
            let actual = extract(start, length, order, encoding, &hex::decode(data).unwrap());
            assert_eq!(actual, Some(Raw::Integer(raw)), "{name}");
        }
    }

    #[test]
    fn floats_are_read_by_their_width() {
        let single = extract(0, 32, Intel, Float, &1.5_f32.to_le_bytes());
        let double = extract(7, 64, Motorola, Float, &(-2.25_f64).to_be_bytes());

        assert_eq!((single, double), (Some(Raw::Float(1.5)), Some(Raw::Float(-2.25))));
        #[rustfmt::skip] // a table is read by column
        let halves = [
            (0x3C00_u16, 1.0), (0xC000, -2.0), (0x7BFF, 65504.0), (0x0001, 2.0_f64.powi(-24)),
            (0x0000, 0.0), (0x3555, 0.333_251_953_125), (0x7C00, f64::INFINITY),
        ];
        for (bits, number) in halves {
            let actual = extract(0, 16, Intel, Float, &bits.to_le_bytes());
            assert_eq!(actual, Some(Raw::Float(number)), "{bits:#x}");
        }
        let nan = extract(0, 16, Intel, Float, &[0x01, 0x7C]);
        assert!(matches!(nan, Some(Raw::Float(number)) if number.is_nan()));
    }

    #[test]
    fn a_signal_that_is_cut_off_is_not_there() {
        assert_eq!(extract(12, 8, Intel, Unsigned, &[0xff, 0xff]), None);
        assert_eq!(extract(15, 9, Motorola, Unsigned, &[0xff, 0xff]), None);
        assert_eq!(extract(0, 1, Intel, Unsigned, &[]), None);
    }

    #[test]
    fn impossible_layouts_are_refused() {
        for (start, length, encoding) in
            [(0, 0, Unsigned), (0, 65, Signed), (0, 8, Float), (0, 33, Float), (524_288, 1, Signed)]
        {
            assert!(Layout::new(start, length, Intel, encoding).is_err(), "{start} {length}");
        }
    }

    /// One bit at a time, from the definition of the numbering.
    fn slow_reference(start: u64, length: u64, order: Order, data: &[u8]) -> Option<u64> {
        let mut position = start;
        let mut number = 0_u64;
        for index in 0..length {
            let byte = data.get(usize::try_from(position / 8).unwrap())?;
            let bit = u64::from(byte >> (position % 8) & 1);
            match order {
                Intel => {
                    number |= bit << index;
                    position += 1;
                }
                Motorola => {
                    number = number << 1 | bit;
                    position =
                        if position.is_multiple_of(8) { position + 15 } else { position - 1 };
                }
            }
        }
        Some(number)
    }

    proptest! {
        /// Whatever the place, length and order, the bits are those of the definition.
        #[test]
        fn agrees_with_the_slow_reference(
            data in prop::collection::vec(any::<u8>(), 0..=64),
            start in 0..512_u64,
            length in 1..=64_u64,
            motorola in any::<bool>(),
            signed in any::<bool>(),
        ) {
            let order = if motorola { Motorola } else { Intel };
            let encoding = if signed { Signed } else { Unsigned };
            let expected = slow_reference(start, length, order, &data).map(|bits| {
                let negative = signed && bits >> (length - 1) & 1 == 1;
                Raw::Integer(i128::from(bits) - if negative { 1 << length } else { 0 })
            });

            prop_assert_eq!(extract(start, length, order, encoding, &data), expected);
        }
    }
}

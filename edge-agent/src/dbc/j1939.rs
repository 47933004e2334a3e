//! SAE J1939: which message a frame carries, and which raw numbers are no values.
//!
//! **Matching** (J1939-21, 5.2). Priority (3 bits) and source address (8 bits) of an identifier say
//! nothing about its content. What lies between is the parameter group number; when its PDU format
//! is below 240 (PDU1), its low byte is the destination address and says nothing either.
//!
//! **Values** (J1939-71, 5.1). A signal of a J1939 message has the following meaning by its length;
//! the rules look at bits, before scale and offset.
//!
//! | signal | value | reserved | error | not available |
//! |---|---|---|---|---|
//! | unsigned, 8 bits and more in steps of 4 (8, 12, 16, 20, 24 …) | below `FBx` | `FBx` to `FDx` | `FEx` | `FFx` |
//! | unsigned, 2 to 7 bits, and lengths between those above | all others | | all ones but the last | all ones |
//! | 1 bit, and shorter signed ones | all | | | |
//! | signed, 8 bits and more (only NMEA 2000 and makers have these) | all others | | `7F…E` | `7F…F` |
//! | float | finite | | | NaN and infinities |
//!
//! `FBx` means that the first 8 bits are `FB`. The range from `FBx` to `FDx` belongs to the parameter: a
//! number there is a value when the file's value table names it (gear 251 is "park"), else reserved.
//!
//! **Invariant:** only values become physical; the raw number can be read in any case.

use super::layout::{Encoding, Layout, Raw};

/// What a raw number of a signal means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// A measurement or state.
    Value,
    /// In the range that the standard reserves.
    Reserved,
    /// The sender says that it can not measure.
    Error,
    /// The sender has no such signal.
    NotAvailable,
}

/// The largest number of `layout` that is a value without a second look.
pub(super) const fn plain_max(layout: &Layout) -> i64 {
    let bits = layout.length();
    match layout.encoding() {
        // Cut out and looked at carefully in any case, as is an unsigned number of 64 bits.
        Encoding::Float => i64::MAX,
        _ if bits == 1 => i64::MAX,
        Encoding::Signed if bits < 8 => i64::MAX,
        Encoding::Signed => (i64::MAX >> (64 - bits)) - 2,
        Encoding::Unsigned if bits >= 63 => i64::MAX - 2,
        Encoding::Unsigned if is_measured(bits) => (0xFB << (bits - 8)) - 1,
        Encoding::Unsigned => (1 << bits) - 3,
    }
}

/// What `raw` of a signal with `layout` means; see the table above. `is_named` tells that the file's
/// value table has a name for it.
pub(super) fn meaning(layout: &Layout, raw: Raw, is_named: impl FnOnce() -> bool) -> Meaning {
    let number = match raw {
        Raw::Integer(number) => number,
        Raw::Float(number) if number.is_finite() => return Meaning::Value,
        Raw::Float(_) => return Meaning::NotAvailable,
    };
    let bits = layout.length();
    let is_signed = layout.encoding() == Encoding::Signed;
    if bits == 1 || (is_signed && bits < 8) {
        return Meaning::Value;
    }
    let ones: i128 = if is_signed { (1 << (bits - 1)) - 1 } else { (1 << bits) - 1 };
    if !is_signed && is_measured(bits) {
        return match number >> (bits - 8) {
            0xFF => Meaning::NotAvailable,
            0xFE => Meaning::Error,
            0xFB..=0xFD if !is_named() => Meaning::Reserved,
            _ => Meaning::Value,
        };
    }
    match ones - number {
        0 => Meaning::NotAvailable,
        1 => Meaning::Error,
        _ => Meaning::Value,
    }
}

const fn is_measured(bits: u32) -> bool {
    bits >= 8 && bits.is_multiple_of(4)
}

#[cfg(test)]
mod tests {
    use super::super::layout::Order;
    use super::*;

    #[test]
    fn what_is_no_value_depends_on_the_length() {
        use Encoding::{Signed, Unsigned};
        use Meaning::{Error, NotAvailable, Reserved, Value};
        #[rustfmt::skip] // a table is read by column
        let cases = [
            // bits encoding  raw                  means
            (  1, Unsigned, 1,                     Value),
            (  2, Unsigned, 1,                     Value),
            (  2, Unsigned, 2,                     Error),
            (  2, Unsigned, 3,                     NotAvailable),
            (  4, Unsigned, 0xD,                   Value),
            (  4, Unsigned, 0xE,                   Error),
            (  4, Unsigned, 0xF,                   NotAvailable),
            (  8, Unsigned, 0xFA,                  Value),
            (  8, Unsigned, 0xFB,                  Reserved),
            (  8, Unsigned, 0xFD,                  Reserved),
            (  8, Unsigned, 0xFE,                  Error),
            (  8, Unsigned, 0xFF,                  NotAvailable),
            ( 10, Unsigned, 0x3FD,                 Value),
            ( 10, Unsigned, 0x3FE,                 Error),
            ( 10, Unsigned, 0x3FF,                 NotAvailable),
            ( 12, Unsigned, 0xFAF,                 Value),
            ( 12, Unsigned, 0xFE0,                 Error),
            ( 16, Unsigned, 0xFAFF,                Value),
            ( 16, Unsigned, 0xFB00,                Reserved),
            ( 16, Unsigned, 0xFDFF,                Reserved),
            ( 16, Unsigned, 0xFE00,                Error),
            ( 16, Unsigned, 0xFEFF,                Error),
            ( 16, Unsigned, 0xFF00,                NotAvailable),
            ( 16, Unsigned, 0xFFFF,                NotAvailable),
            ( 32, Unsigned, 0xFAFF_FFFF,           Value),
            ( 32, Unsigned, 0xFE00_0000,           Error),
            ( 32, Unsigned, 0xFF00_0000,           NotAvailable),
            ( 64, Unsigned, 0xFAFF_FFFF_FFFF_FFFF, Value),
            ( 64, Unsigned, 0xFFFF_FFFF_FFFF_FFFF, NotAvailable),
            (  4, Signed,   7,                     Value),
            ( 16, Signed,   -1,                    Value),
            ( 16, Signed,   0x7FFD,                Value),
            ( 16, Signed,   0x7FFE,                Error),
            ( 16, Signed,   0x7FFF,                NotAvailable),
            ( 64, Signed,   0x7FFF_FFFF_FFFF_FFFF, NotAvailable),
        ];
        for (bits, encoding, raw, expected) in cases {
            let layout = Layout::new(0, bits, Order::Intel, encoding).unwrap();
            let actual = meaning(&layout, Raw::Integer(raw), || false);
            assert_eq!(actual, expected, "{raw:#x} of {bits} bits");
            let is_plain = raw <= plain_max(&layout).into();
            assert!(!is_plain || expected == Value, "{raw:#x} of {bits} bits");
        }
        let gear = Layout::new(0, 8, Order::Intel, Unsigned).unwrap();
        assert_eq!(meaning(&gear, Raw::Integer(251), || true), Value);
        assert_eq!(meaning(&gear, Raw::Integer(255), || true), NotAvailable);
    }
}

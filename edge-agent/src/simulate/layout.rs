//! Where the bits of a signal lie in a frame, as a DBC says it.
//!
//! **Invariant:** a [`Layout`] fits the eight bytes of a classic CAN frame, so writing never fails.
//! A value beyond what the bits hold is written as the nearest one that they do, as control units do.

use can_dbc::{ByteOrder, ValueType};

/// Bits of a classic CAN frame.
const FRAME_BITS: u64 = 64;

/// How to write one signal.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    start: u64,
    size: u64,
    byte_order: ByteOrder,
    value_type: ValueType,
    factor: f64,
    offset: f64,
}

/// A signal that no classic frame holds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("signal {signal} has {size} bits from bit {start}: they do not fit {message_bytes} bytes")]
pub(super) struct BeyondFrame {
    signal: String,
    start: u64,
    size: u64,
    message_bytes: u64,
}

impl Layout {
    /// The layout of `signal` in a message of `message_bytes` bytes.
    ///
    /// # Errors
    /// Refused when a bit of it lies outside.
    pub(super) fn of(signal: &can_dbc::Signal, message_bytes: u64) -> Result<Self, BeyondFrame> {
        let layout = Self {
            start: signal.start_bit,
            size: signal.size,
            byte_order: signal.byte_order,
            value_type: signal.value_type,
            factor: signal.factor,
            offset: signal.offset,
        };
        let bits = FRAME_BITS.min(message_bytes * 8);
        let fits = (1..=bits).contains(&signal.size) && layout.places().all(|place| place < bits);
        let beyond = BeyondFrame {
            signal: signal.name.clone(),
            start: signal.start_bit,
            size: signal.size,
            message_bytes,
        };
        fits.then_some(layout).ok_or(beyond)
    }

    /// Writes `physical`, in the signal's unit, into `data`. Its other bits stay.
    pub(super) fn write(&self, physical: f64, data: &mut [u8; 8]) {
        let raw = self.raw(physical).cast_unsigned();
        for (significance, place) in self.places().enumerate() {
            let byte = usize::try_from(place / 8).ok().and_then(|index| data.get_mut(index));
            if let Some(byte) = byte {
                let mask = 1 << (place % 8);
                *byte = if raw >> significance & 1 == 1 { *byte | mask } else { *byte & !mask };
            }
        }
    }

    /// The integer nearest to `physical` that the bits hold. NaN is 0.
    fn raw(&self, physical: f64) -> i64 {
        let (low, high) = match self.value_type {
            ValueType::Signed => (-exp2(self.size - 1), exp2(self.size - 1) - 1.0),
            ValueType::Unsigned => (0.0, exp2(self.size) - 1.0),
        };
        let scaled = ((physical - self.offset) / self.factor).round().clamp(low, high);
        #[expect(
            clippy::as_conversions,
            clippy::cast_possible_truncation,
            reason = "a whole number; beyond the ends of i64 it becomes the end"
        )]
        return scaled as i64;
    }

    /// The places of the bits in the frame, least significant first. Place 8 is the lowest bit of the
    /// second byte. A big-endian signal starts at its most significant bit and goes down the byte,
    /// then on to the top of the next.
    fn places(&self) -> impl Iterator<Item = u64> {
        let (start, size) = (self.start, self.size);
        // Counted from the top of the first byte, big-endian bits lie in a row.
        let from_top = |place: u64| place / 8 * 8 + (7 - place % 8);
        let little_endian = self.byte_order == ByteOrder::LittleEndian;
        (0..size).map(move |significance| {
            if little_endian {
                start + significance
            } else {
                from_top(from_top(start) + (size - 1 - significance))
            }
        })
    }
}

fn exp2(bits: u64) -> f64 {
    f64::exp2(f64::from(u32::try_from(bits).unwrap_or(u32::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(definition: &str, message_bytes: u64) -> Result<Layout, BeyondFrame> {
        let text = format!(
            "VERSION \"\"\nNS_ :\nBS_:\nBU_: A\nBO_ 1 M: {message_bytes} A\n SG_ S : {definition} [0|0] \"\" A\n"
        );
        let dbc = can_dbc::Dbc::try_from(text.as_str()).unwrap();
        Layout::of(&dbc.messages[0].signals[0], message_bytes)
    }

    #[test]
    fn writes_bits_where_the_dbc_says() {
        #[rustfmt::skip] // a table is read by column
        let cases = [
            // name                  definition               value    frame
            ("one byte",             "0|8@1+ (1,0)",          255.0,   "ff00000000000000"),
            ("little endian",        "8|16@1+ (1,0)",         0x1234.into(), "0034120000000000"),
            ("big endian",           "7|16@0+ (1,0)",         0x1234.into(), "1234000000000000"),
            ("big endian, crossing", "3|12@0+ (1,0)",         0xabc.into(),  "0abc000000000000"),
            ("little, crossing",     "4|12@1+ (1,0)",         0xabc.into(),  "c0ab000000000000"),
            ("signed",               "0|16@1- (1,0)",         -2.0,    "feff000000000000"),
            ("signed, 12 bits",      "0|12@1- (1,0)",         -1.0,    "ff0f000000000000"),
            ("scaled",               "0|16@1+ (0.01,0)",      2.56,    "0001000000000000"),
            ("moved",                "0|8@1+ (0.5,-40)",      -40.0,   "0000000000000000"),
            ("rounded",              "0|8@1+ (1,0)",          1.5,     "0200000000000000"),
            ("too large",            "0|8@1+ (1,0)",          300.0,   "ff00000000000000"),
            ("too small",            "0|8@1- (1,0)",          -300.0,  "8000000000000000"),
            ("not a number",         "0|8@1+ (1,0)",          f64::NAN, "0000000000000000"),
            ("the whole frame",      "0|64@1- (1,0)",         -1.0,    "ffffffffffffffff"),
        ];
        for (name, definition, value, frame) in cases {
            let mut data = [0; 8];
            layout(definition, 8).unwrap().write(value, &mut data);
            assert_eq!(hex::encode(data), frame, "{name}");
        }
    }

    #[test]
    fn other_bits_stay_as_they_are() {
        let mut data = [0xff; 8];
        layout("4|8@1+ (1,0)", 8).unwrap().write(0.0, &mut data);

        assert_eq!(hex::encode(data), "0ff0ffffffffffff");
    }

    #[test]
    fn signals_beyond_their_message_are_refused() {
        for definition in ["57|8@1+ (1,0)", "0|65@1+ (1,0)", "0|9@1+ (1,0)", "0|2@0+ (1,0)"] {
            let bytes = if definition.starts_with('0') { 1 } else { 8 };
            assert!(layout(definition, bytes).is_err(), "{definition}");
        }
        let error = layout("0|9@1+ (1,0)", 1).unwrap_err();
        assert_eq!(error.to_string(), "signal S has 9 bits from bit 0: they do not fit 1 bytes");
    }
}

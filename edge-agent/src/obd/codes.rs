//! Fault codes, as computers of a car send them and as workshops write them.

use std::fmt;

/// A fault code such as `P0301`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FaultCode(u16);

impl FaultCode {
    /// The code in these two bytes; none when both are zero, which fills up.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 2]) -> Option<Self> {
        let code = u16::from_be_bytes(bytes);
        (code != 0).then_some(Self(code))
    }

    /// The codes in an answer to service 03, 07 or 0A, after their number.
    pub(super) fn list(rest: &[u8]) -> impl Iterator<Item = Self> {
        rest.get(1..).unwrap_or_default().as_chunks().0.iter().copied().filter_map(Self::from_bytes)
    }

    /// The codes in an answer to UDS 19 02, after its mask. Their third byte, the kind of failure, is left
    /// out, as OBD does.
    pub(super) fn uds_list(rest: &[u8]) -> impl Iterator<Item = Self> {
        let (codes, _) = rest.get(1..).unwrap_or_default().as_chunks::<4>();
        codes.iter().filter_map(|[high, low, _, _]| Self::from_bytes([*high, *low]))
    }
}

impl fmt::Display for FaultCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = match self.0 >> 14 {
            0 => 'P',
            1 => 'C',
            2 => 'B',
            _ => 'U',
        };
        write!(f, "{letter}{:04X}", self.0 & 0x3FFF)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_written_as_workshops_do() {
        #[rustfmt::skip] // a table is read by column
        let cases = [
            ([0x03, 0x01], "P0301"),
            ([0x42, 0x34], "C0234"),
            ([0x90, 0x01], "B1001"),
            ([0xC1, 0x00], "U0100"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(FaultCode::from_bytes(bytes).unwrap().to_string(), expected);
        }
        assert_eq!(FaultCode::from_bytes([0, 0]), None);
    }

    #[test]
    fn lists_leave_out_what_fills_up() {
        let codes: Vec<_> = FaultCode::list(&[2, 3, 1, 0, 0, 0xC1, 0, 9]).collect();
        assert_eq!(codes.iter().map(ToString::to_string).collect::<Vec<_>>(), ["P0301", "U0100"]);

        let codes: Vec<_> = FaultCode::uds_list(&[0xFF, 3, 1, 0x11, 0x2F, 3, 2]).collect();
        assert_eq!(codes.iter().map(ToString::to_string).collect::<Vec<_>>(), ["P0301"]);
        assert_eq!(FaultCode::list(&[]).count(), 0);
    }
}

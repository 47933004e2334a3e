//! Parameter groups: how J1939 and NMEA 2000 use the 29 bits of an identifier (SAE J1939-21 §5.2,
//! ISO 11783-3 §5.2).
//!
//! ```text
//! | 3 priority | 1 extended page | 1 page | 8 PDU format | 8 PDU specific | 8 source |
//! ```
//!
//! **Invariant:** the group of a PDU1 identifier (format below 240) has no destination in it.

use std::fmt;

use crate::frames::CanId;

/// The number of a parameter group: what a frame holds, whoever sent it to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pgn(u32);

/// What a 29-bit identifier says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What the frame holds.
    pub pgn: Pgn,
    /// Address of the sender.
    pub source: u8,
    /// Address of the receiver; 255 is everyone.
    pub destination: u8,
}

impl Pgn {
    const MAX: u32 = 0x3_FFFF;
    /// The first PDU format whose groups have no destination.
    const PDU2: u32 = 240;

    /// The group of this number, or `None` when there is none.
    #[must_use]
    pub const fn new(number: u32) -> Option<Self> {
        let is_addressed = (number >> 8) & 0xFF < Self::PDU2;
        if number > Self::MAX || (is_addressed && number & 0xFF != 0) {
            return None;
        }
        Some(Self(number))
    }

    /// The group that a frame with this identifier holds; `None` for one of 11 bits.
    #[must_use]
    pub fn of(id: CanId) -> Option<Self> {
        Header::of(id).map(|header| header.pgn)
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }
}

impl Header {
    /// The address of everyone.
    pub const EVERYONE: u8 = 255;

    /// What this identifier says; `None` for one of 11 bits.
    #[must_use]
    pub fn of(id: CanId) -> Option<Self> {
        let CanId::Extended(number) = id else { return None };
        let [_, _, specific, source] = number.to_be_bytes();
        let group = (number >> 8) & Pgn::MAX;
        if (group >> 8) & 0xFF < Pgn::PDU2 {
            return Some(Self { pgn: Pgn(group & !0xFF), source, destination: specific });
        }
        Some(Self { pgn: Pgn(group), source, destination: Self::EVERYONE })
    }
}

impl fmt::Display for Pgn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:05X}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_taken_apart() {
        #[rustfmt::skip] // a table is read by column
        let cases = [
            // name               identifier    group     source  destination
            ("PDU2",              0x18FE_E300,  0x0_FEE3, 0x00,   255),
            ("PDU1",              0x1CEC_FF0B,  0x0_EC00, 0x0B,   255),
            ("PDU1 to one",       0x18EB_F921,  0x0_EB00, 0x21,   0xF9),
            ("the second page",   0x0DF8_0523,  0x1_F805, 0x23,   255),
            ("PDU1 of it",        0x0DED_2A01,  0x1_ED00, 0x01,   0x2A),
            ("the extended page", 0x02F0_0001,  0x2_F000, 0x01,   255),
            ("the last PDU1",     0x00EF_1203,  0x0_EF00, 0x03,   0x12),
            ("the first PDU2",    0x00F0_1203,  0x0_F012, 0x03,   255),
        ];
        for (name, id, pgn, source, destination) in cases {
            let header = Header::of(CanId::Extended(id)).unwrap();
            assert_eq!((header.pgn.number(), header.source), (pgn, source), "{name}");
            assert_eq!(header.destination, destination, "{name}");
        }
        assert_eq!(Pgn::of(CanId::Standard(0x123)), None);
    }

    #[test]
    fn priority_source_and_destination_say_nothing() {
        #[rustfmt::skip] // a table is read by column
        let cases = [
            // name                      one           other         same group
            ("priority and source",      0x18FE_F100,  0x0CFE_F121,  true),
            ("a broadcast's low byte",   0x18FE_F100,  0x18FE_F200,  false),
            ("PDU1 to another",          0x18EA_FF00,  0x18EA_2117,  true),
            ("PDU1 of another group",    0x18EA_FF00,  0x18EB_FF00,  false),
            ("PDU format 239",           0x18EF_0000,  0x18EF_FF00,  true),
            ("PDU format 240",           0x18F0_0000,  0x18F0_FF00,  false),
            ("data page",                0x18FE_F100,  0x19FE_F100,  false),
        ];
        let group = |id| Pgn::of(CanId::Extended(id)).map(Pgn::number);
        for (name, one, other, same) in cases {
            assert_eq!(group(one) == group(other), same, "{name}");
        }
        assert_eq!(group(0x0CF0_0400), Some(0xF004));
    }

    #[test]
    fn a_number_with_a_destination_is_no_group() {
        assert_eq!(Pgn::new(0xFEE3).map(Pgn::number), Some(0xFEE3));
        assert_eq!(Pgn::new(0xEC00).map(Pgn::number), Some(0xEC00));
        assert_eq!(Pgn::new(0xECFF), None);
        assert_eq!(Pgn::new(0x4_0000), None);
        assert_eq!(Pgn::new(0x1_F805).unwrap().to_string(), "1F805");
    }
}

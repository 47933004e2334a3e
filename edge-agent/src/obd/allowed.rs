//! Everything that may be said on a car's bus: requests for diagnostic data, and nothing else.
//!
//! | service | what for |
//! |---|---|
//! | 01 | current values (SAE J1979) |
//! | 02 | values when a fault was first seen |
//! | 03, 07, 0A | stored, pending and permanent fault codes |
//! | 09 | about the car: its VIN |
//! | 19 02 | fault codes of UDS, of a computer that the owner's file names |
//! | 22 | values of UDS, with an identifier that the owner's file names |
//! | 30 | flow control: *go on*, to who has begun a long answer |
//!
//! None of them changes anything in a car. What clears codes (04), moves actuators (08, 2F, 31), resets
//! (11), unlocks (27), writes (2E, 34 to 37) or opens a session (10) can not be said: no value of these
//! types stands for it.
//!
//! **Invariant:** fields are private and every constructor is in this file, so that the table above is
//! complete; [`super::Transmitter`] takes nothing but an [`AllowedFrame`].
//!
//! ```compile_fail,E0451
//! use edge_agent::frames::CanId;
//! use edge_agent::obd::AllowedFrame;
//! // Clears the fault codes, if it could be written.
//! AllowedFrame { id: CanId::Standard(0x7DF), data: [1, 4, 0, 0, 0, 0, 0, 0] };
//! ```

use crate::frames::CanId;

/// A computer of the car, or all of them, and how to reach it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Address {
    /// Every computer that knows OBD, by 11 bits.
    Everyone11,
    /// Every computer that knows OBD, by 29 bits.
    Everyone29,
    /// One, by 11 bits: see [`Self::one_11`].
    One11(DiagnosticId),
    /// One, by 29 bits: its address.
    One29(u8),
}

/// An 11-bit identifier from 700 to 7FF: those that car makers leave to diagnosis, and that give way to
/// everything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DiagnosticId(u16);

/// The address of a tester by ISO 15765-4.
const TESTER: u32 = 0xF1;
/// Physical requests of 29 bits, without target and source.
const PHYSICAL: u32 = 0x18DA_0000;

impl Address {
    /// One computer with this identifier, unless diagnosis does not use it.
    #[must_use]
    pub fn one_11(id: u16) -> Option<Self> {
        (0x700..=0x7FF).contains(&id).then_some(Self::One11(DiagnosticId(id)))
    }

    /// One computer that is asked with this identifier of 29 bits, unless it is none of diagnosis.
    #[must_use]
    pub fn one_29(id: u32) -> Option<Self> {
        let [_, target, ..] = id.to_le_bytes();
        let address = Self::One29(target);
        (address.id() == CanId::Extended(id)).then_some(address)
    }

    /// The identifier that requests to it have.
    #[must_use]
    pub fn id(self) -> CanId {
        match self {
            Self::Everyone11 => CanId::Standard(0x7DF),
            Self::Everyone29 => CanId::Extended(0x18DB_33F1),
            Self::One11(DiagnosticId(id)) => CanId::Standard(id),
            Self::One29(target) => CanId::Extended(PHYSICAL | u32::from(target) << 8 | TESTER),
        }
    }

    /// The identifier that it answers with, where the standard says so.
    pub(super) fn answer_id(self) -> Option<CanId> {
        match self {
            Self::One29(target) => {
                Some(CanId::Extended(PHYSICAL | TESTER << 8 | u32::from(target)))
            }
            _ => None,
        }
    }

    /// Who it is that answers OBD requests with `id`, or `None` when nobody does.
    #[must_use]
    pub fn of_answer(id: CanId) -> Option<Self> {
        match id {
            CanId::Standard(id) if (0x7E8..=0x7EF).contains(&id) => Self::one_11(id - 8),
            CanId::Extended(id) if id & 0xFFFF_FF00 == PHYSICAL | TESTER << 8 => {
                let [source, ..] = id.to_le_bytes();
                Some(Self::One29(source))
            }
            _ => None,
        }
    }
}

/// A request: one that reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AllowedRequest {
    to: Address,
    ask: Ask,
}

/// What can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Ask {
    Current(u8),
    Frozen(u8),
    Stored,
    Pending,
    About(u8),
    Permanent,
    Identifier(u16),
    Codes,
}

impl AllowedRequest {
    /// Service 01: the present value of `pid`.
    #[must_use]
    pub const fn current(to: Address, pid: u8) -> Self {
        Self { to, ask: Ask::Current(pid) }
    }

    /// Service 02: the value of `pid` when the first fault was seen.
    #[must_use]
    pub const fn frozen(to: Address, pid: u8) -> Self {
        Self { to, ask: Ask::Frozen(pid) }
    }

    /// Service 03: fault codes that are stored.
    #[must_use]
    pub const fn stored(to: Address) -> Self {
        Self { to, ask: Ask::Stored }
    }

    /// Service 07: fault codes of the present or last drive.
    #[must_use]
    pub const fn pending(to: Address) -> Self {
        Self { to, ask: Ask::Pending }
    }

    /// Service 09: what the car is.
    #[must_use]
    pub const fn about(to: Address, kind: u8) -> Self {
        Self { to, ask: Ask::About(kind) }
    }

    /// Service 0A: fault codes that only the car itself can clear.
    #[must_use]
    pub const fn permanent(to: Address) -> Self {
        Self { to, ask: Ask::Permanent }
    }

    /// UDS 22: a value, by its identifier in the owner's file.
    pub(super) const fn identifier(to: Address, identifier: u16) -> Self {
        Self { to, ask: Ask::Identifier(identifier) }
    }

    /// UDS 19 02: fault codes, of a computer in the owner's file.
    pub(super) const fn codes(to: Address) -> Self {
        Self { to, ask: Ask::Codes }
    }

    /// Whom it asks.
    #[must_use]
    pub const fn to(self) -> Address {
        self.to
    }

    /// Its service.
    #[must_use]
    pub const fn service(self) -> u8 {
        match self.ask {
            Ask::Current(_) => 0x01,
            Ask::Frozen(_) => 0x02,
            Ask::Stored => 0x03,
            Ask::Pending => 0x07,
            Ask::About(_) => 0x09,
            Ask::Permanent => 0x0A,
            Ask::Codes => 0x19,
            Ask::Identifier(_) => 0x22,
        }
    }

    /// What a positive answer begins with: the service, and what of the request it repeats.
    #[must_use]
    pub(super) fn answer_head(self) -> ([u8; 3], usize) {
        let service = self.service() | 0x40;
        match self.ask {
            Ask::Current(pid) | Ask::About(pid) => ([service, pid, 0], 2),
            Ask::Frozen(pid) => ([service, pid, 0], 3),
            Ask::Stored | Ask::Pending | Ask::Permanent => ([service, 0, 0], 1),
            Ask::Identifier(identifier) => {
                let [high, low] = identifier.to_be_bytes();
                ([service, high, low], 3)
            }
            Ask::Codes => ([service, 2, 0], 2),
        }
    }

    /// It, in a single frame of ISO-TP.
    #[must_use]
    pub fn frame(self) -> AllowedFrame {
        let service = self.service();
        let data = match self.ask {
            Ask::Current(pid) | Ask::About(pid) => [2, service, pid, 0, 0, 0, 0, 0],
            Ask::Frozen(pid) => [3, service, pid, 0, 0, 0, 0, 0],
            Ask::Stored | Ask::Pending | Ask::Permanent => [1, service, 0, 0, 0, 0, 0, 0],
            Ask::Identifier(identifier) => {
                let [high, low] = identifier.to_be_bytes();
                [3, service, high, low, 0, 0, 0, 0]
            }
            // The mask: test failed, pending or confirmed.
            Ask::Codes => [3, service, 2, 0x0D, 0, 0, 0, 0],
        };
        AllowedFrame { id: self.to.id(), data }
    }
}

/// A frame that may be sent: an [`AllowedRequest`], or flow control.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AllowedFrame {
    id: CanId,
    data: [u8; 8],
}

impl AllowedFrame {
    /// *Go on, all of it, as fast as you like*, to who has begun a long answer.
    #[must_use]
    pub fn go_on(to: Address) -> Self {
        Self { id: to.id(), data: [0x30, 0, 0, 0, 0, 0, 0, 0] }
    }

    /// Its identifier.
    #[must_use]
    pub const fn id(&self) -> CanId {
        self.id
    }

    /// Its bytes.
    #[must_use]
    pub const fn data(&self) -> [u8; 8] {
        self.data
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What may be on a bus, written down a second time and in another way: as bytes.
    fn is_harmless(id: CanId, data: [u8; 8]) -> bool {
        let is_diagnostic = match id {
            CanId::Standard(id) => (0x700..=0x7FF).contains(&id),
            CanId::Extended(id) => id == 0x18DB_33F1 || id & 0xFFFF_00FF == 0x18DA_00F1,
        };
        let reads = matches!(
            data,
            [2, 0x01 | 0x09, _, 0, 0, 0, 0, 0]
                | [3, 0x02, _, 0, 0, 0, 0, 0]
                | [1, 0x03 | 0x07 | 0x0A, 0, 0, 0, 0, 0, 0]
                | [3, 0x19, 0x02, 0x0D, 0, 0, 0, 0]
                | [3, 0x22, _, _, 0, 0, 0, 0]
                | [0x30, 0, 0, 0, 0, 0, 0, 0]
        );
        is_diagnostic && reads
    }

    fn any_address() -> impl Strategy<Value = Address> {
        prop_oneof![
            Just(Address::Everyone11),
            Just(Address::Everyone29),
            any::<u8>().prop_map(Address::One29),
            any::<u32>().prop_filter_map("no diagnosis", |id| {
                Address::one_29(0x18DA_00F1 | id & 0xFF00).or(Address::one_29(id))
            }),
            any::<u16>().prop_filter_map("no diagnosis", Address::one_11),
            (0x700..=0x7FF_u16).prop_filter_map("no diagnosis", Address::one_11),
        ]
    }

    proptest! {
        /// Whatever can be made with these types only reads.
        #[test]
        fn every_frame_that_can_be_made_is_harmless(
            to in any_address(), byte: u8, identifier: u16,
        ) {
            let requests = [
                AllowedRequest::current(to, byte),
                AllowedRequest::frozen(to, byte),
                AllowedRequest::stored(to),
                AllowedRequest::pending(to),
                AllowedRequest::about(to, byte),
                AllowedRequest::permanent(to),
                AllowedRequest::identifier(to, identifier),
                AllowedRequest::codes(to),
            ];
            let frames = requests.map(AllowedRequest::frame);
            for frame in frames.iter().chain([&AllowedFrame::go_on(to)]) {
                prop_assert!(is_harmless(frame.id(), frame.data()), "{:?}", frame);
            }
        }

        /// Identifiers that steer a car are none of diagnosis.
        #[test]
        fn identifiers_of_traffic_are_no_addresses(id in 0_u16..0x700, long: u32) {
            prop_assert_eq!(Address::one_11(id), None);
            let is_diagnostic = long & 0xFFFF_00FF == 0x18DA_00F1;
            prop_assert_eq!(Address::one_29(long).is_some(), is_diagnostic);
        }
    }

    #[test]
    fn what_changes_a_car_is_not_harmless() {
        for service in [0x04, 0x08, 0x10, 0x11, 0x14, 0x27, 0x28, 0x2E, 0x2F, 0x31, 0x34, 0x36] {
            for length in 1..8 {
                let data = [length, service, 0, 0, 0, 0, 0, 0];
                assert!(!is_harmless(CanId::Standard(0x7E0), data), "{service:02X}");
            }
        }
        assert!(!is_harmless(CanId::Standard(0x0B4), [2, 1, 0, 0, 0, 0, 0, 0]));
    }

    /// One function of this crate writes to a car's bus, and it takes an [`AllowedFrame`]. One more sends
    /// simulated drives, and only on interfaces that the kernel says are virtual.
    #[test]
    fn no_other_file_can_write_to_a_bus() {
        const WRITERS: [&str; 2] = ["obd/transmitter.rs", "simulate/virtual_bus.rs"];
        let source = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"));
        let (mut folders, mut names) = (vec![source.to_owned()], Vec::new());
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let text = std::fs::read_to_string(&path).unwrap();
                let name = path.strip_prefix(source).unwrap().display().to_string();
                let words =
                    ["write_frame", "write_raw", "sendmsg", "sendto", "SockProtocol::CanBcm"];
                if name != "obd/allowed.rs" && words.iter().any(|word| text.contains(word)) {
                    names.push(name.clone());
                }
                let opens = text.contains("socketcan::") || text.contains("extern crate socketcan");
                let may_open = ["frames/channel.rs"].iter().chain(&WRITERS);
                let may_open = may_open.into_iter().any(|other| *other == name);
                assert!(may_open || !opens || name == "obd/allowed.rs", "{name} opens a bus");
            }
        }
        names.sort_unstable();
        assert_eq!(names, WRITERS);
    }

    #[test]
    fn who_answers_is_who_was_asked() {
        #[rustfmt::skip] // a table is read by column
        let cases = [
            (CanId::Standard(0x7E8),         Some(CanId::Standard(0x7E0))),
            (CanId::Standard(0x7EF),         Some(CanId::Standard(0x7E7))),
            (CanId::Standard(0x7E7),         None),
            (CanId::Extended(0x18DA_F110),   Some(CanId::Extended(0x18DA_10F1))),
            (CanId::Extended(0x18DA_10F1),   None),
            (CanId::Extended(0x7E8),         None),
        ];
        for (answer, request) in cases {
            assert_eq!(Address::of_answer(answer).map(Address::id), request, "{answer}");
        }
    }
}

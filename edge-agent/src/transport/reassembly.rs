//! Which messages of a car come in several frames, and the state machines that put them together.
//!
//! **Invariant:** a frame that is part of a message is never decoded by itself: its bytes would be
//! taken for others.

use std::collections::BTreeMap;

use serde::Deserialize;
use telematics::Timestamp;

use super::isotp::Addressing;
use super::{FastPacket, IsoTp, J1939, Pgn};
use crate::frames::{CanId, Frame};

/// How a message that does not fit into one frame is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// ISO 15765-2: answers of OBD and UDS.
    IsoTp,
    /// SAE J1939-21: trucks and machines.
    J1939,
    /// NMEA 2000: boats.
    FastPacket,
}

impl Transport {
    /// Whether messages with this identifier can be sent so.
    #[must_use]
    pub const fn carries(self, id: CanId) -> bool {
        matches!((self, id), (Self::IsoTp, _) | (_, CanId::Extended(_)))
    }
}

/// Puts together what a car sends in several frames.
#[derive(Debug)]
pub struct Reassembly {
    /// True when nothing comes in several frames.
    is_idle: bool,
    iso_tp: IsoTp,
    j1939: J1939,
    fast_packet: FastPacket,
    /// Identifiers of messages sent by ISO-TP: those of their frames.
    identifiers: Vec<CanId>,
    /// Messages sent by J1939, by their group.
    groups: BTreeMap<Pgn, CanId>,
    /// Messages sent as fast packets, by their group, which is also that of their frames.
    fast_groups: BTreeMap<Pgn, CanId>,
}

/// A message that has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrived<'a> {
    /// The identifier under which it was announced to [`Reassembly::new`].
    pub id: CanId,
    /// When its last frame arrived.
    pub time: Timestamp,
    /// Its bytes, as DBC files count them.
    pub data: &'a [u8],
}

/// What a frame is to [`Reassembly`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken<'a> {
    /// Part of something longer, or of nothing.
    Part,
    /// The last part.
    Whole(Arrived<'a>),
    /// None of its business: a message of its own.
    Other,
}

impl Reassembly {
    /// Puts together the messages with these identifiers, by the transport of each.
    #[must_use]
    pub fn new(carried: impl IntoIterator<Item = (CanId, Transport)>) -> Self {
        let mut new = Self {
            is_idle: true,
            iso_tp: IsoTp::new(Addressing::Normal),
            j1939: J1939::new(),
            fast_packet: FastPacket::new(),
            identifiers: Vec::new(),
            groups: BTreeMap::new(),
            fast_groups: BTreeMap::new(),
        };
        for (id, transport) in carried {
            new.is_idle = false;
            match (transport, Pgn::of(id)) {
                (Transport::IsoTp, _) => new.identifiers.push(id),
                (Transport::J1939, Some(group)) => {
                    new.groups.insert(group, id);
                }
                (Transport::FastPacket, Some(group)) => {
                    new.fast_groups.insert(group, id);
                }
                (_, None) => {}
            }
        }
        new.identifiers.sort_unstable();
        new.identifiers.dedup();
        new
    }

    /// Takes a frame.
    #[inline]
    pub fn push(&mut self, frame: &Frame) -> Taken<'_> {
        // Most cars have none, and decoding millions of frames a second must not pay for it.
        if self.is_idle { Taken::Other } else { self.take(frame) }
    }

    fn take(&mut self, frame: &Frame) -> Taken<'_> {
        if self.identifiers.binary_search(&frame.id).is_ok() {
            return whole(self.iso_tp.push(frame), |address| Some(address.id));
        }
        let Some(group) = Pgn::of(frame.id) else { return Taken::Other };
        if let Some(id) = self.fast_groups.get(&group) {
            return whole(self.fast_packet.push(frame), |_| Some(*id));
        }
        if !self.groups.is_empty() && J1939::carries(group) {
            return whole(self.j1939.push(frame), |address| self.groups.get(&address.pgn).copied());
        }
        Taken::Other
    }

    /// Messages so far that did not become whole.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.iso_tp.dropped() + self.j1939.dropped() + self.fast_packet.dropped()
    }
}

fn whole<A: Copy>(
    pdu: Option<super::Pdu<'_, A>>,
    id: impl FnOnce(A) -> Option<CanId>,
) -> Taken<'_> {
    let Some(pdu) = pdu else { return Taken::Part };
    match id(pdu.address) {
        Some(id) => Taken::Whole(Arrived { id, time: pdu.ended, data: pdu.described }),
        // A message of J1939 that nobody asked for.
        None => Taken::Part,
    }
}

#[cfg(test)]
mod tests {
    use telematics::testing::T0;

    use super::*;

    fn frame(id: CanId, data: &str) -> Frame {
        Frame::new(T0, id, &hex::decode(data).unwrap()).unwrap()
    }

    const OBD: CanId = CanId::Standard(0x7E8);
    /// As a DBC file has them: the source is 254, which is nobody's.
    const HOURS: CanId = CanId::Extended(0x18FE_E3FE);
    const POSITION: CanId = CanId::Extended(0x19F8_05FE);

    #[test]
    fn each_message_is_put_together_by_its_transport() {
        let mut reassembly = Reassembly::new([
            (OBD, Transport::IsoTp),
            (HOURS, Transport::J1939),
            (POSITION, Transport::FastPacket),
        ]);
        let managed = CanId::Extended(0x1CEC_FF00);
        let packet = CanId::Extended(0x1CEB_FF00);
        let boat = CanId::Extended(0x0DF8_0523);
        let arrived = |id, data| Taken::Whole(Arrived { id, time: T0, data });
        #[rustfmt::skip] // a table is read by column
        let cases = [
            (frame(OBD, "1008620101020304"),                    Taken::Part),
            (frame(OBD, "210506"),                              arrived(OBD, &[8, 0x62, 1, 1, 2, 3, 4, 5, 6])),
            (frame(managed, "20090002ffe3fe00"),                Taken::Part),
            (frame(packet, "0101020304050607"),                 Taken::Part),
            (frame(packet, "020809"),                           arrived(HOURS, &[1, 2, 3, 4, 5, 6, 7, 8, 9])),
            (frame(managed, "20090002ffcafe00"),                Taken::Part),
            (frame(packet, "0101020304050607"),                 Taken::Part),
            (frame(packet, "020809"),                           Taken::Part),
            (frame(boat, "a003010203ffffff"),                   arrived(POSITION, &[1, 2, 3])),
            (frame(CanId::Standard(0x123), "1008620101020304"), Taken::Other),
            (frame(CanId::Extended(0x18FE_E300), "0102"),       Taken::Other),
        ];
        for (frame, expected) in cases {
            assert_eq!(reassembly.push(&frame), expected, "{frame:?}");
        }
        assert_eq!(reassembly.dropped(), 0);
    }

    #[test]
    fn without_messages_in_parts_every_frame_is_one_of_its_own() {
        let mut reassembly = Reassembly::new([]);
        for id in [OBD, HOURS, POSITION, CanId::Extended(0x1CEC_FF00)] {
            assert_eq!(reassembly.push(&frame(id, "20090002ffe3fe00")), Taken::Other);
        }
    }

    #[test]
    fn groups_need_29_bits() {
        assert!(Transport::IsoTp.carries(OBD) && Transport::IsoTp.carries(HOURS));
        assert!(Transport::J1939.carries(HOURS) && !Transport::J1939.carries(OBD));
        assert!(!Transport::FastPacket.carries(OBD));
    }
}

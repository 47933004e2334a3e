//! The transport protocol of J1939: messages of 9 to 1,785 bytes (SAE J1939-21 §5.10).
//!
//! Groups 60416 (TP.CM) and 60160 (TP.DT) carry them:
//!
//! ```text
//! TP.CM 20 LL LL NN FF GG GG GG     to everyone (BAM): L bytes in N packets of group G
//! TP.CM 10 LL LL NN MM GG GG GG     to one (RTS)
//! TP.CM 11 CC SS FF FF GG GG GG     it answers (CTS): send C packets from S on; C = 0 is wait
//! TP.CM 13 LL LL NN FF GG GG GG     it has all
//! TP.CM FF RR FF FF FF GG GG GG     either gives up
//! TP.DT SS …                        packet S, from 1: seven bytes
//! ```
//!
//! A sender has one message under way to everyone and one to each receiver.

use telematics::Timestamp;

use super::pdu::Pdu;
use super::pgn::{Header, Pgn};
use super::transfers::Transfers;
use crate::frames::Frame;

/// The longest message: 255 packets.
pub const PAYLOAD_BYTES_MAX: usize = 255 * PACKET_BYTES;
/// Group of connection management.
const CONNECTION: u32 = 0xEC00;
/// Group of data.
const DATA: u32 = 0xEB00;
/// Data bytes of a packet.
const PACKET_BYTES: usize = 7;
/// T1: until the next packet of a message to everyone.
const BROADCAST_PATIENCE: i64 = 750_000;
/// T2, T3: until the next packet or answer between two.
const DIRECT_PATIENCE: i64 = 1_250_000;

/// From whom to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Way {
    source: u8,
    destination: u8,
}

/// Puts messages of J1939 together.
#[derive(Debug)]
pub struct J1939 {
    /// With the group of each.
    transfers: Transfers<Way, Option<Pgn>>,
}

impl Default for J1939 {
    fn default() -> Self {
        Self::new()
    }
}

impl J1939 {
    /// Nothing has arrived yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { transfers: Transfers::new() }
    }

    /// Whether frames of this group are parts of messages.
    #[must_use]
    pub const fn carries(group: Pgn) -> bool {
        matches!(group.number(), CONNECTION | DATA)
    }

    /// Takes a frame, and hands out the message that it ends. Frames of other groups are none of its
    /// business.
    pub fn push(&mut self, frame: &Frame) -> Option<Pdu<'_, Header>> {
        let header = Header::of(frame.id)?;
        let way = Way { source: header.source, destination: header.destination };
        match header.pgn.number() {
            CONNECTION => {
                self.manage(way, frame.time, *frame.data().first_chunk()?);
                None
            }
            DATA => self.packet(way, frame),
            _ => None,
        }
    }

    /// Messages so far that did not become whole: packets were missing, or somebody gave up.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.transfers.dropped()
    }

    fn manage(&mut self, way: Way, time: Timestamp, bytes: [u8; 8]) {
        let [control, first, second, packets, _, low, middle, high] = bytes;
        let Some(pgn) = Pgn::new(u32::from_le_bytes([low, middle, high, 0])) else { return };
        let is_broadcast = way.destination == Header::EVERYONE;
        let back = Way { source: way.destination, destination: way.source };
        match control {
            16 | 32 if is_broadcast == (control == 32) => {
                let length = usize::from(u16::from_le_bytes([first, second]));
                self.begin(way, pgn, time, length, usize::from(packets));
            }
            17 => self.clear_to_send(back, pgn, time, second),
            255 => {
                for way in [way, back] {
                    if let Some(position) = self.find(way, pgn, time) {
                        self.transfers.drop_at(position);
                    }
                }
            }
            // 19 says that all has arrived, which was seen.
            _ => {}
        }
    }

    fn begin(&mut self, way: Way, pgn: Pgn, time: Timestamp, length: usize, packets: usize) {
        if !(9..=PAYLOAD_BYTES_MAX).contains(&length) || packets != length.div_ceil(PACKET_BYTES) {
            self.transfers.refuse();
            return;
        }
        let transfer = self.transfers.begin(way, time, patience(way), length, 1);
        transfer.matter = Some(pgn);
        transfer.share = PACKET_BYTES;
    }

    /// The receiver wants packets from `from` on: those after it that were seen are sent again.
    fn clear_to_send(&mut self, way: Way, pgn: Pgn, time: Timestamp, from: u8) {
        let Some(position) = self.find(way, pgn, time) else { return };
        let Some(transfer) = self.transfers.at(position) else { return };
        transfer.hear(time, DIRECT_PATIENCE);
        let from = u32::from(from);
        if (1..transfer.next).contains(&from) {
            transfer.next = from;
            transfer.truncate(usize::try_from(from - 1).unwrap_or(0) * PACKET_BYTES);
        }
    }

    fn packet(&mut self, way: Way, frame: &Frame) -> Option<Pdu<'_, Header>> {
        let (number, bytes) = frame.data().split_first()?;
        let number = u32::from(*number);
        let position = self.transfers.position(way, frame.time)?;
        let transfer = self.transfers.at(position)?;
        let Way { source, destination } = way;
        let address = Header { pgn: transfer.matter?, source, destination };
        if number != transfer.next
            || !transfer.add_share(bytes.get(..PACKET_BYTES).unwrap_or(bytes))
        {
            self.transfers.drop_at(position);
            return None;
        }
        transfer.next = number + 1;
        transfer.hear(frame.time, patience(way));
        Some(self.transfers.take_whole(position)?.into_pdu(address, frame.time))
    }

    fn find(&mut self, way: Way, pgn: Pgn, time: Timestamp) -> Option<usize> {
        let position = self.transfers.position(way, time)?;
        (self.transfers.at(position)?.matter == Some(pgn)).then_some(position)
    }
}

const fn patience(way: Way) -> i64 {
    if way.destination == Header::EVERYONE { BROADCAST_PATIENCE } else { DIRECT_PATIENCE }
}

#[cfg(test)]
mod tests {
    use telematics::testing::T0;

    use super::*;
    use crate::frames::CanId;

    /// Milliseconds, identifier and data.
    type Sent = (i64, u32, &'static str);

    fn run(tp: &mut J1939, frames: &[Sent]) -> Vec<String> {
        let mut messages = Vec::new();
        for (millis, id, data) in frames {
            let data = hex::decode(data.replace(' ', "")).unwrap();
            let time = T0.plus_micros(millis * 1_000);
            let frame = Frame::new(time, CanId::Extended(*id), &data).unwrap();
            if let Some(pdu) = tp.push(&frame) {
                let Header { pgn, source, destination } = pdu.address;
                let (frames, payload) = (pdu.frames, hex::encode(pdu.payload));
                messages.push(format!("{pgn} {source}-{destination} {frames} {payload}"));
            }
        }
        messages
    }

    // From 0 to everyone; from 0 to 0xF9; and back.
    const BAM: Sent = (0, 0x1CEC_FF00, "20 0900 02 ff cafe00");
    const BAM_1: Sent = (50, 0x1CEB_FF00, "01 01020304050607");
    const BAM_2: Sent = (100, 0x1CEB_FF00, "02 0809 ffffffffff");
    const RTS: Sent = (0, 0x1CEC_F900, "10 0900 02 ff cafe00");
    const CTS: Sent = (10, 0x1CEC_00F9, "11 02 01 ffff cafe00");
    const RTS_1: Sent = (50, 0x1CEB_F900, "01 01020304050607");
    const RTS_2: Sent = (100, 0x1CEB_F900, "02 0809 ffffffffff");
    const ACK: Sent = (110, 0x1CEC_00F9, "13 0900 02 ff cafe00");
    const TO_ALL: &str = "0FECA 0-255 3 010203040506070809";
    const TO_ONE: &str = "0FECA 0-249 3 010203040506070809";

    #[test]
    fn messages_are_put_together() {
        #[rustfmt::skip] // a table is read by column
        let cases: [(&str, &[Sent], &[&str], u64); 15] = [
            ("to everyone",        &[BAM, BAM_1, BAM_2],                                  &[TO_ALL], 0),
            ("to one",             &[RTS, CTS, RTS_1, RTS_2, ACK],                        &[TO_ONE], 0),
            ("both at once",       &[BAM, RTS, CTS, RTS_1, BAM_1, BAM_2, RTS_2, ACK],     &[TO_ALL, TO_ONE], 0),
            ("missing",            &[BAM, BAM_2],                                         &[], 1),
            ("twice",              &[BAM, BAM_1, BAM_1, BAM_2],                           &[], 1),
            ("sent again",         &[RTS, CTS, RTS_1, (60, 0x1CEC_00F9, "11 02 01 ffff cafe00"), RTS_1, RTS_2], &["0FECA 0-249 4 010203040506070809"], 0),
            ("held",               &[RTS, (1_000, 0x1CEC_00F9, "11 00 ff ffff cafe00"), (2_000, 0x1CEC_00F9, "11 02 01 ffff cafe00"), (2_100, 0x1CEB_F900, "01 01020304050607"), (2_200, 0x1CEB_F900, "02 0809")], &[TO_ONE], 0),
            ("given up",           &[RTS, CTS, RTS_1, (60, 0x1CEC_00F9, "ff 01 ffffff cafe00"), RTS_2], &[], 1),
            ("another given up",   &[RTS, CTS, RTS_1, (60, 0x1CEC_00F9, "ff 01 ffffff e3fe00"), RTS_2], &[TO_ONE], 0),
            ("too late",           &[BAM, (751, 0x1CEB_FF00, "01 01020304050607")],       &[], 1),
            ("begun anew",         &[BAM, BAM_1, BAM, BAM_1, BAM_2],                      &[TO_ALL], 1),
            ("short",              &[BAM, (50, 0x1CEB_FF00, "01 0102"), BAM_2],           &[], 1),
            ("wrong numbers",      &[(0, 0x1CEC_FF00, "20 0800 02 ff cafe00"), (0, 0x1CEC_FF00, "20 0900 03 ff cafe00"), (0, 0x1CEC_FF00, "20 ffff ff ff cafe00")], &[], 3),
            ("a request to all",   &[(0, 0x1CEC_FF00, "10 0900 02 ff cafe00"), BAM_1],    &[], 0),
            ("nobody's",           &[BAM_1, CTS, ACK, (0, 0x1CEB_FF00, ""), (0, 0x1CEC_FF00, "20"), (0, 0x18FE_CA00, "0102030405060708")], &[], 0),
        ];
        for (name, frames, expected, dropped) in cases {
            let mut tp = J1939::new();
            assert_eq!(run(&mut tp, frames), expected, "{name}");
            assert_eq!(tp.dropped(), dropped, "{name}");
        }
        let standard = Frame::new(T0, CanId::Standard(1), &[32; 8]).unwrap();
        assert_eq!(J1939::default().push(&standard), None);
    }
}

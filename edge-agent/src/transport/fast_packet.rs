//! Fast packets: messages of NMEA 2000 with up to 223 bytes (IEC 61162-3 §4.2, Annex A).
//!
//! ```text
//! SSS00000 LL …     frame 0: sequence S, length LL, six bytes
//! SSSNNNNN …        frame N: seven bytes more
//! ```
//!
//! The sequence counts the messages of one group from one sender, so the next may begin while one is
//! still under way.
//!
//! **Not here:** which groups are sent so; the bytes do not say.

use telematics::time::MICROS_PER_SECOND;

use super::pdu::Pdu;
use super::pgn::Header;
use super::transfers::Transfers;
use crate::frames::Frame;

/// The longest message: six bytes in frame 0, seven in each of 31 more.
pub const PAYLOAD_BYTES_MAX: usize = 6 + 31 * 7;
/// Until the next frame (§4.2: 750 ms between any two).
const PATIENCE: i64 = 750 * MICROS_PER_SECOND / 1_000;

/// Puts fast packets together.
#[derive(Debug)]
pub struct FastPacket {
    transfers: Transfers<(Header, u8)>,
}

impl Default for FastPacket {
    fn default() -> Self {
        Self::new()
    }
}

impl FastPacket {
    /// Nothing has arrived yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { transfers: Transfers::new() }
    }

    /// Takes a frame of a group that is sent in fast packets, and hands out the message that it ends.
    pub fn push(&mut self, frame: &Frame) -> Option<Pdu<'_, Header>> {
        let address = Header::of(frame.id)?;
        let (control, rest) = frame.data().split_first()?;
        let (sequence, number) = (control >> 5, u32::from(control & 0x1F));
        let key = (address, sequence);
        let position = if number == 0 {
            let (length, rest) = rest.split_first()?;
            let length = usize::from(*length);
            if !(1..=PAYLOAD_BYTES_MAX).contains(&length) || rest.len() < length.min(6) {
                self.transfers.refuse();
                return None;
            }
            let transfer = self.transfers.begin(key, frame.time, PATIENCE, length, 1);
            transfer.share = 7;
            transfer.add(rest.get(..rest.len().min(6))?);
            self.transfers.position(key, frame.time)?
        } else {
            let position = self.transfers.position(key, frame.time)?;
            let transfer = self.transfers.at(position)?;
            if number != transfer.next || !transfer.add_share(rest) {
                self.transfers.drop_at(position);
                return None;
            }
            transfer.next = number + 1;
            transfer.hear(frame.time, PATIENCE);
            position
        };
        Some(self.transfers.take_whole(position)?.into_pdu(address, frame.time))
    }

    /// Messages so far that did not become whole.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.transfers.dropped()
    }
}

#[cfg(test)]
mod tests {
    use telematics::testing::T0;

    use super::*;
    use crate::frames::CanId;

    /// Milliseconds, identifier and data.
    type Sent = (i64, u32, &'static str);

    fn run(tp: &mut FastPacket, frames: &[Sent]) -> Vec<String> {
        let mut messages = Vec::new();
        for (millis, id, data) in frames {
            let data = hex::decode(data.replace(' ', "")).unwrap();
            let time = T0.plus_micros(millis * 1_000);
            let frame = Frame::new(time, CanId::Extended(*id), &data).unwrap();
            if let Some(pdu) = tp.push(&frame) {
                let (pgn, source) = (pdu.address.pgn, pdu.address.source);
                messages.push(format!("{pgn} {source} {}", hex::encode(pdu.payload)));
            }
        }
        messages
    }

    const ID: u32 = 0x0DF8_0523;
    const FIRST: Sent = (0, ID, "a0 0a 010203040506");
    const SECOND: Sent = (10, ID, "a1 0708090a ffffff");
    const WHOLE: &str = "1F805 35 0102030405060708090a";

    #[test]
    fn messages_are_put_together() {
        #[rustfmt::skip] // a table is read by column
        let cases: [(&str, &[Sent], &[&str], u64); 10] = [
            ("in one frame",       &[(0, ID, "40 03 010203 ffffff")],                             &["1F805 35 010203"], 0),
            ("in two",             &[FIRST, SECOND],                                              &[WHOLE], 0),
            ("two at once",        &[FIRST, (1, ID, "c0 07 010203040506"), SECOND, (11, ID, "c1 07")], &[WHOLE, "1F805 35 01020304050607"], 0),
            ("of two senders",     &[FIRST, (1, 0x0DF8_0524, "a0 07 010203040506"), (2, 0x0DF8_0524, "a1 07"), SECOND], &["1F805 36 01020304050607", WHOLE], 0),
            ("missing",            &[(0, ID, "a0 0e 010203040506"), (1, ID, "a2 0e")],            &[], 1),
            ("twice",              &[(0, ID, "a0 0e 010203040506"), (1, ID, "a1 0708090a0b0c0d"), (2, ID, "a1 0708090a0b0c0d"), (3, ID, "a2 0e")], &[], 1),
            ("begun anew",         &[FIRST, FIRST, SECOND],                                       &[WHOLE], 1),
            ("too late",           &[FIRST, (751, ID, "a1 0708090a")],                            &[], 1),
            ("of no or no length", &[(0, ID, "a0 00"), (0, ID, "a0 e0 010203040506"), (0, ID, "a0 0a 01")], &[], 3),
            ("nobody's",           &[SECOND, (0, ID, ""), (0, ID, "a0")],                         &[], 0),
        ];
        for (name, frames, expected, dropped) in cases {
            let mut tp = FastPacket::new();
            assert_eq!(run(&mut tp, frames), expected, "{name}");
            assert_eq!(tp.dropped(), dropped, "{name}");
        }
        let standard = Frame::new(T0, CanId::Standard(1), &[0xa0, 1, 1]).unwrap();
        assert_eq!(FastPacket::default().push(&standard), None);
    }
}

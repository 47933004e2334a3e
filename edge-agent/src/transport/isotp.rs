//! ISO-TP: messages of OBD and UDS, as ISO 15765-2:2016 cuts them into frames.
//!
//! ```text
//! 0L …           single frame of L bytes (§9.6.2); 00 LL … in CAN FD
//! 1L LL …        first frame of a message of LLL bytes (§9.6.3); 10 00 and four bytes from 4096
//! 2N …           consecutive frame, numbered 1 to F and 0 again (§9.6.4)
//! 3S …           flow control, by the receiver (§9.6.5): carries nothing
//! ```
//!
//! Two computers that talk at once have different identifiers. A computer that needs time says `7F xx
//! 78`, which is a message of its own; the answer follows as another.
//!
//! DBC files count the bytes of such messages from the one before the first, as if a single frame held
//! all of them: [`Pdu::described`] is a byte of length (its low eight bits) and then the payload.
//!
//! **Not here:** sending flow control; as a listener, the agent hears the tool's.

use telematics::Timestamp;
use telematics::time::MICROS_PER_SECOND;

use super::pdu::Pdu;
use super::transfers::{Transfers, Whole};
use crate::frames::{CanId, Frame};

/// The longest message taken. Answers of cars have some hundred bytes; what is longer is new software
/// on its way into a computer.
pub const PAYLOAD_BYTES_MAX: usize = 1 << 16;

/// `N_Cr` of §9.8: until the next consecutive frame.
const CONSECUTIVE_PATIENCE: i64 = MICROS_PER_SECOND;
/// `N_Bs` of §9.8 and then `N_Cr`: until the first one, which waits for flow control.
const FIRST_PATIENCE: i64 = 2 * MICROS_PER_SECOND;
/// Data bytes of a full classic frame.
const CLASSIC_BYTES: usize = 8;

/// Where a message's own bytes begin (§10.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Addressing {
    /// The identifier says all.
    #[default]
    Normal,
    /// The first data byte is an address too: extended and mixed addressing.
    Extended,
}

/// Who sent a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IsoTpAddress {
    /// Identifier of its frames.
    pub id: CanId,
    /// The first data byte, in extended addressing.
    pub extension: Option<u8>,
}

/// Puts ISO-TP messages together.
#[derive(Debug)]
pub struct IsoTp {
    addressing: Addressing,
    transfers: Transfers<IsoTpAddress>,
}

impl IsoTp {
    /// Nothing has arrived yet.
    #[must_use]
    pub const fn new(addressing: Addressing) -> Self {
        Self { addressing, transfers: Transfers::new() }
    }

    /// Takes a frame, and hands out the message that it ends.
    pub fn push(&mut self, frame: &Frame) -> Option<Pdu<'_, IsoTpAddress>> {
        let data = frame.data();
        let (extension, bytes) = match self.addressing {
            Addressing::Normal => (None, data),
            Addressing::Extended => data.split_first().map(|(first, rest)| (Some(*first), rest))?,
        };
        let address = IsoTpAddress { id: frame.id, extension };
        let (control, rest) = bytes.split_first()?;
        let (time, low) = (frame.time, usize::from(control & 0xF));
        let whole = match control >> 4 {
            0 => self.single(address, time, low, rest, data.len()),
            1 => {
                self.first(address, time, low, rest, data.len());
                None
            }
            2 => self.consecutive(address, time, u32::from(control & 0xF), rest),
            _ => None,
        }?;
        Some(Pdu { payload: whole.bytes.get(1..)?, ..whole.into_pdu(address, time) })
    }

    /// Messages so far that did not become whole: frames were missing, out of order or too late.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.transfers.dropped()
    }

    fn single(
        &mut self,
        address: IsoTpAddress,
        time: Timestamp,
        low: usize,
        rest: &[u8],
        frame_bytes: usize,
    ) -> Option<Whole<'_>> {
        let (length, rest) = if low == 0 && frame_bytes > CLASSIC_BYTES {
            rest.split_first().map(|(length, rest)| (usize::from(*length), rest))?
        } else {
            (low, rest)
        };
        let payload = rest.get(..length).filter(|payload| !payload.is_empty())?;
        // Whatever was under way from the same sender is over (§9.8.3).
        if let Some(position) = self.transfers.position(address, time) {
            self.transfers.drop_at(position);
        }
        Some(self.transfers.whole_of(time, [&[low_byte(length)], payload]))
    }

    fn first(
        &mut self,
        address: IsoTpAddress,
        time: Timestamp,
        low: usize,
        rest: &[u8],
        frame_bytes: usize,
    ) {
        let Some((middle, rest)) = rest.split_first() else { return };
        let short = low << 8 | usize::from(*middle);
        let (length, payload) = match (short, rest.split_first_chunk()) {
            (0, Some((long, payload))) => {
                (usize::try_from(u32::from_be_bytes(*long)).unwrap_or(usize::MAX), payload)
            }
            _ => (short, rest),
        };
        // A first frame is full, and its message does not fit into a single one (§9.6.3.1), of which the
        // classic one has a shorter head.
        let single = payload.len() + usize::from(frame_bytes == CLASSIC_BYTES);
        if frame_bytes < CLASSIC_BYTES || length <= single {
            return;
        }
        if length > PAYLOAD_BYTES_MAX {
            self.transfers.refuse();
            return;
        }
        let transfer = self.transfers.begin(address, time, FIRST_PATIENCE, length + 1, 1);
        transfer.share = frame_bytes - 1 - usize::from(address.extension.is_some());
        transfer.add(&[low_byte(length)]);
        transfer.add(payload);
    }

    fn consecutive(
        &mut self,
        address: IsoTpAddress,
        time: Timestamp,
        number: u32,
        rest: &[u8],
    ) -> Option<Whole<'_>> {
        let position = self.transfers.position(address, time)?;
        let transfer = self.transfers.at(position)?;
        if number != transfer.next || !transfer.add_share(rest) {
            self.transfers.drop_at(position);
            return None;
        }
        transfer.next = (number + 1) & 0xF;
        transfer.hear(time, CONSECUTIVE_PATIENCE);
        self.transfers.take_whole(position)
    }
}

/// The low eight bits of a length.
fn low_byte(length: usize) -> u8 {
    let [low, ..] = length.to_le_bytes();
    low
}

#[cfg(test)]
mod tests {
    use telematics::testing::T0;

    use super::*;

    /// What comes out, as text, of frames given as `milliseconds identifier#data`.
    fn run(tp: &mut IsoTp, frames: &[&str]) -> Vec<String> {
        let mut messages = Vec::new();
        for text in frames {
            let (millis, rest) = text.split_once(' ').unwrap();
            let (id, data) = rest.split_once('#').unwrap();
            let number = u32::from_str_radix(id, 16).unwrap();
            let id = match id.len() {
                3 => CanId::Standard(number.try_into().unwrap()),
                _ => CanId::Extended(number),
            };
            let time = T0.plus_micros(millis.parse::<i64>().unwrap() * 1_000);
            let data = hex::decode(data.replace(' ', "")).unwrap();
            if let Some(pdu) = tp.push(&Frame::new(time, id, &data).unwrap()) {
                assert_eq!(pdu.described[1..], *pdu.payload);
                let (id, frames) = (pdu.address.id, pdu.frames);
                messages.push(format!("{id} {frames} {}", hex::encode(pdu.payload)));
            }
        }
        messages
    }

    const FIRST: &str = "0 7E8#100a 62f190 010203";
    const SECOND: &str = "10 7E8#21 04050607 aaaaaa";

    #[test]
    fn messages_are_put_together() {
        #[rustfmt::skip] // a table is read by column
        let cases: [(&str, &[&str], &[&str], u64); 14] = [
            ("single",            &["0 7DF#02 0100 5555555555"],                      &["7DF 1 0100"], 0),
            ("29 bits",           &["0 18DAF110#03 410c1a aaaaaaaa"],                 &["18DAF110 1 410c1a"], 0),
            ("several",           &[FIRST, "5 7E0#300000", SECOND],                   &["7E8 2 62f19001020304050607"], 0),
            ("interleaved",       &[FIRST, "1 7EC#1008 620101 0a0b0c", SECOND, "11 7EC#21 0d0e"], &["7E8 2 62f19001020304050607", "7EC 2 6201010a0b0c0d0e"], 0),
            ("pending",           &["0 7E8#03 7f2278", "900 7E8#03 622201"],          &["7E8 1 7f2278", "7E8 1 622201"], 0),
            ("missing",           &["0 7E8#1010 010203040506", "1 7E8#22 0708090a0b0c0d"], &[], 1),
            ("twice",             &["0 7E8#1010 010203040506", "1 7E8#21 0708090a0b0c0d", "2 7E8#21 0708090a0b0c0d", "3 7E8#22 0e0f10"], &[], 1),
            ("begun anew",        &[FIRST, FIRST, SECOND],                            &["7E8 2 62f19001020304050607"], 1),
            ("a single between",  &[FIRST, "1 7E8#01 7e", SECOND],                    &["7E8 1 7e"], 1),
            ("too late",          &[FIRST, "2001 7E8#21 04050607"],                   &[], 1),
            ("nobody's",          &[SECOND],                                          &[], 0),
            ("cut short",         &["0 7E8#1010 010203040506", "1 7E8#21 07", "2 7E8#22 08090a0b0c0d0e"], &[], 1),
            ("no message",        &["0 7E8#", "0 7E8#00", "0 7E8#05 01", "0 7E8#10", "0 7E8#1005 010203040506", "0 7E8#10ff 01", "0 7E8#f0"], &[], 0),
            ("CAN FD",            &["0 7E8#00 0a 0102030405060708090a 0000"],         &["7E8 1 0102030405060708090a"], 0),
        ];
        for (name, frames, expected, dropped) in cases {
            let mut tp = IsoTp::new(Addressing::Normal);
            assert_eq!(run(&mut tp, frames), expected, "{name}");
            assert_eq!(tp.dropped(), dropped, "{name}");
        }
    }

    #[test]
    fn an_address_before_the_message_tells_senders_apart() {
        let mut tp = IsoTp::new(Addressing::Extended);
        let frames = [
            "0 6F1#12 1008 6201010a0b",
            "1 6F1#13 1008 6201020a0b",
            "2 6F1#12 21 0c0d0e",
            "3 6F1#13 21 0c0d0f",
            "4 6F1#40 02 3e00",
        ];
        let expected = ["6F1 2 6201010a0b0c0d0e", "6F1 2 6201020a0b0c0d0f", "6F1 1 3e00"];
        assert_eq!(run(&mut tp, &frames), expected);
    }

    #[test]
    fn lengths_above_4095_have_four_bytes() {
        let payload: Vec<u8> = (0..5_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        let mut frames = vec![format!("0 7E8#1000 00001388 {}", hex::encode(&payload[..2]))];
        for (index, chunk) in payload[2..].chunks(7).enumerate() {
            frames.push(format!("1 7E8#2{:x} {}", (index + 1) & 0xF, hex::encode(chunk)));
        }
        let frames: Vec<_> = frames.iter().map(String::as_str).collect();
        let messages = run(&mut IsoTp::new(Addressing::Normal), &frames);
        assert_eq!(messages, [format!("7E8 715 {}", hex::encode(&payload))]);

        let mut tp = IsoTp::new(Addressing::Normal);
        assert_eq!(run(&mut tp, &["0 7E8#1000 ffffffff 0102", SECOND]), [""; 0]);
        assert_eq!(tp.dropped(), 1, "four gigabytes");
    }

    #[test]
    fn a_single_frame_is_described_as_a_dbc_file_sees_it() {
        let mut tp = IsoTp::new(Addressing::Normal);
        let frame = Frame::new(T0, CanId::Standard(0x7E8), &[3, 0x41, 0x0d, 50, 0xaa]).unwrap();

        assert_eq!(tp.push(&frame).unwrap().described, [3, 0x41, 0x0d, 50]);
    }
}

//! Any frames to all that puts messages together.
//!
//! Each frame is made of an identifier (of a few, so that transfers meet, or of many, so that there are too
//! many), a step in time, a length and as many bytes. No message may be longer than its transport allows,
//! and one of several frames is as long as a first frame has said.
#![no_main]

use std::collections::BTreeSet;

use edge_agent::frames::{CanId, Frame};
use edge_agent::transport::isotp::Addressing;
use edge_agent::transport::{FastPacket, IsoTp, J1939, fast_packet, isotp, j1939};
use libfuzzer_sys::fuzz_target;
use telematics::Timestamp;

const IDS: [CanId; 8] = [
    CanId::Standard(0x7E8),
    CanId::Standard(0x7E9),
    CanId::Extended(0x18DA_F110),
    CanId::Extended(0x1CEC_FF00),
    CanId::Extended(0x1CEB_FF00),
    CanId::Extended(0x1CEC_0100),
    CanId::Extended(0x1CEB_0100),
    CanId::Extended(0x1CEC_0001),
];

/// What first frames have said, by transport.
#[derive(Default)]
struct Announced {
    iso_tp: [BTreeSet<usize>; 2],
    j1939: BTreeSet<usize>,
    fast_packet: BTreeSet<usize>,
}

fuzz_target!(|bytes: &[u8]| {
    let mut listeners = [IsoTp::new(Addressing::Normal), IsoTp::new(Addressing::Extended)];
    let (mut trucks, mut boats) = (J1939::new(), FastPacket::new());
    let mut announced = Announced::default();
    let mut time = Timestamp::from_micros(1_000_000_000);
    let mut rest = bytes;
    while let Some(([id, step, length], after)) = rest.split_first_chunk() {
        let (data, after) = after.split_at(usize::from(*length % 65).min(after.len()));
        rest = after;
        time = time.plus_micros(i64::from(step.cast_signed()) * 20_000);
        let frame = Frame::new(time, identifier(*id), data).unwrap();
        announced.hear(data);
        for (listener, announced) in listeners.iter_mut().zip(&announced.iso_tp) {
            if let Some(pdu) = listener.push(&frame) {
                let length = pdu.payload.len();
                assert!((1..=isotp::PAYLOAD_BYTES_MAX).contains(&length));
                assert_eq!(pdu.described.len(), length + 1);
                assert!(pdu.frames == 1 || announced.contains(&length), "{length}");
            }
        }
        if let Some(pdu) = trucks.push(&frame) {
            let length = pdu.payload.len();
            assert!((9..=j1939::PAYLOAD_BYTES_MAX).contains(&length));
            assert!(announced.j1939.contains(&length), "{length}");
        }
        if let Some(pdu) = boats.push(&frame) {
            let length = pdu.payload.len();
            assert!((1..=fast_packet::PAYLOAD_BYTES_MAX).contains(&length));
            assert!(announced.fast_packet.contains(&length), "{length}");
        }
    }
});

fn identifier(number: u8) -> CanId {
    // From some source to everyone: the connection of J1939, and its data.
    let source = u32::from(number / 16);
    match number {
        0..64 => IDS[usize::from(number) % IDS.len()],
        64..160 => CanId::Extended(0x1CEC_FF00 | source << 4 | u32::from(number % 16)),
        160.. => CanId::Standard(0x700 | u16::from(number)),
    }
}

impl Announced {
    /// Notes every length that `data` may announce, as the standards cut it.
    fn hear(&mut self, data: &[u8]) {
        for (start, lengths) in self.iso_tp.iter_mut().enumerate() {
            let Some([high, low, rest @ ..]) = data.get(start..) else { continue };
            let short = usize::from(*high & 15) << 8 | usize::from(*low);
            let long = rest.first_chunk().map(|long| u32::from_be_bytes(*long) as usize);
            lengths.insert(if short == 0 { long.unwrap_or(0) } else { short });
        }
        if let [16 | 32, low, high, ..] = data {
            self.j1939.insert(usize::from(*high) << 8 | usize::from(*low));
        }
        self.fast_packet.extend(data.get(1).map(|length| usize::from(*length)));
    }
}

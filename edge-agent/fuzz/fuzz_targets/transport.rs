//! Any frames to all that puts messages together.
//!
//! Each frame is made of an identifier (of a few, so that transfers meet), a step in time, a length and
//! as many bytes. No message may be longer than its transport allows.
#![no_main]

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

fuzz_target!(|bytes: &[u8]| {
    let (mut normal, mut extended) = (IsoTp::new(Addressing::Normal), IsoTp::new(Addressing::Extended));
    let (mut trucks, mut boats) = (J1939::new(), FastPacket::new());
    let mut time = Timestamp::from_micros(1_000_000_000);
    let mut rest = bytes;
    while let Some(([id, step, length], after)) = rest.split_first_chunk() {
        let (data, after) = after.split_at(usize::from(*length % 65).min(after.len()));
        rest = after;
        time = time.plus_micros(i64::from(step.cast_signed()) * 20_000);
        let frame = Frame::new(time, IDS[usize::from(*id) % IDS.len()], data).unwrap();
        for tp in [&mut normal, &mut extended] {
            if let Some(pdu) = tp.push(&frame) {
                assert!((1..=isotp::PAYLOAD_BYTES_MAX).contains(&pdu.payload.len()));
                assert_eq!(pdu.described.len(), pdu.payload.len() + 1);
            }
        }
        if let Some(pdu) = trucks.push(&frame) {
            assert!((9..=j1939::PAYLOAD_BYTES_MAX).contains(&pdu.payload.len()));
        }
        if let Some(pdu) = boats.push(&frame) {
            assert!((1..=fast_packet::PAYLOAD_BYTES_MAX).contains(&pdu.payload.len()));
        }
    }
});

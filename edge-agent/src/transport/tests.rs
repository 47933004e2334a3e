//! What a sender cuts up, a listener puts together: for any messages, of any senders, in any order.
//!
//! The encoders here are written from the standards, and know nothing of the machines they test.

use proptest::collection::vec;
use proptest::prelude::*;
use telematics::testing::T0;

use super::isotp::Addressing;
use super::{FastPacket, IsoTp, J1939};
use crate::frames::{CanId, Frame};

/// A message: its sender (of a few) and what it says.
type Message = (u8, Vec<u8>);

fn frame(id: CanId, parts: [&[u8]; 2]) -> Frame {
    Frame::new(T0, id, &parts.concat()).unwrap()
}

fn low(number: usize) -> u8 {
    number.to_le_bytes()[0]
}

fn iso_tp(sender: u8, payload: &[u8], frame_bytes: usize) -> Vec<Frame> {
    let id = CanId::Standard(0x7E8 + u16::from(sender));
    if payload.len() <= 7 {
        return vec![frame(id, [&[low(payload.len())], payload])];
    }
    if payload.len() + 2 <= frame_bytes {
        return vec![frame(id, [&[0, low(payload.len())], payload])];
    }
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let head = if payload.len() > 4_095 {
        [&[0x10, 0][..], &length].concat()
    } else {
        vec![0x10 | length[2], length[3]]
    };
    let (first, rest) = payload.split_at(frame_bytes - head.len());
    let following = rest.chunks(frame_bytes - 1).enumerate();
    let following = following.map(|(n, chunk)| frame(id, [&[0x20 | low(n + 1) & 0xF], chunk]));
    [frame(id, [&head, first])].into_iter().chain(following).collect()
}

/// To everyone or to one.
fn j1939(sender: u8, payload: &[u8], destination: u8) -> Vec<Frame> {
    let id = |group: u32| {
        let address = u32::from(destination) << 8 | u32::from(sender);
        CanId::Extended(0x1C00_0000 | group << 8 | address)
    };
    let packets = payload.chunks(7);
    let control = if destination == 255 { 32 } else { 16 };
    let [first, second] = u16::try_from(payload.len()).unwrap().to_le_bytes();
    let head = [control, first, second, low(packets.len()), 255, 0xCA, 0xFE, 0];
    let packets = packets.enumerate().map(|(n, chunk)| frame(id(0xEB00), [&[low(n + 1)], chunk]));
    [frame(id(0xEC00), [&head, &[]])].into_iter().chain(packets).collect()
}

fn fast_packet(sender: u8, payload: &[u8], sequence: usize) -> Vec<Frame> {
    let id = CanId::Extended(0x0DF8_0500 | u32::from(sender));
    let control = |number: usize| low(sequence % 8) << 5 | low(number);
    let (first, rest) = payload.split_at(payload.len().min(6));
    let following = rest.chunks(7).enumerate();
    let following = following.map(|(n, chunk)| frame(id, [&[control(n + 1)], chunk]));
    [frame(id, [&[control(0), low(payload.len())], first])].into_iter().chain(following).collect()
}

/// Frames of all messages: those of one sender in order, those of several mixed as `picks` say. Each
/// with the number of its message.
fn interleave(messages: &[(u8, Vec<Frame>)], picks: &[u8]) -> Vec<(usize, Frame)> {
    let mut queues: Vec<std::collections::VecDeque<_>> = vec![<_>::default(); SENDERS.into()];
    for (number, (sender, frames)) in messages.iter().enumerate() {
        queues[usize::from(*sender)].extend(frames.iter().map(|frame| (number, *frame)));
    }
    let mut mixed = Vec::new();
    for pick in picks.iter().cycle() {
        queues.retain(|queue| !queue.is_empty());
        if queues.is_empty() {
            break;
        }
        let queue = usize::from(*pick) % queues.len();
        mixed.extend(queues[queue].pop_front());
    }
    mixed
}

const SENDERS: u8 = 4;

fn messages(lengths: std::ops::RangeInclusive<usize>) -> impl Strategy<Value = Vec<Message>> {
    vec((0..SENDERS, vec(any::<u8>(), lengths)), 1..8)
}

/// All messages arrive from all frames, in the order of their ends; and without any one frame, all but
/// the message that it is of.
fn check(
    messages: &[Message],
    picks: &[u8],
    encode: impl Fn(usize, &Message) -> Vec<Frame>,
    run: impl Fn(&mut dyn Iterator<Item = Frame>) -> Vec<Message>,
) -> Result<(), TestCaseError> {
    let cut = messages.iter().enumerate().map(|(n, message)| (message.0, encode(n, message)));
    let frames = interleave(&cut.collect::<Vec<_>>(), picks);
    let whole = |without: Option<usize>| {
        let mut ends: Vec<_> = (0..messages.len())
            .filter(|number| Some(*number) != without)
            .map(|number| (frames.iter().rposition(|(of, _)| *of == number), number))
            .collect();
        ends.sort_unstable();
        ends.into_iter().map(|(_, number)| messages[number].clone()).collect::<Vec<_>>()
    };
    prop_assert_eq!(run(&mut frames.iter().map(|(_, frame)| *frame)), whole(None));
    for (lost, (of, _)) in frames.iter().enumerate() {
        let mut rest =
            frames.iter().enumerate().filter(|(n, _)| *n != lost).map(|(_, (_, frame))| *frame);
        prop_assert_eq!(run(&mut rest), whole(Some(*of)), "without frame {}", lost);
    }
    Ok(())
}

fn run_iso_tp(frames: &mut dyn Iterator<Item = Frame>) -> Vec<Message> {
    let mut tp = IsoTp::new(Addressing::Normal);
    let mut found = Vec::new();
    for frame in frames {
        if let Some(pdu) = tp.push(&frame) {
            let CanId::Standard(id) = pdu.address.id else { panic!("{pdu:?}") };
            found.push((u8::try_from(id - 0x7E8).unwrap(), pdu.payload.to_vec()));
        }
    }
    found
}

fn run_j1939(frames: &mut dyn Iterator<Item = Frame>) -> Vec<Message> {
    let mut tp = J1939::new();
    let mut found = Vec::new();
    for frame in frames {
        if let Some(pdu) = tp.push(&frame) {
            assert_eq!(pdu.address.pgn.number(), 0xFECA);
            found.push((pdu.address.source, pdu.payload.to_vec()));
        }
    }
    found
}

fn run_fast_packet(frames: &mut dyn Iterator<Item = Frame>) -> Vec<Message> {
    let mut tp = FastPacket::new();
    let mut found = Vec::new();
    for frame in frames {
        if let Some(pdu) = tp.push(&frame) {
            found.push((pdu.address.source, pdu.payload.to_vec()));
        }
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn iso_tp_arrives_whole_or_not_at_all(
        messages in messages(1..=120),
        picks in vec(any::<u8>(), 1..20),
    ) {
        check(&messages, &picks, |_, (sender, payload)| iso_tp(*sender, payload, 8), run_iso_tp)?;
    }

    #[test]
    fn iso_tp_in_can_fd_arrives_whole_or_not_at_all(
        messages in messages(1..=300),
        picks in vec(any::<u8>(), 1..20),
    ) {
        check(&messages, &picks, |_, (sender, payload)| iso_tp(*sender, payload, 64), run_iso_tp)?;
    }

    #[test]
    fn long_iso_tp_arrives_whole(payload in vec(any::<u8>(), 4_096..9_000)) {
        let found = run_iso_tp(&mut iso_tp(0, &payload, 8).into_iter());
        prop_assert_eq!(found, [(0, payload)]);
    }

    #[test]
    fn j1939_to_everyone_arrives_whole_or_not_at_all(
        messages in messages(9..=120),
        picks in vec(any::<u8>(), 1..20),
    ) {
        check(&messages, &picks, |_, (sender, payload)| j1939(*sender, payload, 255), run_j1939)?;
    }

    #[test]
    fn j1939_to_one_arrives_whole_or_not_at_all(
        messages in messages(9..=120),
        picks in vec(any::<u8>(), 1..20),
    ) {
        check(&messages, &picks, |_, (sender, payload)| j1939(*sender, payload, 0xF9), run_j1939)?;
    }

    #[test]
    fn fast_packets_arrive_whole_or_not_at_all(
        messages in messages(1..=223),
        picks in vec(any::<u8>(), 1..20),
    ) {
        let encode = |n: usize, (sender, payload): &Message| fast_packet(*sender, payload, n);
        check(&messages, &picks, encode, run_fast_packet)?;
    }

    /// Whatever arrives, nothing panics, and no more comes out than went in.
    #[test]
    fn any_frames_are_borne(
        frames in vec((0..4_usize, vec(any::<u8>(), 0..=64), -3_000_000_i64..3_000_000), 0..200),
    ) {
        let (mut one, mut two) = (IsoTp::new(Addressing::Normal), IsoTp::new(Addressing::Extended));
        let (mut three, mut four) = (J1939::new(), FastPacket::new());
        for (id, data, micros) in frames {
            let id = CanId::Extended([0x1CEC_FF00, 0x1CEB_FF00, 0x0DF8_0523, 0x18DA_F110][id]);
            let frame = Frame::new(T0.plus_micros(micros), id, &data).unwrap();
            one.push(&frame);
            two.push(&frame);
            three.push(&frame);
            four.push(&frame);
        }
    }
}

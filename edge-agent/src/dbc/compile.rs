//! From what a file says of a message to the message that decodes.
//!
//! **Invariant:** a signal without a place in any payload, or of which it can not be told when it is
//! there, is left out and reported; the others of its message are used.

use can_dbc::{ByteOrder, ValueType};

use super::DbcError;
use super::grammar::{MessagePart, Parts, names_j1939};
use super::layout::{Encoding, Layout, Order};
use super::plan::Plan;
use super::presence::presences;
use super::report::Report;
use super::signal::{DbcSignal, Message, Presence};
use crate::frames::CanId;

/// Ranges of multiplexors' values in one file: two for each of its signals.
pub(super) const RANGES_MAX: usize = 200_000;

/// Compiles one message, which may have as many ranges of multiplexors' values as `ranges_left` says.
pub(super) fn compile(
    parts: &Parts,
    part: &MessagePart,
    ranges_left: &mut usize,
    report: &mut Report,
) -> Message {
    let MessagePart { message, .. } = part;
    let raw_id = message.id.raw();
    let id = match message.id {
        can_dbc::MessageId::Standard(id) => CanId::Standard(id),
        can_dbc::MessageId::Extended(id) => CanId::Extended(id),
    };
    let is_j1939 = matches!(id, CanId::Extended(_)) && is_j1939(parts, raw_id);
    let mut found = Vec::new();
    for (line, signal) in part.signal_lines.iter().zip(&message.signals) {
        match layout(parts, raw_id, signal) {
            Ok(layout) => found.push(Found { line: *line, signal, layout }),
            Err(error) => report.left_out.push(*line, &signal.name, error.to_string()),
        }
    }
    take_ranges(parts, raw_id, &mut found, ranges_left, report);
    let presences = presences(parts, raw_id, &mut found, report);
    let signals: Vec<_> = found
        .iter()
        .zip(presences)
        .map(|(found, presence)| compile_signal(parts, raw_id, found, presence, is_j1939))
        .collect();
    let all: Vec<_> = (0..signals.len()).map(|index| (index, index)).collect();
    let long_name = parts.long_message_names.get(&raw_id);
    Message {
        id,
        name: long_name.unwrap_or(&message.name).clone(),
        short_name: message.name.clone(),
        length: message.size,
        is_j1939,
        plan: Plan::new(&signals, &all),
        signals,
    }
}

/// A signal with a place in the payload.
pub(super) struct Found<'a> {
    pub(super) line: usize,
    pub(super) signal: &'a can_dbc::Signal,
    layout: Layout,
}

/// Leaves out signals of which no more ranges of values can be held: signals and messages may have one name,
/// and then each has all the ranges that are stated for it.
fn take_ranges(
    parts: &Parts,
    id: u32,
    found: &mut Vec<Found<'_>>,
    ranges_left: &mut usize,
    report: &mut Report,
) {
    found.retain(|Found { line, signal, .. }| {
        let stated = parts.multiplexed.get(&(id, signal.name.clone()));
        let left = ranges_left.checked_sub(stated.map_or(0, |(_, values)| values.len()));
        if left.is_none() {
            let why = format!("is beyond the {RANGES_MAX} ranges of multiplexors that are read");
            report.left_out.push(*line, &signal.name, why);
        }
        *ranges_left = left.unwrap_or(*ranges_left);
        left.is_some()
    });
}

/// By the message's own frame format, else by the file's protocol, else by the default format.
fn is_j1939(parts: &Parts, id: u32) -> bool {
    if let Some(is_j1939) = parts.is_j1939.get(&id) {
        return *is_j1939;
    }
    parts.protocol.as_deref().is_some_and(names_j1939) || parts.is_j1939_by_default
}

fn compile_signal(
    parts: &Parts,
    id: u32,
    found: &Found<'_>,
    presence: Presence,
    is_j1939: bool,
) -> DbcSignal {
    let signal = found.signal;
    let key = (id, signal.name.clone());
    DbcSignal {
        name: parts.long_signal_names.get(&key).unwrap_or(&signal.name).clone(),
        short_name: signal.name.clone(),
        unit: signal.unit.clone(),
        presence,
        layout: found.layout,
        factor: signal.factor,
        // Negative zero would show in every value that is 0.
        offset: signal.offset + 0.0,
        labels: parts.labels.get(&key).cloned().unwrap_or_default(),
        is_j1939,
    }
}

fn layout(parts: &Parts, id: u32, signal: &can_dbc::Signal) -> Result<Layout, DbcError> {
    let order = match signal.byte_order {
        ByteOrder::LittleEndian => Order::Intel,
        ByteOrder::BigEndian => Order::Motorola,
    };
    let is_float = parts.floats.contains(&(id, signal.name.clone()));
    let encoding = match signal.value_type {
        _ if is_float => Encoding::Float,
        ValueType::Signed => Encoding::Signed,
        ValueType::Unsigned => Encoding::Unsigned,
    };
    Layout::new(signal.start_bit, signal.size, order, encoding)
}

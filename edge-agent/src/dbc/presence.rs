//! When the signals of a message are there: which multiplexor hides which.
//!
//! **Invariant:** a multiplexor is another signal of the message, and following multiplexors ends.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use can_dbc::MultiplexIndicator;

use super::compile::Found;
use super::grammar::Parts;
use super::report::Report;
use super::signal::{NESTING_MAX, Presence};

/// When each signal is there. Those of which that can not be told are taken out of `found`.
pub(super) fn presences(
    parts: &Parts,
    id: u32,
    found: &mut Vec<Found<'_>>,
    report: &mut Report,
) -> Vec<Presence> {
    for _ in 0..=NESTING_MAX {
        let stated = Switches::of(found).presences(parts, id, found);
        let lost: Vec<bool> = (0..stated.len()).map(|index| !ends(&stated, index)).collect();
        if !lost.contains(&true) {
            return stated.into_iter().flatten().collect();
        }
        let mut lost = lost.into_iter();
        found.retain(|f| {
            let is_lost = lost.next().unwrap_or_default();
            if is_lost {
                let why = "is multiplexed by a signal that is not there, or by itself";
                report.left_out.push(f.line, &f.signal.name, why);
            }
            !is_lost
        });
    }
    // Only a file made to be hostile gets here.
    found.clear();
    Vec::new()
}

/// True when the multiplexors behind `index` come to an end.
fn ends(stated: &[Option<Presence>], index: usize) -> bool {
    let mut at = index;
    for _ in 0..=NESTING_MAX {
        match stated.get(at) {
            Some(Some(Presence::Always)) => return true,
            Some(Some(Presence::When { switch, .. })) => at = *switch,
            _ => return false,
        }
    }
    false
}

/// Which signals may multiplex others.
struct Switches<'a> {
    by_name: HashMap<&'a str, usize>,
    /// The one that multiplexes where the file names none.
    root: Option<usize>,
}

impl<'a> Switches<'a> {
    fn of(found: &[Found<'a>]) -> Self {
        let mut by_name = HashMap::new();
        for (index, other) in found.iter().enumerate() {
            by_name.entry(other.signal.name.as_str()).or_insert(index);
        }
        let is_root = |other: &Found<'_>| {
            other.signal.multiplexer_indicator == MultiplexIndicator::Multiplexor
        };
        Self { by_name, root: found.iter().position(is_root) }
    }

    fn presences(&self, parts: &Parts, id: u32, found: &[Found<'_>]) -> Vec<Option<Presence>> {
        found.iter().map(|found| self.presence(parts, id, found.signal)).collect()
    }

    /// When a signal is there: by its `SG_MUL_VAL_` statement if it has one, else by its `mN`.
    fn presence(&self, parts: &Parts, id: u32, signal: &can_dbc::Signal) -> Option<Presence> {
        if let Some((switch, values)) = parts.multiplexed.get(&(id, signal.name.clone())) {
            let switch = *self.by_name.get(switch.as_str())?;
            return Some(Presence::When { switch, values: merged(values) });
        }
        match signal.multiplexer_indicator {
            MultiplexIndicator::MultiplexedSignal(value)
            | MultiplexIndicator::MultiplexorAndMultiplexedSignal(value) => {
                let values = vec![value.into()..=value.into()];
                Some(Presence::When { switch: self.root?, values })
            }
            _ => Some(Presence::Always),
        }
    }
}

/// Ranges in rising order, without overlaps.
fn merged(ranges: &[(u64, u64)]) -> Vec<RangeInclusive<i128>> {
    let mut ranges: Vec<(i128, i128)> =
        ranges.iter().map(|(low, high)| ((*low).into(), (*high).into())).collect();
    ranges.sort_unstable();
    let mut merged: Vec<RangeInclusive<i128>> = Vec::new();
    for (low, high) in ranges {
        match merged.last_mut() {
            Some(last) if low <= *last.end() => *last = *last.start()..=high.max(*last.end()),
            _ => merged.push(low..=high),
        }
    }
    merged
}

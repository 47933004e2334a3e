//! The signals of a message, compiled so that a frame is decoded in one pass.
//!
//! A signal of at most 63 bits is cut out of one 64-bit load: the bits are shifted, masked, and given
//! their sign by `(bits ^ sign) - sign`, then scaled. Signals that need more (a 9th byte, `u64`,
//! floats, whole numbers above 2^53) take the careful way of [`DbcSignal`]. Signals that are there
//! together are a group; a multiplexor leads from its group to others.
//!
//! **Invariant:** a plan gives what [`DbcSignal::physical`] gives, to the last bit, and allocates
//! nothing while it runs.

use std::collections::HashMap;

use super::j1939;
use super::layout::{Encoding, Layout, Order, Raw};
use super::signal::{DbcSignal, NESTING_MAX, Presence};

/// Bytes of one load.
const LOAD: usize = 8;

/// What to cut out of a payload.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// The first holds the signals that are always there.
    groups: Vec<Group>,
}

/// Signals that are there together.
#[derive(Debug, Default)]
struct Group {
    steps: Vec<Step>,
    switches: Vec<Switch>,
}

/// A multiplexor and where its values lead.
#[derive(Debug)]
struct Switch {
    layout: Layout,
    /// In rising order of `low`.
    cases: Vec<Case>,
}

/// Values of a multiplexor that lead to one group.
#[derive(Debug)]
struct Case {
    low: i128,
    high: i128,
    /// The largest `high` of this case and all before it.
    reach: i128,
    group: usize,
}

/// One signal.
#[derive(Debug)]
struct Step {
    mask: u64,
    sign: u64,
    factor: f64,
    offset: f64,
    /// Numbers above it may be no values.
    plain_max: i64,
    /// The first byte of the load; 0 when the first eight bytes hold the signal.
    base: usize,
    /// Bytes that must have been received.
    end: usize,
    signal: usize,
    /// What the signal is called by whoever takes it.
    tag: usize,
    shift: u32,
    is_motorola: bool,
    is_careful: bool,
}

impl Plan {
    /// A plan for those of a message's signals that `wanted` names by their index, each with what it
    /// is called by whoever takes it.
    pub(crate) fn new(signals: &[DbcSignal], wanted: &[(usize, usize)]) -> Self {
        let mut builder = Builder {
            signals,
            plan: Self { groups: vec![Group::default()] },
            switches: HashMap::new(),
            cases: HashMap::new(),
        };
        for &(index, tag) in wanted {
            if let Some(signal) = signals.get(index)
                && let Some(group) = builder.group(&signal.presence, NESTING_MAX)
                && let Some(group) = builder.plan.groups.get_mut(group)
            {
                group.steps.push(Step::new(signal, index, tag));
            }
        }
        let mut plan = builder.plan;
        for switch in plan.groups.iter_mut().flat_map(|group| &mut group.switches) {
            switch.cases.sort_by_key(|case| case.low);
            let mut reach = i128::MIN;
            for case in &mut switch.cases {
                reach = reach.max(case.high);
                case.reach = reach;
            }
        }
        plan
    }

    /// Hands the tag and physical value of every signal in `data` to `take`. `signals` are those that
    /// the plan was made of.
    #[inline]
    pub(crate) fn run(
        &self,
        signals: &[DbcSignal],
        data: &[u8],
        take: &mut impl FnMut(usize, f64),
    ) {
        let word = load(data, 0);
        let view =
            View { signals, data, little: u64::from_le_bytes(word), big: u64::from_be_bytes(word) };
        if let Some(group) = self.groups.first() {
            self.run_group(group, &view, take);
        }
    }

    #[inline]
    fn run_group(&self, group: &Group, view: &View<'_>, take: &mut impl FnMut(usize, f64)) {
        for step in &group.steps {
            if let Some(value) = step.value(view) {
                take(step.tag, value);
            }
        }
        for switch in &group.switches {
            self.run_switch(switch, view, take);
        }
    }

    fn run_switch(&self, switch: &Switch, view: &View<'_>, take: &mut impl FnMut(usize, f64)) {
        let Some(Raw::Integer(value)) = switch.layout.extract(view.data) else { return };
        let after = switch.cases.partition_point(|case| case.low <= value);
        for case in switch.cases.get(..after).unwrap_or_default().iter().rev() {
            if case.reach < value {
                break;
            }
            if value <= case.high
                && let Some(group) = self.groups.get(case.group)
            {
                self.run_group(group, view, take);
            }
        }
    }
}

/// A payload, with its first eight bytes as numbers.
struct View<'a> {
    signals: &'a [DbcSignal],
    data: &'a [u8],
    little: u64,
    big: u64,
}

/// Eight bytes from `base`, with zeros behind the end.
#[inline]
fn load(data: &[u8], base: usize) -> [u8; LOAD] {
    let rest = data.get(base..).unwrap_or_default();
    if let Some(whole) = rest.first_chunk() {
        return *whole;
    }
    let mut word = [0; LOAD];
    for (to, from) in word.iter_mut().zip(rest) {
        *to = *from;
    }
    word
}

impl Step {
    fn new(signal: &DbcSignal, index: usize, tag: usize) -> Self {
        let layout = &signal.layout;
        let (first, last) = (*layout.bytes().start(), *layout.bytes().end());
        let base = if last < LOAD { 0 } else { first };
        // Bits to the right of the signal in the load, read in its order.
        let (bytes_before, bytes_behind) = (first - base, (base + LOAD).saturating_sub(last + 1));
        let bytes = match layout.order() {
            Order::Intel => bytes_before,
            Order::Motorola => bytes_behind,
        };
        let shift = u32::try_from(bytes * 8).unwrap_or(0) + layout.shift();
        let length = layout.length();
        let is_signed = layout.encoding() == Encoding::Signed;
        let fits = last - base < LOAD && (length < 64 || is_signed);
        Self {
            mask: u64::MAX >> (64 - length),
            sign: if is_signed { 1 << (length - 1) } else { 0 },
            factor: signal.factor,
            offset: signal.offset,
            plain_max: if signal.is_j1939 { j1939::plain_max(layout) } else { i64::MAX },
            base,
            end: last + 1,
            signal: index,
            tag,
            shift,
            is_motorola: layout.order() == Order::Motorola,
            is_careful: !fits || layout.encoding() == Encoding::Float || !signal.is_exact_in_f64(),
        }
    }

    /// The physical value, if the signal lies wholly inside the payload and has one.
    #[inline]
    fn value(&self, view: &View<'_>) -> Option<f64> {
        if self.end > view.data.len() {
            return None;
        }
        if self.is_careful {
            return self.value_carefully(view);
        }
        let (little, big) = if self.base == 0 {
            (view.little, view.big)
        } else {
            let word = load(view.data, self.base);
            (u64::from_le_bytes(word), u64::from_be_bytes(word))
        };
        let word = if self.is_motorola { big } else { little };
        let bits = word >> self.shift & self.mask;
        let number = (bits ^ self.sign).wrapping_sub(self.sign).cast_signed();
        if number > self.plain_max {
            return self.value_carefully(view);
        }
        #[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "rounds to nearest")]
        Some(number as f64 * self.factor + self.offset)
    }

    #[cold]
    fn value_carefully(&self, view: &View<'_>) -> Option<f64> {
        let signal = view.signals.get(self.signal)?;
        signal.physical(signal.layout.extract(view.data)?)
    }
}

/// Finds the groups of signals.
struct Builder<'a> {
    signals: &'a [DbcSignal],
    plan: Plan,
    /// The group of a multiplexor, and its place there.
    switches: HashMap<usize, (usize, usize)>,
    /// The group to which values of a multiplexor lead.
    cases: HashMap<(usize, Vec<(i128, i128)>), usize>,
}

impl Builder<'_> {
    /// The group of the signals that are there with `presence`.
    fn group(&mut self, presence: &Presence, nesting: usize) -> Option<usize> {
        let Presence::When { switch: index, values } = presence else { return Some(0) };
        let values: Vec<_> = values.iter().map(|range| (*range.start(), *range.end())).collect();
        if let Some(known) = self.cases.get(&(*index, values.clone())) {
            return Some(*known);
        }
        let (group, place) = self.switch(*index, nesting.checked_sub(1)?)?;
        let new = self.plan.groups.len();
        let switch = self.plan.groups.get_mut(group)?.switches.get_mut(place)?;
        for (low, high) in &values {
            switch.cases.push(Case { low: *low, high: *high, reach: *high, group: new });
        }
        self.plan.groups.push(Group::default());
        self.cases.insert((*index, values), new);
        Some(new)
    }

    /// The group of a multiplexor and its place there.
    fn switch(&mut self, index: usize, nesting: usize) -> Option<(usize, usize)> {
        if let Some(known) = self.switches.get(&index) {
            return Some(*known);
        }
        let signals = self.signals;
        let signal = signals.get(index)?;
        let group = self.group(&signal.presence, nesting)?;
        let switches = &mut self.plan.groups.get_mut(group)?.switches;
        switches.push(Switch { layout: signal.layout, cases: Vec::new() });
        let place = switches.len() - 1;
        self.switches.insert(index, (group, place));
        Some((group, place))
    }
}

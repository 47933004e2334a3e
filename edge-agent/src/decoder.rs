//! From a frame to samples: cut out, scale, convert, name.
//!
//! A decoder knows the buses of one car, each with its DBC file and mapping. For every identifier of a
//! bus that the mapping names, it has a plan that cuts out the mapped signals in one pass.
//!
//! **Invariant:** decoding a frame allocates nothing; a value that is not finite or that the
//! catalogue calls impossible never becomes a sample, and is counted.
//!
//! **Not here:** whether a sample may leave the car ([`crate::consent`]).

use std::collections::BTreeMap;

use telematics::{Sample, Signal, Timestamp, Value};

use crate::dbc::{Dbc, IdTable, Plan};
use crate::frames::{CanId, Frame};
use crate::mapping::{Mapping, Target};
use crate::resample::Interval;
use crate::transport::{Arrived, Reassembly, Taken};

/// Turns frames into samples, by one DBC file and one mapping for each bus.
#[derive(Debug, Default)]
pub struct Decoder {
    buses: Vec<Bus>,
    /// What puts the messages of several frames together, bus by bus.
    transports: Vec<Reassembly>,
    out_of_range: u64,
}

/// One bus of a car.
#[derive(Debug)]
struct Bus {
    dbc: Dbc,
    /// From an identifier to its route.
    routes_by_id: IdTable,
    routes: Vec<Route>,
    mapped: Vec<Mapped>,
}

/// The messages with one identifier, nearly always one, and a plan for the mapped signals of each.
#[derive(Debug)]
struct Route {
    plans: Vec<(usize, Plan)>,
}

/// A mapped signal, and what was last kept of it.
#[derive(Debug)]
struct Mapped {
    target: Target,
    kept_at: Option<Timestamp>,
    kept: Option<Value>,
    /// The interval that is being filled, of a signal that is resampled.
    open: Option<Interval>,
}

impl Mapped {
    /// True when the interval since the last sample is over, or the clock went back.
    fn is_due(&self, time: Timestamp) -> bool {
        match (self.target.interval_micros, self.kept_at) {
            (Some(interval), Some(kept_at)) => {
                time < kept_at || time.micros_since(kept_at) >= interval
            }
            _ => true,
        }
    }

    /// True when the value left the dead band around the last sample, or there is none.
    fn is_news(&self, value: Value) -> bool {
        match (self.target.dead_band, self.kept) {
            (Some(band), Some(kept)) => {
                value.raw().abs_diff(kept.raw()) > band.raw().unsigned_abs()
            }
            _ => true,
        }
    }

    /// The sample that `physical` is, if one is due.
    #[inline]
    fn sample(&mut self, time: Timestamp, physical: f64, out_of_range: &mut u64) -> Option<Sample> {
        let Target { signal, conversion, resample, interval_micros, .. } = self.target;
        if resample.is_none() && !self.is_due(time) {
            return None;
        }
        let physical = conversion.apply(physical);
        let Some(value) = signal.value(physical) else {
            *out_of_range += 1;
            return None;
        };
        let (time, value) = match (resample, interval_micros) {
            (Some(resample), Some(micros)) => {
                let (end, number) = resample.push(&mut self.open, micros, time, physical)?;
                // Between values that are possible, so possible itself.
                (end, signal.value(number)?)
            }
            _ => (time, value),
        };
        if (resample.is_some() && !self.is_due(time)) || !self.is_news(value) {
            return None;
        }
        (self.kept_at, self.kept) = (Some(time), Some(value));
        Some(Sample { signal, time, value })
    }
}

impl Bus {
    fn new(dbc: Dbc, mapping: &Mapping) -> Self {
        let targets = mapping.targets();
        let mut by_message: BTreeMap<usize, Vec<(usize, usize)>> = BTreeMap::new();
        for (tag, target) in targets.iter().enumerate() {
            by_message.entry(target.message).or_default().push((target.source, tag));
        }
        let mut by_id: BTreeMap<CanId, (bool, Route)> = BTreeMap::new();
        for (index, wanted) in by_message {
            if let Some(message) = dbc.messages().get(index) {
                let plan = Plan::new(&message.signals, &wanted);
                let (_, route) = by_id
                    .entry(message.id)
                    .or_insert_with(|| (message.is_j1939, Route { plans: Vec::new() }));
                route.plans.push((index, plan));
            }
        }
        let entries = (0..).zip(&by_id).map(|(number, (id, (group, _)))| (*id, *group, number));
        let routes_by_id = IdTable::new(entries);
        let routes = by_id.into_values().map(|(_, route)| route).collect();
        let mapped =
            |target: &Target| Mapped { target: *target, kept_at: None, kept: None, open: None };
        Self { dbc, routes_by_id, routes, mapped: targets.iter().map(mapped).collect() }
    }

    #[inline]
    fn decode(
        &mut self,
        id: CanId,
        time: Timestamp,
        data: &[u8],
        out_of_range: &mut u64,
        mut take: impl FnMut(Sample),
    ) {
        let route = self.routes_by_id.find(id).and_then(|number| self.routes.get(number));
        let Some(route) = route else { return };
        for (index, plan) in &route.plans {
            let Some(message) = self.dbc.messages().get(*index) else { continue };
            plan.run(&message.signals, data, &mut |tag, physical| {
                let mapped = self.mapped.get_mut(tag);
                if let Some(sample) = mapped.and_then(|m| m.sample(time, physical, out_of_range)) {
                    take(sample);
                }
            });
        }
    }
}

impl Decoder {
    /// A decoder of the signals that `mapping` names on the only bus of a car.
    #[must_use]
    pub fn new(dbc: Dbc, mapping: &Mapping) -> Self {
        let mut decoder = Self::default();
        decoder.add_bus(dbc, mapping);
        decoder
    }

    /// Adds another bus, and returns its number. The first is 0.
    pub fn add_bus(&mut self, dbc: Dbc, mapping: &Mapping) -> usize {
        let carried =
            |target: &Target| Some((dbc.messages().get(target.message)?.id, target.transport?));
        self.transports.push(Reassembly::new(mapping.targets().iter().filter_map(carried)));
        self.buses.push(Bus::new(dbc, mapping));
        self.buses.len() - 1
    }

    /// Hands each sample in a frame of the first bus to `take`; see [`Self::decode_frame`].
    #[inline]
    pub fn decode(&mut self, frame: &Frame, take: impl FnMut(Sample)) {
        self.decode_frame(0, frame, take);
    }

    /// Hands each sample in a frame to `take`, or in the message of several frames that it ends. Such a
    /// message has the time of its last frame.
    #[inline]
    pub fn decode_frame(&mut self, bus: usize, frame: &Frame, take: impl FnMut(Sample)) {
        let Some(transport) = self.transports.get_mut(bus) else { return };
        let Arrived { id, time, data } = match transport.push(frame) {
            Taken::Other => Arrived { id: frame.id, time: frame.time, data: frame.data() },
            Taken::Whole(arrived) => arrived,
            Taken::Part => return,
        };
        let Some(bus) = self.buses.get_mut(bus) else { return };
        bus.decode(id, time, data, &mut self.out_of_range, take);
    }

    /// Hands each sample in a payload to `take`: a frame's data, or what a transport reassembled.
    #[inline]
    pub fn decode_payload(
        &mut self,
        bus: usize,
        id: CanId,
        time: Timestamp,
        data: &[u8],
        take: impl FnMut(Sample),
    ) {
        let Some(bus) = self.buses.get_mut(bus) else { return };
        bus.decode(id, time, data, &mut self.out_of_range, take);
    }

    /// Values so far that were not finite or not possible.
    #[must_use]
    pub const fn out_of_range(&self) -> u64 {
        self.out_of_range
    }

    /// Messages of several frames so far of which some did not arrive.
    #[must_use]
    pub fn incomplete(&self) -> u64 {
        self.transports.iter().map(Reassembly::dropped).sum()
    }

    /// When each signal with an interval was last kept, so that a restart does not keep one more.
    #[must_use]
    pub fn kept_at(&self) -> BTreeMap<Signal, Timestamp> {
        let limited = |mapped: &&Mapped| mapped.target.interval_micros.is_some();
        self.buses
            .iter()
            .flat_map(|bus| &bus.mapped)
            .filter(limited)
            .filter_map(|mapped| Some((mapped.target.signal, mapped.kept_at?)))
            .collect()
    }

    /// Goes on where [`Self::kept_at`] stood.
    pub fn restore(&mut self, kept_at: &BTreeMap<Signal, Timestamp>) {
        for mapped in self.buses.iter_mut().flat_map(|bus| &mut bus.mapped) {
            mapped.kept_at = kept_at.get(&mapped.target.signal).copied();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use telematics::testing::T0;

    use super::*;

    const DBC: &str = "VERSION \"\"\n\nNS_ :\n\nBS_:\n\nBU_: X\n\nBO_ 180 SPEED: 8 X\n \
        SG_ SPEED : 7|16@0+ (0.01,0) [0|250] \"m/s\" X\n \
        SG_ RATIO : 23|8@0+ (1,0) [0|1] \"%\" X\n";
    const MAP: &str = "[\"Vehicle.Speed\"]\nmessage = \"SPEED\"\nsignal = \"SPEED\"\n\
        [\"Vehicle.Chassis.Accelerator.PedalPosition\"]\nmessage = \"SPEED\"\nsignal = \"RATIO\"\n\
        interval_ms = 1000\n";

    fn decoder() -> Decoder {
        let dbc = Dbc::parse(Path::new("car.dbc"), DBC.as_bytes()).unwrap();
        let mapping = Mapping::parse(Path::new("map.toml"), MAP, &dbc).unwrap();
        Decoder::new(dbc, &mapping)
    }

    fn decode(decoder: &mut Decoder, millis: i64, data: &str) -> Vec<(&'static str, i64)> {
        let time = T0.plus_micros(millis * 1_000);
        let data = hex::decode(data).unwrap();
        let frame = Frame::new(time, CanId::Standard(180), &data).unwrap();
        let mut samples = Vec::new();
        decoder.decode(&frame, |sample| {
            assert_eq!(sample.time, time);
            samples.push((sample.signal.path().rsplit('.').next().unwrap(), sample.value.raw()));
        });
        samples.sort_unstable();
        samples
    }

    #[test]
    fn a_frame_becomes_named_samples_in_the_catalogues_unit() {
        let samples = decode(&mut decoder(), 0, "03e832");

        assert_eq!(samples, [("PedalPosition", 500), ("Speed", 3_600)]);
    }

    #[test]
    fn frames_of_others_and_short_frames_yield_what_they_hold() {
        let mut decoder = decoder();
        let other = Frame::new(T0, CanId::Extended(180), &[0; 8]).unwrap();
        decoder.decode(&other, |sample| panic!("{sample:?}"));

        assert_eq!(decode(&mut decoder, 0, "03e8"), [("Speed", 3_600)]);
        assert_eq!(decode(&mut decoder, 0, "03"), []);
    }

    #[test]
    fn a_message_of_several_frames_is_decoded_when_it_is_whole() {
        let dbc = Dbc::parse(Path::new("car.dbc"), DBC.as_bytes()).unwrap();
        let carried = MAP.replace("signal", "transport = \"iso-tp\"\nsignal");
        let mapping = Mapping::parse(Path::new("map.toml"), &carried, &dbc).unwrap();
        let mut decoder = Decoder::new(dbc, &mapping);

        // Ten bytes; the DBC's first is their number, so SPEED is 0x0a03 and RATIO 0x32 hundredths.
        assert_eq!(decode(&mut decoder, 0, "100a03320102 0304".replace(' ', "").as_str()), []);
        let samples = decode(&mut decoder, 10, "2105060708aaaaaa");
        assert_eq!(samples, [("PedalPosition", 500), ("Speed", 9_227)]);
        assert_eq!(decode(&mut decoder, 20, "2103320304050607"), [], "a part of nothing");
        assert_eq!(decoder.incomplete(), 0);
    }

    #[test]
    fn impossible_values_are_counted_and_dropped() {
        let mut decoder = decoder();

        assert_eq!(decode(&mut decoder, 0, "ffffc8"), []);
        assert_eq!(decoder.out_of_range(), 2);
    }

    #[test]
    fn an_interval_lets_one_sample_through_even_across_a_restart() {
        let mut first = decoder();
        assert_eq!(decode(&mut first, 0, "03e832").len(), 2);
        assert_eq!(decode(&mut first, 999, "03e832").len(), 1);

        let mut second = decoder();
        second.restore(&first.kept_at());
        assert_eq!(decode(&mut second, 999, "03e832").len(), 1);
        assert_eq!(decode(&mut second, 1_000, "03e832").len(), 2);
        assert_eq!(decode(&mut second, 500, "03e832").len(), 2, "the clock went back");
    }

    #[test]
    fn a_dead_band_keeps_what_changes_by_more() {
        let dbc = Dbc::parse(Path::new("car.dbc"), DBC.as_bytes()).unwrap();
        let map = "[\"Vehicle.Speed\"]\nmessage = \"SPEED\"\nsignal = \"SPEED\"\n\
                   dead_band = 0.36\n\
                   [\"Vehicle.Chassis.Accelerator.PedalPosition\"]\nmessage = \"SPEED\"\n\
                   signal = \"RATIO\"\non_change = true\n";
        let mapping = Mapping::parse(Path::new("map.toml"), map, &dbc).unwrap();
        let mut decoder = Decoder::new(dbc, &mapping);
        #[rustfmt::skip] // a table is read by column
        let cases: [(&str, &[(&str, i64)]); 5] = [
            // frame    samples
            ("03e832", &[("PedalPosition", 500), ("Speed", 3_600)]),
            ("03e832", &[]),
            ("03f233", &[("PedalPosition", 510)]),
            ("03f333", &[("Speed", 3_640)]),
            ("03e932", &[("PedalPosition", 500)]),
        ];
        for (index, (data, expected)) in (0..).zip(cases) {
            assert_eq!(decode(&mut decoder, index, data), expected, "{index}: {data}");
        }
    }

    #[test]
    fn a_resampled_signal_gives_one_number_for_each_interval() {
        let dbc = Dbc::parse(Path::new("car.dbc"), DBC.as_bytes()).unwrap();
        let map = "[\"Vehicle.Speed\"]\nmessage = \"SPEED\"\nsignal = \"SPEED\"\n\
                   interval_ms = 1000\nresample = \"mean\"\n";
        let mapping = Mapping::parse(Path::new("map.toml"), map, &dbc).unwrap();
        let mut decoder = Decoder::new(dbc, &mapping);
        let mut samples = Vec::new();
        for (millis, data) in [(0, [3, 0xe8]), (500, [7, 0xd0]), (900, [0xff; 2]), (1_100, [0; 2])]
        {
            let time = T0.plus_micros(millis * 1_000);
            let take = |sample: Sample| samples.push((sample.time, sample.value.raw()));
            decoder.decode_payload(0, CanId::Standard(180), time, &data, take);
        }

        assert_eq!(samples, [(T0.plus_micros(1_000_000), 5_400)]);
        assert_eq!(decoder.out_of_range(), 1);
    }

    #[test]
    fn each_bus_has_signals_of_its_own() {
        let mut decoder = decoder();
        let other = DBC.replace("(0.01,0)", "(1,0)");
        let dbc = Dbc::parse(Path::new("other.dbc"), other.as_bytes()).unwrap();
        let map = "[\"Vehicle.Speed\"]\nmessage = \"SPEED\"\nsignal = \"SPEED\"\n";
        let mapping = Mapping::parse(Path::new("map.toml"), map, &dbc).unwrap();
        let bus = decoder.add_bus(dbc, &mapping);

        let mut samples = Vec::new();
        for bus in [0, bus, bus + 1] {
            let take = |sample: Sample| samples.push((bus, sample.value.raw()));
            decoder.decode_payload(bus, CanId::Standard(180), T0, &[0, 10], take);
        }
        assert_eq!(samples, [(0, 36), (1, 3_600)]);
    }
}

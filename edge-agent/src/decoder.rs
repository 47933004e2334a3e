//! From a frame to samples: cut out, scale, convert, name.
//!
//! **Invariant:** decoding a frame allocates nothing; a value that is not finite or that the
//! catalogue calls impossible never becomes a sample, and is counted.
//!
//! **Not here:** whether a sample may leave the car ([`crate::consent`]).

use std::collections::{BTreeMap, HashMap};

use telematics::{Sample, Signal, Timestamp};

use crate::dbc::Dbc;
use crate::frames::{CanId, Frame};
use crate::mapping::{Mapping, Target};
use crate::transport::{Arrived, Reassembly, Taken};

/// Turns frames into samples, by one DBC file and one mapping.
#[derive(Debug)]
pub struct Decoder {
    dbc: Dbc,
    plans: HashMap<CanId, Vec<Plan>>,
    reassembly: Reassembly,
    out_of_range: u64,
}

#[derive(Debug)]
struct Plan {
    target: Target,
    kept_at: Option<Timestamp>,
}

impl Plan {
    /// True when the interval since the last sample is over, or the clock went back.
    fn is_due(&self, time: Timestamp) -> bool {
        match (self.target.interval_micros, self.kept_at) {
            (Some(interval), Some(kept_at)) => {
                time < kept_at || time.micros_since(kept_at) >= interval
            }
            _ => true,
        }
    }
}

impl Decoder {
    /// A decoder of the signals that `mapping` names.
    #[must_use]
    pub fn new(dbc: Dbc, mapping: &Mapping) -> Self {
        let mut plans: HashMap<_, Vec<_>> = HashMap::new();
        let mut carried = Vec::new();
        for target in mapping.targets() {
            if let Some(message) = dbc.messages().get(target.message) {
                plans.entry(message.id).or_default().push(Plan { target: *target, kept_at: None });
                carried.extend(target.transport.map(|transport| (message.id, transport)));
            }
        }
        Self { dbc, plans, reassembly: Reassembly::new(carried), out_of_range: 0 }
    }

    /// Hands each sample in `frame` to `take`, or in the message that it ends.
    pub fn decode(&mut self, frame: &Frame, mut take: impl FnMut(Sample)) {
        let Arrived { id, time, data } = match self.reassembly.push(frame) {
            Taken::Whole(arrived) => arrived,
            Taken::Other => Arrived { id: frame.id, time: frame.time, data: frame.data() },
            Taken::Part => return,
        };
        let Some(plans) = self.plans.get_mut(&id) else { return };
        for plan in plans.iter_mut().filter(|plan| plan.is_due(time)) {
            let Target { message, source, signal, conversion, .. } = plan.target;
            let message = self.dbc.messages().get(message);
            let Some(physical) = message.and_then(|m| m.physical(source, data)) else {
                continue;
            };
            match signal.value(conversion.apply(physical)) {
                Some(value) => {
                    plan.kept_at = Some(time);
                    take(Sample { signal, time, value });
                }
                None => self.out_of_range += 1,
            }
        }
    }

    /// Values so far that were not finite or not possible.
    #[must_use]
    pub const fn out_of_range(&self) -> u64 {
        self.out_of_range
    }

    /// Messages of several frames so far of which some did not arrive.
    #[must_use]
    pub const fn incomplete(&self) -> u64 {
        self.reassembly.dropped()
    }

    /// When each signal with an interval was last kept, so that a restart does not keep one more.
    #[must_use]
    pub fn kept_at(&self) -> BTreeMap<Signal, Timestamp> {
        let limited = |plan: &&Plan| plan.target.interval_micros.is_some();
        self.plans
            .values()
            .flatten()
            .filter(limited)
            .filter_map(|plan| Some((plan.target.signal, plan.kept_at?)))
            .collect()
    }

    /// Goes on where [`Self::kept_at`] stood.
    pub fn restore(&mut self, kept_at: &BTreeMap<Signal, Timestamp>) {
        for plan in self.plans.values_mut().flatten() {
            plan.kept_at = kept_at.get(&plan.target.signal).copied();
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
}

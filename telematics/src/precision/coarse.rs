//! Whether samples are as coarse as they have to be: asked by the car before it seals, and by the market
//! before it keeps.
//!
//! **Invariant:** what [`Precision::coarsen`] and [`Precision::place`] made is always coarse enough.

use std::collections::BTreeMap;

use super::Precision;
use crate::sample::Sample;
use crate::time::Timestamp;
use crate::vss::{Signal, SignalGroup};

/// Says of each of `samples`, which are of one batch, whether it may be in it; `precision` tells how fine
/// its group may be.
///
/// A position has to be the centre of a cell, which only its latitude and longitude together show: the
/// first latitude of a time belongs to the first longitude of that time, and so on.
#[must_use]
pub fn coarse_enough(
    samples: &[Sample],
    precision: impl Fn(SignalGroup) -> Precision,
) -> Vec<bool> {
    let places = Places::of(samples);
    let mut seen = BTreeMap::new();
    let judge = |sample: &Sample| {
        let precision = precision(sample.signal.group());
        if precision.coarsen(*sample) == Some(*sample) {
            return true;
        }
        let nth: &mut usize = seen.entry((sample.time, sample.signal)).or_default();
        let place = places.place(*sample, *nth);
        *nth += 1;
        place.is_some_and(|place| is_centre(place, precision))
    };
    samples.iter().map(judge).collect()
}

/// Whether a place is the centre of a cell at the beginning of a bin.
fn is_centre(place: [Sample; 2], precision: Precision) -> bool {
    let [latitude, longitude] = place;
    precision.place(latitude.value, longitude.value, latitude.time) == Some(place)
}

/// The latitudes and longitudes of each time, in their order.
#[derive(Default)]
struct Places(BTreeMap<Timestamp, [Vec<Sample>; 2]>);

impl Places {
    fn of(samples: &[Sample]) -> Self {
        let mut places = Self::default();
        for sample in samples {
            let [latitudes, longitudes] = match sample.signal {
                Signal::LATITUDE | Signal::LONGITUDE => places.0.entry(sample.time).or_default(),
                _ => continue,
            };
            let half = if sample.signal == Signal::LATITUDE { latitudes } else { longitudes };
            half.push(*sample);
        }
        places
    }

    /// The place that the `nth` sample like `sample` is a half of.
    fn place(&self, sample: Sample, nth: usize) -> Option<[Sample; 2]> {
        let [latitudes, longitudes] = self.0.get(&sample.time)?;
        match sample.signal {
            Signal::LATITUDE => Some([sample, *longitudes.get(nth)?]),
            Signal::LONGITUDE => Some([*latitudes.get(nth)?, sample]),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::CellSize;
    use super::*;
    use crate::testing::T0;
    use crate::value::Value;

    const CELLS: Precision = Precision::Cell(CellSize::DEFAULT);

    fn fix(latitude: f64, longitude: f64) -> [Sample; 2] {
        let sample =
            |signal: Signal, at| Sample { signal, time: T0, value: signal.value(at).unwrap() };
        [sample(Signal::LATITUDE, latitude), sample(Signal::LONGITUDE, longitude)]
    }

    fn centre_of([latitude, longitude]: [Sample; 2]) -> [Sample; 2] {
        CELLS.place(latitude.value, longitude.value, T0).unwrap()
    }

    fn of_signal(path: &str, raw: i64) -> Sample {
        let signal = Signal::by_path(path).unwrap();
        Sample { signal, time: T0, value: Value::from_raw(raw) }
    }

    #[test]
    fn each_sample_is_judged_by_the_precision_of_its_group() {
        let (fine, centre) = (fix(52.520_008, 13.404_954), centre_of(fix(52.5, 13.4)));
        let (north, east) = (centre[0], centre[1]);
        let late = |sample: Sample| Sample { time: sample.time.plus_seconds(1), ..sample };
        let altitude = of_signal("Vehicle.CurrentLocation.Altitude", 40);
        let [speed, round] = [8_740, 8_700].map(|raw| of_signal("Vehicle.Speed", raw));
        #[rustfmt::skip] // a table is read by column
        let cases = [
            ("a place, exact",            fine.to_vec(),                    Precision::Exact, vec![true, true]),
            ("a place, cells",            fine.to_vec(),                    CELLS,            vec![false, false]),
            ("a cell",                    centre.to_vec(),                  CELLS,            vec![true, true]),
            ("a cell, order turned",      vec![east, north],                CELLS,            vec![true, true]),
            ("half a cell",               vec![north],                      CELLS,            vec![false]),
            ("half a cell, half a place", vec![north, fine[1]],             CELLS,            vec![false, false]),
            ("a cell within its bin",     vec![late(north), late(east)],    CELLS,            vec![false, false]),
            ("halves of two times",       vec![north, late(east)],          CELLS,            vec![false, false]),
            ("altitude beside a cell",    vec![north, east, altitude],      CELLS,            vec![true, true, false]),
            ("speed, whole",              vec![speed, round],               Precision::Whole, vec![false, true]),
            ("speed, exact",              vec![speed, round],               Precision::Exact, vec![true, true]),
        ];
        for (name, samples, precision, expected) in cases {
            assert_eq!(coarse_enough(&samples, |_| precision), expected, "{name}");
        }
    }

    #[test]
    fn two_cells_of_one_time_are_told_apart() {
        let (here, there) = (centre_of(fix(52.5, 13.4)), centre_of(fix(48.1, 11.6)));

        let columns = [here[0], there[0], here[1], there[1]];
        assert_eq!(coarse_enough(&columns, |_| CELLS), [true; 4]);
        let crossed = [here[0], there[0], there[1], here[1]];
        assert_eq!(coarse_enough(&crossed, |_| CELLS), [false; 4]);
    }
}

//! Samples as they leave the car: rounded, and positions as cells.
//!
//! **Invariant:** what comes out of [`Coarse::leave`] is all that a batch may hold of a shared signal, and
//! in one run there is at most one position in each bin of time.
//!
//! **Not here:** what coarse means, and whether a sample is ([`telematics::precision`]), and whether a
//! signal leaves at all ([`crate::consent`]).

use telematics::precision::bin_of;
use telematics::{Precision, Sample, Signal, Timestamp, Value};

/// Latitude and longitude further apart than this are of two places.
const PAIR_MICROS_MAX: i64 = 2_000_000;

/// Coarsens the shared samples of one car.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coarse {
    latitude: Option<(Timestamp, Value)>,
    longitude: Option<(Timestamp, Value)>,
    /// The bin that has its position.
    told: Option<Timestamp>,
}

impl Coarse {
    /// Gives to `out` what leaves the car of `sample`.
    pub fn leave(&mut self, sample: Sample, precision: Precision, mut out: impl FnMut(Sample)) {
        if let Some(coarse) = precision.coarsen(sample) {
            out(coarse);
        }
        let Sample { signal, time, value } = sample;
        match signal {
            Signal::LATITUDE => self.latitude = Some((time, value)),
            Signal::LONGITUDE => self.longitude = Some((time, value)),
            _ => return,
        }
        self.place(precision).into_iter().flatten().for_each(out);
    }

    /// Forgets where the car was: what comes next is another place.
    pub fn forget(&mut self) {
        (self.latitude, self.longitude) = (None, None);
    }

    fn place(&mut self, precision: Precision) -> Option<[Sample; 2]> {
        let ((north_at, latitude), (east_at, longitude)) = (self.latitude?, self.longitude?);
        let apart = north_at.micros_since(east_at).saturating_abs();
        let time = north_at.max(east_at);
        if apart > PAIR_MICROS_MAX || self.told == Some(bin_of(time)) {
            return None;
        }
        let place = precision.place(latitude, longitude, time)?;
        self.told = Some(bin_of(time));
        Some(place)
    }
}

#[cfg(test)]
mod tests {
    use telematics::precision::{BIN_SECONDS, CellSize, coarse_enough};
    use telematics::testing::T0;

    use super::*;

    const CELLS: Precision = Precision::Cell(CellSize::DEFAULT);

    fn fix(seconds: i64, latitude: f64, longitude: f64) -> [Sample; 2] {
        let time = T0.plus_seconds(seconds);
        let sample = |signal: Signal, at| Sample { signal, time, value: signal.value(at).unwrap() };
        [sample(Signal::LATITUDE, latitude), sample(Signal::LONGITUDE, longitude)]
    }

    fn left(coarse: &mut Coarse, fixes: &[[Sample; 2]], precision: Precision) -> Vec<Sample> {
        let mut left = Vec::new();
        for sample in fixes.iter().flatten() {
            coarse.leave(*sample, precision, |sample| left.push(sample));
        }
        left
    }

    #[test]
    fn a_drive_of_half_an_hour_leaves_as_two_cells() {
        let drive: Vec<_> =
            (0..1_800_i32).map(|s| fix(s.into(), 52.52 + f64::from(s) * 1e-4, 13.4)).collect();
        let left = left(&mut Coarse::default(), &drive, CELLS);

        let times: Vec<_> = left.iter().map(|sample| sample.time.micros_since(T0)).collect();
        assert_eq!(times, [0, 0, BIN_SECONDS * 1_000_000, BIN_SECONDS * 1_000_000]);
        assert!(coarse_enough(&left, |_| CELLS).into_iter().all(|is_coarse| is_coarse));
    }

    #[test]
    fn halves_of_two_places_are_no_place() {
        let [latitude, _] = fix(0, 52.5, 13.4);
        let [_, longitude] = fix(60, 52.5, 13.4);
        let mut left = Vec::new();
        let mut coarse = Coarse::default();
        for sample in [latitude, longitude] {
            coarse.leave(sample, CELLS, |sample| left.push(sample));
        }

        assert_eq!(left, []);
    }

    #[test]
    fn after_a_pause_no_half_of_before_makes_a_place() {
        let mut coarse = Coarse::default();
        let [latitude, longitude] = fix(0, 52.5, 13.4);
        let mut left = Vec::new();
        coarse.leave(latitude, CELLS, |sample| left.push(sample));
        coarse.forget();
        coarse.leave(longitude, CELLS, |sample| left.push(sample));

        assert_eq!(left, []);
    }

    #[test]
    fn an_owner_who_wants_it_exact_gets_it_exact() {
        let fix = fix(3, 52.5, 13.4);
        assert_eq!(left(&mut Coarse::default(), &[fix], Precision::Exact), fix);
    }
}

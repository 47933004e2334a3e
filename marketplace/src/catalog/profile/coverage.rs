//! Of which models and from which regions the rows of a dataset are.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use telematics::{Signal, Value, VehicleId};

use crate::identity::VehicleRecord;

/// Of which models and from which regions rows are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Coverage {
    /// By make and model, the most vehicles first.
    pub models: Vec<Model>,
    /// Vehicles of models that have too few to be named.
    pub vehicles_of_other_models: u64,
    /// By region, the most vehicles first.
    pub regions: Vec<Region>,
    /// Vehicles that do not say where they are, or are where there are too few.
    pub vehicles_elsewhere: u64,
}

/// One model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Model {
    /// Its make.
    pub make: String,
    /// Its name.
    pub model: String,
    /// How many there are.
    pub vehicles: u64,
}

/// One region: an H3 cell of resolution 3, some 12,000 km².
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Region {
    /// Its centre.
    pub latitude_degrees: f64,
    /// Its centre.
    pub longitude_degrees: f64,
    /// How many vehicles were last in it.
    pub vehicles: u64,
}

impl Coverage {
    /// Of these vehicles, some of which say in which region they are. Names nothing of fewer than `vehicles_min`.
    pub(super) fn new(
        vehicles: &[VehicleRecord],
        regions: &BTreeMap<VehicleId, [Value; 2]>,
        vehicles_min: u64,
    ) -> Self {
        let name = |vehicle: &VehicleRecord| {
            (vehicle.description.make().to_owned(), vehicle.description.model().to_owned())
        };
        let models = most_first(vehicles.iter().map(name), vehicles_min);
        let places = vehicles.iter().filter_map(|vehicle| regions.get(&vehicle.id)).copied();
        let places = most_first(places, vehicles_min);
        let all = u64::try_from(vehicles.len()).unwrap_or(u64::MAX);
        Self {
            vehicles_of_other_models: all - models.iter().map(|(_, count)| count).sum::<u64>(),
            vehicles_elsewhere: all - places.iter().map(|(_, count)| count).sum::<u64>(),
            models: models
                .into_iter()
                .map(|((make, model), vehicles)| Model { make, model, vehicles })
                .collect(),
            regions: places.into_iter().map(|(place, vehicles)| region(place, vehicles)).collect(),
        }
    }
}

fn region([latitude, longitude]: [Value; 2], vehicles: u64) -> Region {
    Region {
        latitude_degrees: latitude.to_physical(Signal::LATITUDE.decimals()),
        longitude_degrees: longitude.to_physical(Signal::LONGITUDE.decimals()),
        vehicles,
    }
}

/// What is there at least `least` times, with how often, the most frequent first.
fn most_first<T: Ord>(all: impl Iterator<Item = T>, least: u64) -> Vec<(T, u64)> {
    let mut counts = BTreeMap::<T, u64>::new();
    for one in all {
        *counts.entry(one).or_default() += 1;
    }
    let mut counts = counts.into_iter().filter(|(_, count)| *count >= least).collect::<Vec<_>>();
    counts.sort_by(|(_, one), (_, other)| other.cmp(one));
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_rare_is_not_named() {
        let found = most_first("to be or not to be".split(' '), 2);

        assert_eq!(found, [("be", 2), ("to", 2)]);
    }
}

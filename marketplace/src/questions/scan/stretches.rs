//! Stretches: samples of one vehicle, each later than the one before, by vehicle and in the order of time.

use std::collections::BTreeMap;

use deltalake::arrow::datatypes::SchemaRef;
use deltalake::datafusion::error::Result;
use deltalake::datafusion::execution::memory_pool::MemoryReservation;
use futures_util::TryStreamExt as _;

use super::block::{Block, Blocks, Piece};
use super::columns::Column;
use super::runs::wrong;

/// Rows of one vehicle, each later than the one before: a block of one run.
#[derive(Clone, Debug)]
pub(super) struct Stretch {
    pub(super) rows: Block,
    pub(super) from: i64,
    pub(super) to: i64,
}

/// What a stretch takes in memory beside its rows.
const STRETCH_BYTES: usize = 512;

/// Where rows have the vehicle and the time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keys {
    vehicle: usize,
    time: usize,
}

impl Keys {
    pub(super) fn of(schema: &SchemaRef) -> Result<Self> {
        let (vehicle, time) = (Column::Vehicle.name(), Column::Time.name());
        Ok(Self { vehicle: schema.index_of(vehicle)?, time: schema.index_of(time)? })
    }

    pub(super) fn times(self, rows: &Block) -> Result<&[i64]> {
        rows.times(self.time)
    }

    /// Cuts rows where the run is another, or no later time follows.
    pub(super) fn stretches(self, rows: &Block) -> Result<Vec<(&str, Stretch)>> {
        let (names, times) = (rows.names(self.vehicle)?, self.times(rows)?);
        let mut stretches = Vec::new();
        for Piece { run, rows: mut rest } in rows.pieces() {
            let name = names.get(run).copied().flatten();
            let name = name.ok_or_else(|| wrong(Column::Vehicle.name()))?;
            let of_run = times.get(rest.clone()).unwrap_or_default();
            for later in of_run.chunk_by(|one, next| one < next) {
                let (Some(from), Some(to)) = (later.first(), later.last()) else { continue };
                let piece = Piece { run, rows: rest.start..rest.start + later.len() };
                rest.start = piece.rows.end;
                let stretch = Stretch { rows: rows.piece(&piece), from: *from, to: *to };
                stretches.push((name, stretch));
            }
        }
        Ok(stretches)
    }
}

/// The stretches of each vehicle.
#[derive(Debug, Default)]
pub(super) struct Lists {
    /// In the order of their beginning. Beside each, the latest end of it and those before.
    of: BTreeMap<String, Vec<(Stretch, i64)>>,
    /// Given back when the lists are dropped.
    memory: Vec<MemoryReservation>,
}

impl Lists {
    pub(super) async fn read(
        mut blocks: Blocks,
        keys: Keys,
        memory: MemoryReservation,
    ) -> Result<Self> {
        let mut lists = Self::default();
        while let Some(rows) = blocks.try_next().await? {
            let stretches = keys.stretches(&rows)?;
            memory.try_grow(rows.bytes() + stretches.len() * STRETCH_BYTES)?;
            for (vehicle, stretch) in stretches {
                match lists.of.get_mut(vehicle) {
                    Some(list) => list.push((stretch, 0)),
                    None => {
                        lists.of.insert(vehicle.to_owned(), vec![(stretch, 0)]);
                    }
                }
            }
        }
        lists.memory.push(memory);
        Ok(lists)
    }

    pub(super) fn merge(&mut self, other: Self) {
        for (vehicle, stretches) in other.of {
            self.of.entry(vehicle).or_default().extend(stretches);
        }
        self.memory.extend(other.memory);
    }

    pub(super) fn sort(&mut self) {
        for list in self.of.values_mut() {
            list.sort_by_key(|(stretch, _)| stretch.from);
            let mut latest = i64::MIN;
            for (stretch, latest_so_far) in list {
                latest = latest.max(stretch.to);
                *latest_so_far = latest;
            }
        }
    }

    pub(super) fn of(&self, vehicle: &str) -> &[(Stretch, i64)] {
        self.of.get(vehicle).map_or(&[], Vec::as_slice)
    }
}

//! Pairs of runs: what two signals of a vehicle were at the same times. A car says most of its signals together, so of most
//! runs of one signal there is one of another with the same times. To join those, no time has to be read.
//!
//! **Invariant:** of a vehicle only if no two of its runs on a side overlap: then the rows of a pair belong together one
//! after another, and to no other row.

use std::collections::HashMap;
use std::sync::Arc;

use deltalake::arrow::array::{AsArray, BooleanArray, RecordBatch};
use deltalake::arrow::compute::and;
use deltalake::datafusion::error::{DataFusionError, Result};
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt as _, TryStreamExt as _};

use super::block::{Block, Blocks};
use super::chosen::{Part, Picked};
use super::joined::Joined;
use super::plan::{SamplesExec, shared};
use super::reading::{Raw, Reading, Spans};

/// Rows that are read in pairs together. To begin with fewer costs more than comparing their times.
const ROWS_MIN: u32 = 4096;

/// What is read in pairs of two tables of samples.
#[derive(Debug)]
pub(super) struct Pairs {
    left: Arc<Reading>,
    right: Arc<Reading>,
    joined: [Joined; 2],
    /// What each thread reads.
    shares: Vec<Vec<PairedPart>>,
    /// The columns of both, one after the other, in the order in which they are handed up.
    order: Vec<usize>,
}

/// Runs of one side, and as many of the other: each has the times of the one at its place.
#[derive(Clone, Debug)]
struct PairedPart {
    left: Part,
    right: Part,
}

/// A run, which part it is in, and at which place there.
#[derive(Clone, Copy, Debug)]
struct Located {
    part: usize,
    place: usize,
    run: Picked,
}

impl Pairs {
    /// Takes from `left` and `right` what can be read in pairs. Hands up the columns `projection` of both, one after the
    /// other. Also returns what is left of both.
    pub(super) fn of(
        left: &SamplesExec,
        right: &SamplesExec,
        projection: &[usize],
    ) -> Result<(Self, SamplesExec, SamplesExec)> {
        let (lefts, rights) = (by_vehicle(left), by_vehicle(right));
        let mut pairs = Vec::new();
        for (lefts, name) in lefts.iter().zip(same_names(left, right)) {
            if let Some(rights) = name.and_then(|name| rights.get(name)) {
                pairs.extend(paired(lefts, rights));
            }
        }
        let pairs = together(pairs);
        let (of_left, of_right): (Vec<_>, Vec<_>) = pairs.iter().flatten().copied().unzip();
        let rests = (without(left, &of_left), without(right, &of_right));
        let parts = parts(left, right, pairs);
        let columns = left.reading().schema.fields().len();
        let (of_left, of_right): (Vec<usize>, Vec<usize>) =
            projection.iter().partition(|column| **column < columns);
        let of_right = of_right.iter().map(|column| column - columns).collect::<Vec<_>>();
        let (mut next_left, mut next_right) = (0.., of_left.len()..);
        let order = projection.iter().filter_map(|column| {
            if *column < columns { next_left.next() } else { next_right.next() }
        });
        let pairs = Self {
            order: order.collect(),
            left: Arc::new(left.reading().narrowed(&of_left)?),
            right: Arc::new(right.reading().narrowed(&of_right)?),
            joined: [left.joined().clone(), right.joined().clone()],
            shares: shared(parts, left.threads()),
        };
        Ok((pairs, rests.0, rests.1))
    }

    pub(super) fn rows(&self) -> usize {
        self.shares.iter().flatten().map(|part| part.left.rows()).sum()
    }

    /// What one thread reads.
    pub(super) fn blocks(self: &Arc<Self>, partition: usize) -> Blocks {
        let pairs = Arc::clone(self);
        let blocks = async move {
            let [left, right] = &pairs.joined;
            let lefts = left.wanted(&pairs.left.names.vehicles)?;
            let rights = right.wanted(&pairs.right.names.vehicles)?;
            let share = pairs.shares.get(partition).cloned().unwrap_or_default();
            let blocks = move |part: PairedPart| {
                Arc::clone(&pairs).blocks_of(part.of_wanted(&lefts, &rights))
            };
            Ok::<_, DataFusionError>(stream::iter(share).map(blocks).try_flatten())
        };
        stream::once(blocks).try_flatten().boxed()
    }

    fn blocks_of(self: Arc<Self>, part: PairedPart) -> Result<Blocks> {
        let raw = aligned(self.left.raw(&part.left)?, self.right.raw(&part.right)?);
        let (mut lefts, mut rights) = (Spans::of(part.left.runs), Spans::of(part.right.runs));
        let joined = move |raw: Result<(Raw, Raw)>| {
            let ((left, rows), (right, _)) = raw?;
            let left = self.left.whole(left.as_ref(), &lefts.take(rows))?;
            let right = self.right.whole(right.as_ref(), &rights.take(rows))?;
            self.joined(&left, &right)
        };
        let blocks = raw.map(joined);
        Ok(blocks.try_filter(|block| std::future::ready(block.rows() > 0)).boxed())
    }

    fn joined(&self, left: &Block, right: &Block) -> Result<Block> {
        let met = [self.left.met(left)?, self.right.met(right)?];
        let both = self.left.handed_up(left)?.beside(&self.right.handed_up(right)?);
        let both = both.project(&self.order)?;
        match met {
            [Some(left), Some(right)] => both.filter(&and(&left, &right)?),
            [Some(met), None] | [None, Some(met)] => both.filter(&met),
            [None, None] => Ok(both),
        }
    }
}

impl PairedPart {
    /// The pairs of vehicles that both sides want.
    fn of_wanted(mut self, lefts: &BooleanArray, rights: &BooleanArray) -> Self {
        let pairs = self.left.runs.into_iter().zip(self.right.runs);
        (self.left.runs, self.right.runs) =
            pairs.filter(|(left, right)| left.is_among(lefts) && right.is_among(rights)).unzip();
        self
    }
}

/// The runs of each vehicle, by its place in the names of `samples`, in the order of time.
fn by_vehicle(samples: &SamplesExec) -> Vec<Vec<Located>> {
    let mut lists = vec![Vec::new(); samples.reading().names.vehicles.len()];
    for (part, runs) in samples.parts().map(|part| &part.runs).enumerate() {
        for (place, run) in runs.iter().copied().enumerate() {
            let list = usize::try_from(run.vehicle).ok().and_then(|vehicle| lists.get_mut(vehicle));
            if let Some(list) = list {
                list.push(Located { part, place, run });
            }
        }
    }
    for list in &mut lists {
        list.sort_by_key(|located| located.run.from);
    }
    lists
}

/// Where each vehicle of `left` is in the names of `right`.
fn same_names(left: &SamplesExec, right: &SamplesExec) -> Vec<Option<usize>> {
    let names = |samples: &SamplesExec| samples.reading().names.vehicles.clone();
    let (left, right) = (names(left), names(right));
    let (left, right) = (left.as_string::<i32>(), right.as_string::<i32>());
    let places = right.iter().zip(0..).collect::<HashMap<_, _>>();
    left.iter().map(|name| places.get(&name).copied()).collect()
}

/// The runs of a vehicle on both sides that have the same times.
fn paired(lefts: &[Located], rights: &[Located]) -> Vec<(Located, Located)> {
    let is_in_order =
        |located: &[Located]| located.is_sorted_by(|one, next| one.run.to < next.run.from);
    if !is_in_order(lefts) || !is_in_order(rights) {
        return Vec::new();
    }
    let pair = |left: &Located| {
        let place = rights.binary_search_by_key(&left.run.from, |right| right.run.from).ok()?;
        let (one, other) = (left.run, rights.get(place)?.run);
        let is_same = one.times.is_some()
            && (one.to, one.rows, one.times) == (other.to, other.rows, other.times);
        is_same.then_some((*left, *rights.get(place)?))
    };
    lefts.iter().filter_map(pair).collect()
}

/// What is left of `samples`.
fn without(samples: &SamplesExec, paired: &[Located]) -> SamplesExec {
    let mut is_paired =
        samples.parts().map(|part| vec![false; part.runs.len()]).collect::<Vec<_>>();
    for Located { part, place, .. } in paired {
        if let Some(place) = is_paired.get_mut(*part).and_then(|part| part.get_mut(*place)) {
            *place = true;
        }
    }
    let rest = |(part, is_paired): (&Part, Vec<bool>)| {
        let runs = part.runs.iter().zip(is_paired).filter(|(_, is_paired)| !is_paired);
        let runs = runs.map(|(run, _)| *run).collect::<Vec<_>>();
        (!runs.is_empty()).then(|| Part { place: part.place.clone(), runs })
    };
    samples.with_parts(samples.parts().zip(is_paired).filter_map(rest).collect())
}

/// Cuts pairs, in the order in which the left side is in its files, wherever a side goes on in another place. What there is
/// too little of is left out.
fn together(mut pairs: Vec<(Located, Located)>) -> Vec<Vec<(Located, Located)>> {
    pairs.sort_by_key(|(left, _)| (left.part, left.run.first_row));
    let goes_on = |one: &Located, next: &Located| {
        one.part == next.part && one.run.first_row < next.run.first_row
    };
    let rows = |pairs: &[(Located, Located)]| -> u32 {
        pairs.iter().map(|(left, _)| left.run.rows).fold(0, u32::saturating_add)
    };
    pairs
        .chunk_by(|one, next| goes_on(&one.0, &next.0) && goes_on(&one.1, &next.1))
        .filter(|pairs| rows(pairs) >= ROWS_MIN)
        .map(<[_]>::to_vec)
        .collect()
}

/// What is read of pairs that are together.
fn parts(
    left: &SamplesExec,
    right: &SamplesExec,
    pairs: Vec<Vec<(Located, Located)>>,
) -> Vec<PairedPart> {
    let (lefts, rights) = (left.parts().collect::<Vec<_>>(), right.parts().collect::<Vec<_>>());
    let part = |side: &[&Part], located: Vec<Located>| {
        let place = side.get(located.first()?.part)?.place.clone();
        Some(Part { place, runs: located.into_iter().map(|located| located.run).collect() })
    };
    let paired = |pairs: Vec<(Located, Located)>| {
        let (of_left, of_right) = pairs.into_iter().unzip();
        Some(PairedPart { left: part(&lefts, of_left)?, right: part(&rights, of_right)? })
    };
    pairs.into_iter().filter_map(paired).collect()
}

type RawStream = BoxStream<'static, Result<Raw>>;

/// Both sides, always as many rows of one as of the other.
fn aligned(left: RawStream, right: RawStream) -> BoxStream<'static, Result<(Raw, Raw)>> {
    let begin = (left, right, None, None);
    let next = |(mut left, mut right, kept_left, kept_right)| async move {
        let one = match kept_left {
            Some(kept) => Some(kept),
            None => RawStream::try_next(&mut left).await?,
        };
        let other = match kept_right {
            Some(kept) => Some(kept),
            None => RawStream::try_next(&mut right).await?,
        };
        let (Some(one), Some(other)) = (one, other) else { return Ok(None) };
        let rows = one.1.min(other.1);
        let ((one, kept_left), (other, kept_right)) = (cut(one, rows), cut(other, rows));
        Ok(Some(((one, other), (left, right, kept_left, kept_right))))
    };
    stream::try_unfold(begin, next).boxed()
}

/// The first `rows`, and those that are left.
fn cut((raw, count): Raw, rows: usize) -> (Raw, Option<Raw>) {
    if count == rows {
        return ((raw, count), None);
    }
    let left = count - rows;
    let slice = |from, rows| raw.as_ref().map(|raw: &RecordBatch| raw.slice(from, rows));
    ((slice(0, rows), rows), Some((slice(rows, left), left)))
}

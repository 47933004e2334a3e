//! Regions: map tiles that places lie in, or in none of.
//!
//! **Invariant:** the tiles are sorted by their places and do not overlap, so the runs of places that
//! satisfy the question do not overlap either.

use std::ops::RangeInclusive;

use super::NotAQuestion;
use crate::tile::{Place, Tile};

/// Whether the places are to lie inside the tiles of a region or outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Each place lies in one of the tiles.
    Inside,
    /// No place lies in any of the tiles: "never entered".
    Outside,
}

/// About the places of one window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    presence: Presence,
    tiles: Vec<Tile>,
}

impl Region {
    /// Tiles that a region may have.
    pub const TILES_MAX: usize = 16;
    /// Runs of places that a region may have: inside, one for each tile; outside, the gaps between.
    pub const RUNS_MAX: usize = Self::TILES_MAX + 1;

    /// A region of these tiles, in any order and of any zooms.
    ///
    /// # Errors
    /// No tile, too many and overlapping ones are refused, and a region without any place.
    pub fn new(presence: Presence, mut tiles: Vec<Tile>) -> Result<Self, NotAQuestion> {
        let count = tiles.len();
        if count == 0 || count > Self::TILES_MAX {
            return Err(NotAQuestion::WrongTileCount { count });
        }
        tiles.sort_by_key(|tile| tile.first());
        for pair in tiles.windows(2) {
            if let [one, other] = *pair
                && one.last() >= other.first()
            {
                return Err(NotAQuestion::Overlap { one, other });
            }
        }
        let region = Self { presence, tiles };
        if region.runs().is_empty() {
            return Err(NotAQuestion::NoPlace);
        }
        Ok(region)
    }

    /// Inside or outside.
    #[must_use]
    pub const fn presence(&self) -> Presence {
        self.presence
    }

    /// The tiles, sorted.
    #[must_use]
    pub fn tiles(&self) -> &[Tile] {
        &self.tiles
    }

    /// The places that satisfy the question, as runs of quadkey numbers: sorted, not empty, at most
    /// [`Self::RUNS_MAX`].
    #[must_use]
    pub fn runs(&self) -> Vec<RangeInclusive<u64>> {
        let inside = self.tiles.iter().map(|tile| tile.first().quadkey()..=tile.last().quadkey());
        match self.presence {
            Presence::Inside => inside.collect(),
            Presence::Outside => {
                let (mut runs, mut next) = (Vec::new(), 0);
                for run in inside {
                    if next < *run.start() {
                        runs.push(next..=run.start() - 1);
                    }
                    next = run.end() + 1;
                }
                if next <= Place::LAST.quadkey() {
                    runs.push(next..=Place::LAST.quadkey());
                }
                runs
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tiles(texts: &[&str]) -> Vec<Tile> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn regions_that_ask_nothing_are_refused() {
        #[rustfmt::skip] // a table is read by column
        let cases = [
            (Presence::Inside,  tiles(&[]),                                   "0 tiles"),
            (Presence::Inside,  (0..17).map(|x| Tile::new(9, x, 0).unwrap()).collect(), "17 tiles"),
            (Presence::Inside,  tiles(&["3/1/1", "5/4/4"]),                   "overlap"),
            (Presence::Inside,  tiles(&["5/4/4", "5/4/4"]),                   "overlap"),
            (Presence::Outside, tiles(&["1/0/0", "1/1/0", "1/0/1", "1/1/1"]), "no place"),
        ];
        for (presence, tiles, expected) in cases {
            let error = Region::new(presence, tiles).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn outside_is_the_gaps_between_tiles() {
        let quarter = 1_u64 << (Place::BITS - 2);
        let outside = |texts: &[&str]| Region::new(Presence::Outside, tiles(texts)).unwrap().runs();

        assert_eq!(outside(&["1/0/0"]), [quarter..=4 * quarter - 1]);
        assert_eq!(outside(&["1/0/1", "1/1/0"]), [0..=quarter - 1, 3 * quarter..=4 * quarter - 1]);
    }

    proptest! {
        #[test]
        fn a_place_is_in_a_run_when_the_words_say_so(
            keys in prop::collection::vec((0..=Place::LAST.quadkey(), 1..=Place::ZOOM), 1..6),
            place in 0..=Place::LAST.quadkey(), near in 0..4_usize,
        ) {
            let tile = |(key, zoom)| Place::from_quadkey(key).unwrap().tile(zoom);
            let tiles: Vec<Tile> = keys.iter().copied().map(tile).collect();
            let place = match near {
                0 => tiles[0].first(),
                1 => tiles[0].last(),
                _ => Place::from_quadkey(place).unwrap(),
            };
            for presence in [Presence::Inside, Presence::Outside] {
                let Ok(region) = Region::new(presence, tiles.clone()) else { continue };
                let runs = region.runs();
                let inside = tiles.iter().any(|tile| tile.contains(place));
                let in_run = runs.iter().any(|run| run.contains(&place.quadkey()));

                prop_assert!(runs.len() <= Region::RUNS_MAX);
                prop_assert_eq!(in_run, inside == (presence == Presence::Inside));
            }
        }
    }
}

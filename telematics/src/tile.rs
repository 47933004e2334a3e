//! Map cells: Web-Mercator tiles, and places as the smallest of them.
//!
//! A [`Place`] is a tile of zoom [`Place::ZOOM`], kept as its quadkey number: the bits of `y` and `x`,
//! interleaved from the most significant. All places of a [`Tile`] are then consecutive numbers, so
//! "in this tile" is a comparison with two numbers.
//!
//! **Invariant:** a [`Place`] is below `4^22`; the `x` and `y` of a [`Tile`] exist at its zoom.
//!
//! Source: the tile numbering of OpenStreetMap ("slippy map tilenames"), and the quadkeys of the Bing
//! Maps tile system.

use std::fmt;
use std::str::FromStr;

/// Where a car was, to 9.5 m at the equator and 6 m at 50 degrees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place(u64);

/// A square of the map: `zoom/x/y`, such as `11/1101/672`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    zoom: u8,
    x: u32,
    y: u32,
}

/// Text or numbers that are no tile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a map tile: write zoom/x/y with zoom 0 to {}, and x and y below 2^zoom",
    Place::ZOOM
)]
pub struct NotATile {
    text: String,
}

impl Place {
    /// Zoom of the smallest tiles.
    pub const ZOOM: u8 = 22;
    /// Bits of a quadkey number.
    pub const BITS: usize = 2 * 22;
    /// The last place of the map.
    pub const LAST: Self = Self((1 << Self::BITS) - 1);

    /// The place at `latitude` and `longitude` in degrees, or `None` beyond the map, which ends at
    /// 85.05 degrees north and south, and before 180 degrees east.
    #[must_use]
    pub fn at(latitude: f64, longitude: f64) -> Option<Self> {
        let tiles = f64::from(1_u32 << Self::ZOOM);
        let phi = latitude.to_radians();
        let x = (longitude + 180.0) / 360.0 * tiles;
        let y = (1.0 - phi.tan().asinh() / std::f64::consts::PI) / 2.0 * tiles;
        if !(0.0..tiles).contains(&x) || !(0.0..tiles).contains(&y) {
            return None;
        }
        #[expect(
            clippy::as_conversions,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and 2^22, as checked above"
        )]
        Some(Self(interleave(x as u32, y as u32)))
    }

    /// The place with this quadkey number, if there is one.
    #[must_use]
    pub fn from_quadkey(quadkey: u64) -> Option<Self> {
        (quadkey <= Self::LAST.0).then_some(Self(quadkey))
    }

    /// Its quadkey number.
    #[must_use]
    pub const fn quadkey(self) -> u64 {
        self.0
    }

    /// The tile of `zoom` that it lies in.
    #[must_use]
    pub fn tile(self, zoom: u8) -> Tile {
        let zoom = zoom.min(Self::ZOOM);
        let (x, y) = deinterleave(self.0 >> (2 * (Self::ZOOM - zoom)));
        Tile { zoom, x, y }
    }
}

impl Tile {
    /// The whole map.
    pub const WORLD: Self = Self { zoom: 0, x: 0, y: 0 };

    /// Tile `x`, `y` of `zoom`.
    ///
    /// # Errors
    /// A zoom beyond that of places, and numbers that do not exist at the zoom, are refused.
    pub fn new(zoom: u8, x: u32, y: u32) -> Result<Self, NotATile> {
        let exists = zoom <= Place::ZOOM && x < 1 << zoom && y < 1 << zoom;
        exists
            .then_some(Self { zoom, x, y })
            .ok_or_else(|| NotATile { text: format!("{zoom}/{x}/{y}") })
    }

    /// The smallest tile that holds both places.
    #[must_use]
    pub fn around(one: Place, other: Place) -> Self {
        let differing = u64::BITS - (one.0 ^ other.0).leading_zeros();
        let levels = u8::try_from(differing.div_ceil(2)).unwrap_or(Place::ZOOM);
        one.tile(Place::ZOOM - levels)
    }

    /// The smallest tile that holds both tiles.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        Self::around(self.first().min(other.first()), self.last().max(other.last()))
    }

    /// Its first place, by quadkey number.
    #[must_use]
    pub fn first(self) -> Place {
        Place(interleave(self.x, self.y) << self.bits_below())
    }

    /// Its last place.
    #[must_use]
    pub fn last(self) -> Place {
        Place(((interleave(self.x, self.y) + 1) << self.bits_below()) - 1)
    }

    /// Whether `place` lies in it.
    #[must_use]
    pub fn contains(self, place: Place) -> bool {
        (self.first()..=self.last()).contains(&place)
    }

    const fn bits_below(self) -> u32 {
        #[expect(clippy::as_conversions, reason = "u32::from is not const")]
        let levels = (Place::ZOOM - self.zoom) as u32;
        2 * levels
    }
}

/// Bits of `y` above bits of `x`, in pairs.
fn interleave(x: u32, y: u32) -> u64 {
    let bit = |number: u32, index: u8| u64::from(number >> index & 1);
    (0..Place::ZOOM)
        .fold(0, |key, index| key | bit(x, index) << (2 * index) | bit(y, index) << (2 * index + 1))
}

fn deinterleave(key: u64) -> (u32, u32) {
    let bit = |shift: u8| u32::from(key >> shift & 1 == 1);
    (0..Place::ZOOM).fold((0, 0), |(x, y), index| {
        (x | bit(2 * index) << index, y | bit(2 * index + 1) << index)
    })
}

impl FromStr for Tile {
    type Err = NotATile;

    fn from_str(text: &str) -> Result<Self, NotATile> {
        let refuse = || NotATile { text: text.chars().take(40).collect() };
        let mut parts = text.split('/');
        let mut next = || parts.next().and_then(|part| part.parse::<u32>().ok()).ok_or_else(refuse);
        let (zoom, x, y) = (next()?, next()?, next()?);
        let zoom = u8::try_from(zoom).ok().filter(|_| parts.next().is_none()).ok_or_else(refuse)?;
        Self::new(zoom, x, y)
    }
}

impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.zoom, self.x, self.y)
    }
}

impl fmt::Debug for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The example of the page on slippy map tilenames: Null Island's corner, and Berlin.
    #[test]
    fn places_lie_in_the_tiles_that_maps_show() {
        #[rustfmt::skip] // a table is read by column
        let cases = [
            // latitude  longitude  zoom  tile
            (52.5163,    13.3777,   11,   "11/1100/671"),
            (0.0,        0.0,       1,    "1/1/1"),
            (-33.8568,   151.2153,  10,   "10/942/614"),
            (85.0,       -180.0,    3,    "3/0/0"),
        ];
        for (latitude, longitude, zoom, tile) in cases {
            let place = Place::at(latitude, longitude).unwrap();
            assert_eq!(place.tile(zoom).to_string(), tile);
            assert!(tile.parse::<Tile>().unwrap().contains(place), "{tile}");
        }
    }

    #[test]
    fn beyond_the_map_there_is_no_place() {
        for (latitude, longitude) in [(86.0, 0.0), (-90.0, 0.0), (0.0, 180.0), (f64::NAN, 0.0)] {
            assert_eq!(Place::at(latitude, longitude), None, "{latitude} {longitude}");
        }
        assert_eq!(Place::from_quadkey(1 << Place::BITS), None);
    }

    #[test]
    fn text_that_is_no_tile_is_refused() {
        for text in ["", "1/2", "1/2/0", "23/0/0", "-1/0/0", "1/0/0/0", "a/b/c", "300/0/0"] {
            assert!(text.parse::<Tile>().is_err(), "{text}");
        }
        assert_eq!("22/4194303/0".parse::<Tile>().unwrap().to_string(), "22/4194303/0");
        assert_eq!((Tile::WORLD.first(), Tile::WORLD.last()), (Place(0), Place::LAST));
    }

    proptest! {
        #[test]
        fn a_tile_around_two_places_is_the_smallest_that_holds_both(
            one in 0..=Place::LAST.0, far in 0..Place::BITS, other in 0..=Place::LAST.0,
        ) {
            let (one, other) = (Place(one), Place(one ^ (other >> far)));
            let tile = Tile::around(one, other);

            prop_assert!(tile.contains(one) && tile.contains(other));
            if tile.zoom < Place::ZOOM {
                prop_assert!(!one.tile(tile.zoom + 1).contains(other));
            }
            prop_assert_eq!(tile.join(one.tile(Place::ZOOM)), tile);
        }

        #[test]
        fn a_tile_holds_the_places_between_its_first_and_last(
            key in 0..=Place::LAST.0, zoom in 0..=Place::ZOOM,
        ) {
            let tile = Place(key).tile(zoom);

            prop_assert!(tile.contains(Place(key)));
            prop_assert_eq!(tile.first().tile(zoom), tile);
            prop_assert_eq!(tile.last().tile(zoom), tile);
            prop_assert_eq!(tile.to_string().parse::<Tile>(), Ok(tile));
        }
    }
}

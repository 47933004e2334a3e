//! Regions of the earth that a question can be narrowed to.
//!
//! A position is one cell in 15 minutes unless its owner lets it out finer, so a region is only as
//! sharp as the positions are.

use super::QuestionError;

/// Corners that a polygon has at most.
const CORNERS_MAX: usize = 1_000;
/// Kilometres of a degree on a great circle, with the mean radius of the earth.
const KILOMETRES_PER_DEGREE: f64 = 6_371.008_8 * std::f64::consts::PI / 180.0;

/// A point on the earth, in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// North of the equator.
    pub latitude: f64,
    /// East of Greenwich.
    pub longitude: f64,
}

/// A part of the earth.
#[derive(Clone, Debug, PartialEq)]
pub enum Region {
    /// What these corners enclose, in any direction. Edges are straight in degrees.
    Polygon(Vec<Point>),
    /// What is at most so far from its centre.
    Circle {
        /// The middle.
        centre: Point,
        /// How far.
        kilometres: f64,
    },
}

impl Point {
    fn is_on_earth(self) -> bool {
        (-90.0..=90.0).contains(&self.latitude) && (-180.0..=180.0).contains(&self.longitude)
    }

    /// Great-circle distance, by the haversine formula.
    fn kilometres_to(self, other: Self) -> f64 {
        let half_sine = |degrees: f64| (degrees.to_radians() / 2.0).sin().powi(2);
        let north = half_sine(other.latitude - self.latitude);
        let east = half_sine(other.longitude - self.longitude);
        let cosines = self.latitude.to_radians().cos() * other.latitude.to_radians().cos();
        let angle = 2.0 * cosines.mul_add(east, north).sqrt().min(1.0).asin();
        angle.to_degrees() * KILOMETRES_PER_DEGREE
    }
}

impl Region {
    /// Refuses what is no region.
    ///
    /// # Errors
    /// Fewer than three corners or too many, corners that are not on the earth, a radius that is no
    /// length.
    pub fn check(&self) -> Result<(), QuestionError> {
        let (points, fault) = match self {
            Self::Polygon(corners) if !(3..=CORNERS_MAX).contains(&corners.len()) => {
                let what = format!(
                    "`in_polygon` has {} corners; it needs 3 to {CORNERS_MAX}",
                    corners.len()
                );
                return Err(QuestionError::invalid(what));
            }
            Self::Polygon(corners) => (corners.as_slice(), None),
            Self::Circle { centre, kilometres } => {
                let fits = *kilometres > 0.0 && *kilometres <= 20_100.0;
                let fault = (!fits).then(|| format!("a radius of {kilometres} km is no radius"));
                (std::slice::from_ref(centre), fault)
            }
        };
        let lost = points.iter().find(|point| !point.is_on_earth());
        let lost = lost
            .map(|point| format!("{}, {} is not on the earth", point.latitude, point.longitude));
        fault.or(lost).map_or(Ok(()), |what| Err(QuestionError::invalid(what)))
    }

    /// Whether `point` is in it.
    #[must_use]
    pub fn contains(&self, point: Point) -> bool {
        match self {
            Self::Circle { centre, kilometres } => centre.kilometres_to(point) <= *kilometres,
            Self::Polygon(corners) => encloses(corners, point),
        }
    }
}

/// Whether a line from `point` to the east crosses an odd number of edges.
fn encloses(corners: &[Point], point: Point) -> bool {
    let next = corners.iter().cycle().skip(1);
    let crossed = corners.iter().zip(next).filter(|(from, to)| {
        let is_beside = (from.latitude > point.latitude) != (to.latitude > point.latitude);
        let share = (point.latitude - from.latitude) / (to.latitude - from.latitude);
        is_beside && point.longitude < share.mul_add(to.longitude - from.longitude, from.longitude)
    });
    crossed.count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(latitude: f64, longitude: f64) -> Point {
        Point { latitude, longitude }
    }

    #[test]
    fn a_polygon_holds_what_its_corners_enclose() {
        // An arrow head that points to the east, open in the west.
        let corners = [(0.0, 0.0), (2.0, 4.0), (4.0, 0.0), (2.0, 1.0)];
        let mut corners: Vec<Point> = corners.map(|(north, east)| at(north, east)).to_vec();
        #[rustfmt::skip] // a table is read by column
        let cases = [
            ("in the middle",    2.0, 2.0,  true),
            ("in an arm",        0.5, 0.6,  true),
            ("in the notch",     2.0, 0.5,  false),
            ("beyond the tip",   2.0, 4.1,  false),
            ("to the north",     5.0, 1.0,  false),
            ("level with it",    2.0, -1.0, false),
        ];
        for _ in ["one way round", "and the other"] {
            let region = Region::Polygon(corners.clone());
            for (name, north, east, inside) in cases {
                assert_eq!(region.contains(at(north, east)), inside, "{name}");
            }
            corners.reverse();
        }
    }

    #[test]
    fn a_circle_holds_what_is_near_enough() {
        let berlin = at(52.520_008, 13.404_954);
        let circle = |kilometres| Region::Circle { centre: berlin, kilometres };
        let munich = at(48.137_154, 11.576_124);

        assert!(circle(505.0).contains(munich) && !circle(503.0).contains(munich));
        assert!(circle(0.001).contains(berlin));
        let date_line = Region::Circle { centre: at(0.0, 179.9), kilometres: 30.0 };
        assert!(date_line.contains(at(0.0, -179.9)), "22 km over the date line");
    }

    #[test]
    fn what_is_no_region_is_refused() {
        let circle =
            |latitude, kilometres| Region::Circle { centre: at(latitude, 0.0), kilometres };
        #[rustfmt::skip] // a table is read by column
        let cases = [
            (Region::Polygon(vec![at(0.0, 0.0); 2]),                           "2 corners"),
            (Region::Polygon(vec![at(0.0, 0.0); 1_001]),                       "1001 corners"),
            (Region::Polygon(vec![at(0.0, 0.0), at(0.0, 181.0), at(1.0, 0.0)]), "not on the earth"),
            (circle(91.0, 1.0),      "not on the earth"),
            (circle(0.0, 0.0),       "0 km"),
            (circle(0.0, f64::NAN),  "NaN km"),
        ];
        for (region, reason) in cases {
            let error = region.check().unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
        circle(10.0, 5.0).check().unwrap();
    }
}

//! How values spread, as a picture: an SVG for pages, reports and notebooks.
//!
//! **Invariant:** draws a profile and nothing else, so it shows no more than that says. Its colours can be read on light and on dark
//! paper.

use plotters::drawing::DrawingAreaErrorKind;
use plotters::prelude::{
    ChartBuilder, Color, DrawingBackend, IntoDrawingArea, IntoFont, RGBColor, Rectangle,
    SVGBackend, TRANSPARENT,
};

use super::{Share, SignalProfile};

/// In pixels.
const SIZE: (u32, u32) = (640, 320);
const BAR: RGBColor = RGBColor(46, 125, 208);
const INK: RGBColor = RGBColor(118, 118, 118);

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
#[error("cannot draw how {signal} spreads: {reason}")]
pub struct NotDrawn {
    signal: String,
    reason: String,
}

/// The spread of one signal as bars, with a fainter one at each end for everything beyond.
///
/// # Errors
/// When it can not be drawn.
pub fn distribution(signal: &SignalProfile) -> Result<String, NotDrawn> {
    let mut svg = String::new();
    draw(signal, SVGBackend::with_string(&mut svg, SIZE))
        .map_err(|error| NotDrawn { signal: signal.path.clone(), reason: error.to_string() })?;
    Ok(svg)
}

fn draw<B: DrawingBackend>(
    signal: &SignalProfile,
    backend: B,
) -> Result<(), DrawingAreaErrorKind<B::ErrorType>> {
    let bars = bars(&signal.distribution);
    let left = bars.iter().map(|bar| bar.from).fold(f64::INFINITY, f64::min);
    let right = bars.iter().map(|bar| bar.to).fold(f64::NEG_INFINITY, f64::max);
    let across = if left < right { left..right } else { 0.0..1.0 };
    let highest = bars.iter().map(|bar| bar.percent).fold(1.0, f64::max);

    let paper = backend.into_drawing_area();
    let font = |size: i32| ("sans-serif", size).into_font().color(&INK);
    let caption = match signal.unit.as_str() {
        "none" | "boolean" => signal.path.clone(),
        unit => format!("{} ({unit})", signal.path),
    };
    let mut chart = ChartBuilder::on(&paper)
        .margin(12)
        .caption(caption, font(16))
        .x_label_area_size(28)
        .y_label_area_size(52)
        .build_cartesian_2d(across, 0.0..highest * 1.05)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(INK.mix(0.25))
        .axis_style(INK)
        .label_style(font(12))
        .y_desc("percent of the rows")
        .y_labels(6)
        .x_label_formatter(&|at| label(*at))
        .y_label_formatter(&|at| label(*at))
        .draw()?;
    chart.draw_series(bars.iter().map(|bar| {
        let inset = (bar.to - bar.from) * 0.04;
        let corners = [(bar.from + inset, 0.0), (bar.to - inset, bar.percent)];
        let opacity = if bar.is_open { 0.45 } else { 1.0 };
        Rectangle::new(corners, BAR.mix(opacity).filled())
    }))?;
    paper.present()
}

/// A number of an axis, without the digits that a float makes up.
fn label(at: f64) -> String {
    ((at * 1e6).round() / 1e6).to_string()
}

struct Bar {
    from: f64,
    to: f64,
    percent: f64,
    /// Everything beyond, as wide as the others.
    is_open: bool,
}

fn bars(shares: &[Share]) -> Vec<Bar> {
    let widths = shares.iter().filter_map(|share| Some(share.to? - share.from?));
    let width = widths.fold(f64::INFINITY, f64::min);
    let width = if width.is_finite() { width } else { 1.0 };
    let bar = |share: &Share| {
        let (from, to) = match (share.from, share.to) {
            (Some(from), to) => (from, to.unwrap_or(from + width)),
            (None, to) => (to? - width, to?),
        };
        let per_mille = u32::try_from(share.rows_per_mille).ok()?;
        let is_open = share.from.is_none() || share.to.is_none();
        Some(Bar { from, to, percent: f64::from(per_mille) / 10.0, is_open })
    };
    shares.iter().filter_map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signal(distribution: Vec<Share>) -> SignalProfile {
        SignalProfile {
            path: "Vehicle.Speed".to_owned(),
            unit: "km/h".to_owned(),
            rows: 1_000,
            vehicles: 12,
            usual_step_ms: Some(1_000),
            gaps: 0,
            duplicates: 0,
            distribution,
            hidden_per_mille: 0,
        }
    }

    fn share(from: Option<f64>, to: Option<f64>, rows_per_mille: u64) -> Share {
        Share { from, to, rows_per_mille }
    }

    #[test]
    fn every_share_is_a_bar() {
        let shares = vec![
            share(None, Some(0.0), 10),
            share(Some(0.0), Some(5.0), 600),
            share(Some(5.0), Some(10.0), 380),
            share(Some(10.0), None, 10),
        ];

        let svg = distribution(&signal(shares)).unwrap();

        assert!(svg.contains("Vehicle.Speed (km/h)"), "{svg}");
        assert!(svg.contains("\n8\n") && !svg.contains(".0\n"), "{svg}");
        assert_eq!(svg.matches("fill=\"#2E7DD0\"").count(), 4, "{svg}");
        assert_eq!(svg.matches("opacity=\"0.45\"").count(), 2, "{svg}");
    }

    #[test]
    fn nothing_and_ends_alone_are_drawn_too() {
        for shares in [vec![], vec![share(Some(3.0), None, 7)], vec![share(None, Some(3.0), 7)]] {
            let count = shares.len();
            let svg = distribution(&signal(shares)).unwrap();
            assert_eq!(svg.matches("fill=\"#2E7DD0\"").count(), count);
        }
    }
}

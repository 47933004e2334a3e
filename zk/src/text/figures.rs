//! Bounds on the figures of a summary.
//!
//! The square around a drive is two figures in the circuit and one tile in the text.

use std::collections::BTreeMap;

use telematics::question::{Bounds, NotAQuestion, SummaryBounds};
use telematics::window::Figure;
use telematics::{Place, Signal, Tile};

use super::question::{BoundsText, NotText, QuestionText, bounds_text, ends};

pub(super) fn summary_text(bounds: &SummaryBounds) -> QuestionText {
    let within = within(bounds);
    let stated = Figure::ALL.into_iter().zip(bounds.figures).filter(|(figure, bounds)| {
        *bounds != Bounds::ANY_FIGURE && !(within.is_some() && is_square(*figure))
    });
    let figures = stated.map(|(figure, stated)| {
        let text = bounds_text(stated, Bounds::ANY_FIGURE, decimals(bounds.signal, figure));
        (figure.as_str().to_owned(), text)
    });
    QuestionText::Summary {
        signal: bounds.signal.path().to_owned(),
        period: bounds.period.as_str().to_owned(),
        figures: figures.collect(),
        within: within.map(|tile| tile.to_string()),
    }
}

/// The tile that both ends of the square are bound to, if they are.
fn within(bounds: &SummaryBounds) -> Option<Tile> {
    let mut squares = Figure::ALL.into_iter().zip(bounds.figures);
    let (_, first) = squares.find(|(figure, _)| is_square(*figure))?;
    let (_, last) = squares.find(|(figure, _)| is_square(*figure))?;
    let place = |key| Place::from_quadkey(u64::try_from(key).ok()?);
    let tile = Tile::around(place(first.low())?, place(first.high())?);
    (first == last && Ok(first) == square_bounds(tile)).then_some(tile)
}

const fn is_square(figure: Figure) -> bool {
    matches!(figure, Figure::SquareFirst | Figure::SquareLast)
}

fn square_bounds(tile: Tile) -> Result<Bounds, NotAQuestion> {
    let key = |place: Place| i64::try_from(place.quadkey()).unwrap_or(i64::MAX);
    Bounds::of_figure(key(tile.first()), key(tile.last()))
}

pub(super) fn figure_bounds(
    signal: Signal,
    figures: BTreeMap<String, BoundsText>,
    within: Option<String>,
) -> Result<[Bounds; Figure::COUNT], NotText> {
    let square = within.map(|tile| Ok::<_, NotText>(square_bounds(tile.parse()?)?)).transpose()?;
    let mut bounds = Figure::ALL.map(|figure| match square {
        Some(square) if is_square(figure) => square,
        _ => Bounds::ANY_FIGURE,
    });
    for (name, text) in figures {
        let index = Figure::ALL.iter().position(|figure| figure.as_str() == name);
        let known = index.and_then(|index| Some((Figure::ALL.get(index)?, bounds.get_mut(index)?)));
        let (figure, slot) = known.ok_or(NotText::UnknownFigure { text: name })?;
        let decimals = decimals(signal, *figure);
        let [low, high] = ends(signal, decimals, text, Bounds::ANY_FIGURE)?;
        *slot = Bounds::of_figure(low, high)?;
    }
    Ok(bounds)
}

/// Decimals of a figure: those of the signal for its values, none for counts.
fn decimals(signal: Signal, figure: Figure) -> u8 {
    if figure.is_value() { signal.decimals() } else { 0 }
}

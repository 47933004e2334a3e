//! The forms of logs, told by their content.
//!
//! The first line that is one of a form decides, so a broken line at the front costs nothing; the name
//! of the file says nothing.

use super::asc::Asc;
use super::busmaster::BusMaster;
use super::columns::Columns;
use super::crtd;
use super::csv::Csv;
use super::line::{BrokenLine, Line};
use super::microchip::Microchip;
use super::peak::Peak;
use super::screen::Screen;
use crate::frames::candump;

/// A form, with what the lines so far said.
#[derive(Clone, Debug)]
pub(super) enum Form {
    /// What `candump -l` writes.
    Candump,
    /// What `candump` shows.
    Screen(Screen),
    /// Vector ASC.
    Asc(Asc),
    /// PEAK TRC.
    Peak(Peak),
    /// Of the Open Vehicle Monitoring System.
    Crtd,
    /// CSV with a line of names, `GVRET`'s among them.
    Csv(Csv),
    /// `BUSMASTER`.
    BusMaster(BusMaster),
    /// Microchip's CAN BUS Analyzer.
    Microchip(Microchip),
}

impl Form {
    /// Every form, for messages.
    pub(super) const NAMES: &str = "candump (-l, or as shown), Vector ASC, PEAK TRC, CRTD, GVRET, \
        BUSMASTER, Microchip, or CSV whose first line names the columns (time, id, data)";

    /// The form of the log that begins with `head`, or `None` when no line is of a known one. A log
    /// without anything in it is of the first.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        let head = String::from_utf8_lossy(head);
        let lines = || head.lines().map(str::trim_ascii_end).filter(|line| !line.is_empty());
        if lines().next().is_none() {
            return Some(Self::Candump);
        }
        lines().find_map(Self::of_line).map(|form| match form {
            Self::Screen(_) => Self::Screen(Screen::of(lines())),
            form => form,
        })
    }

    fn of_line(line: &str) -> Option<Self> {
        if matches!(candump::parse_line(line), Ok(Line::Data(..) | Line::Error)) {
            Some(Self::Candump)
        } else if BusMaster::begins(line) {
            Some(Self::BusMaster(BusMaster::default()))
        } else if Peak::begins(line) {
            Some(Self::Peak(Peak::default()))
        } else if Microchip::begins(line) {
            Some(Self::Microchip(Microchip::default()))
        } else if Asc::begins(line) {
            Some(Self::Asc(Asc::default()))
        } else if crtd::begins(line) {
            Some(Self::Crtd)
        } else if Columns::of_head(line).is_some() {
            Some(Self::Csv(Csv::default()))
        } else if Screen::begins(line) {
            Some(Self::Screen(Screen::default()))
        } else {
            None
        }
    }

    /// Reads the next line.
    pub(super) fn parse<'a>(&mut self, line: &'a str) -> Result<Line<'a>, BrokenLine> {
        match self {
            Self::Candump => candump::parse_line(line),
            Self::Screen(form) => form.parse(line),
            Self::Asc(form) => form.parse(line),
            Self::Peak(form) => form.parse(line),
            Self::Crtd => crtd::parse(line),
            Self::Csv(form) => form.parse(line),
            Self::BusMaster(form) => form.parse(line),
            Self::Microchip(form) => form.parse(line),
        }
    }

    /// True for the form of `candump -l`.
    pub(super) const fn is_candump(&self) -> bool {
        matches!(self, Self::Candump)
    }

    /// True when a line says the same whatever was before it.
    pub(super) const fn has_no_memory(&self) -> bool {
        matches!(self, Self::Candump | Self::Crtd)
    }

    /// True when the log does not say when its frames were recorded.
    pub(super) fn is_timeless(head: &[u8]) -> bool {
        let head = String::from_utf8_lossy(head);
        head.lines()
            .find_map(|line| Columns::of_head(line.trim_ascii_end()))
            .is_some_and(|columns| columns.are_timeless())
    }

    /// What people call it.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Candump => "candump -l",
            Self::Screen(_) => "candump",
            Self::Asc(_) => "Vector ASC",
            Self::Peak(_) => "PEAK TRC",
            Self::Crtd => "CRTD",
            Self::Csv(_) => "CSV",
            Self::BusMaster(_) => "BUSMASTER",
            Self::Microchip(_) => "Microchip",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_told_by_the_first_line_that_is_of_one() {
        #[rustfmt::skip] // a table is read by column
        let cases = [
            ("",                                                             Some("candump -l")),
            ("\n\r\n",                                                       Some("candump -l")),
            ("broken\n(1.5) can0 123#00\n",                                  Some("candump -l")),
            ("(1.5) can0 20000004#0008000000000000\n",                       Some("candump -l")),
            (" (1.5)  can0  123   [1]  00\n",                                Some("candump")),
            ("  can0  123   [1]  00\n",                                      Some("candump")),
            ("date Fri Feb 14 08:51:20 am 2020\nbase hex",                   Some("Vector ASC")),
            ("// made by hand\nbase hex  timestamps absolute",               Some("Vector ASC")),
            (";$FILEVERSION=1.1\n",                                          Some("PEAK TRC")),
            ("1.5 R11 123 00\n",                                             Some("CRTD")),
            ("1.5 CXX made by hand\n",                                       Some("CRTD")),
            ("Time Stamp,ID,Extended,Bus,LEN,D1\n",                          Some("CSV")),
            ("***BUSMASTER Ver 3.2.2***\n",                                  Some("BUSMASTER")),
            ("//---\nMicrochip Technology Inc.\n",                           Some("Microchip")),
            ("broken\nbroken\n",                                             None),
            ("\u{1f}\u{8b}\u{0}\n",                                          None),
            ("time,speed\n1,2\n",                                            None),
        ];
        for (head, expected) in cases {
            assert_eq!(Form::of(head.as_bytes()).map(|form| form.name()), expected, "{head}");
        }
    }
}

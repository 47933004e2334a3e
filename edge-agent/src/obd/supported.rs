//! What each computer of a car says that it can be asked.
//!
//! A bit map of 32 for each page: PID 00 tells of 01 to 20, PID 20 of 21 to 40, and so on. The last bit of
//! a page is that of the next page.

use std::collections::BTreeMap;

use crate::frames::CanId;

/// Pages of 32 that there can be.
const PAGES: usize = 8;
/// PIDs of a page.
const PAGE: u8 = 0x20;

/// The bit maps, by service and computer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Supported {
    maps: BTreeMap<(u8, CanId), [u32; PAGES]>,
}

impl Supported {
    /// Keeps what `computer` said about the page that begins at `pid`.
    pub(super) fn note(&mut self, service: u8, computer: CanId, pid: u8, map: [u8; 4]) {
        let pages = self.maps.entry((service, computer)).or_default();
        if let Some(page) = pages.get_mut(usize::from(pid / PAGE)) {
            *page = u32::from_be_bytes(map);
        }
    }

    /// The computer to believe about `pid`: the first that knows it.
    pub(super) fn first(&self, service: u8, pid: u8) -> Option<CanId> {
        let before = pid.checked_sub(1)?;
        let (page, bit) = (usize::from(before / PAGE), 31 - before % PAGE);
        let knows = |pages: &[u32; PAGES]| pages.get(page).is_some_and(|map| map >> bit & 1 == 1);
        let mut computers = self.maps.iter().filter(|((other, _), _)| *other == service);
        computers.find(|(_, pages)| knows(pages)).map(|((_, computer), _)| *computer)
    }

    /// True when `pid` begins a page.
    pub(super) const fn is_page(pid: u8) -> bool {
        pid.is_multiple_of(PAGE)
    }

    /// The page after that of `pid`, if a computer has it.
    pub(super) fn next_page(&self, service: u8, pid: u8) -> Option<u8> {
        let next = pid.checked_add(PAGE)?;
        self.first(service, next).map(|_| next)
    }

    /// How many computers answered.
    pub(super) fn computers(&self) -> usize {
        let ids: std::collections::BTreeSet<_> = self.maps.keys().map(|(_, id)| id).collect();
        ids.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_computer_that_knows_is_believed() {
        let (engine, gearbox) = (CanId::Standard(0x7E8), CanId::Standard(0x7E9));
        let mut supported = Supported::default();
        supported.note(1, gearbox, 0x00, [0x80, 0x18, 0x00, 0x01]);
        supported.note(1, engine, 0x00, [0x00, 0x10, 0x00, 0x00]);
        supported.note(1, gearbox, 0x20, [0x00, 0x00, 0x00, 0x00]);
        #[rustfmt::skip] // a table is read by column
        let cases = [
            (1, 0x01, Some(gearbox)),
            (1, 0x0C, Some(engine)),
            (1, 0x0D, Some(gearbox)),
            (1, 0x0E, None),
            (1, 0x00, None),
            (9, 0x0C, None),
        ];
        for (service, pid, expected) in cases {
            assert_eq!(supported.first(service, pid), expected, "{service:02X} {pid:02X}");
        }
        assert_eq!(supported.next_page(1, 0x00), Some(0x20));
        assert_eq!(supported.next_page(1, 0x20), None);
        assert_eq!(supported.next_page(1, 0xE0), None);
        assert_eq!(supported.computers(), 2);
        assert!(Supported::is_page(0x40) && !Supported::is_page(0x41));
    }
}

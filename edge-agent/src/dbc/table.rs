//! From the identifier of a frame to its number in a list, fast.
//!
//! An 11-bit identifier is an index. 29-bit identifiers, and the parameter groups of J1939, are looked
//! up in a table of open addressing that is at most half full.
//!
//! **Invariant:** a frame's own identifier is preferred to its parameter group. Of several entries with
//! one key the first stays.

use crate::frames::CanId;
use crate::transport::Pgn;

/// Marks an empty place.
const NONE: u32 = u32::MAX;

/// Numbers by identifier.
#[derive(Debug)]
pub(crate) struct IdTable {
    standard: Vec<u32>,
    extended: Hashed,
    groups: Hashed,
}

impl IdTable {
    /// The table of `entries`: an identifier, whether it stands for its whole parameter group, and
    /// its number.
    pub(crate) fn new(entries: impl Iterator<Item = (CanId, bool, u32)> + Clone) -> Self {
        let extended = entries.clone().filter_map(|(id, _, number)| match id {
            CanId::Extended(id) => Some((id, number)),
            CanId::Standard(_) => None,
        });
        let groups = entries.clone().filter_map(|(id, is_group, number)| match id {
            id if is_group => Some((Pgn::of(id)?.number(), number)),
            _ => None,
        });
        let mut standard = vec![NONE; 1 << 11];
        for (id, _, number) in entries {
            if let CanId::Standard(id) = id
                && let Some(place) = standard.get_mut(usize::from(id))
                && *place == NONE
            {
                *place = number;
            }
        }
        Self { standard, extended: Hashed::new(extended), groups: Hashed::new(groups) }
    }

    /// The number of the frames with `id`.
    #[inline]
    pub(crate) fn find(&self, id: CanId) -> Option<usize> {
        let number = match id {
            CanId::Standard(id) => self.standard.get(usize::from(id)).copied().unwrap_or(NONE),
            CanId::Extended(number) => match self.extended.find(number) {
                NONE => Pgn::of(id).map_or(NONE, |group| self.groups.find(group.number())),
                number => number,
            },
        };
        (number != NONE).then(|| usize::try_from(number).ok())?
    }

    /// The number of the parameter group `group`.
    pub(crate) fn find_group(&self, group: u32) -> Option<usize> {
        let number = self.groups.find(group);
        (number != NONE).then(|| usize::try_from(number).ok())?
    }
}

/// Keys and numbers; the length is a power of two.
#[derive(Debug)]
struct Hashed {
    places: Vec<(u32, u32)>,
    shift: u32,
}

impl Hashed {
    fn new(entries: impl Iterator<Item = (u32, u32)>) -> Self {
        let entries: Vec<_> = entries.collect();
        let bits = (entries.len() * 2).next_power_of_two().trailing_zeros().max(1);
        let mut hashed = Self { places: vec![(NONE, NONE); 1 << bits], shift: 32 - bits };
        for (key, number) in entries {
            let place = hashed.place(key);
            if let Some(place) = hashed.places.get_mut(place)
                && place.1 == NONE
            {
                *place = (key, number);
            }
        }
        hashed
    }

    fn find(&self, key: u32) -> u32 {
        self.places.get(self.place(key)).map_or(NONE, |place| place.1)
    }

    /// The place of `key`, or the empty one where it would be.
    #[inline]
    fn place(&self, key: u32) -> usize {
        // Fibonacci hashing: the high bits of a product with 2^32 / golden ratio.
        let hash = key.wrapping_mul(0x9E37_79B9) >> self.shift;
        let mut place = usize::try_from(hash).unwrap_or(0);
        loop {
            match self.places.get(place) {
                Some((found, number)) if *found != key && *number != NONE => place += 1,
                Some(_) => return place,
                None => place = 0,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn table(entries: &[(CanId, bool)]) -> IdTable {
        IdTable::new((0..).zip(entries).map(|(number, (id, group))| (*id, *group, number)))
    }

    #[test]
    fn identifiers_of_one_number_are_two() {
        let table = table(&[(CanId::Standard(0x123), false), (CanId::Extended(0x123), false)]);

        assert_eq!(table.find(CanId::Standard(0x123)), Some(0));
        assert_eq!(table.find(CanId::Extended(0x123)), Some(1));
        assert_eq!(table.find(CanId::Standard(0x124)), None);
        assert_eq!(table.find(CanId::Extended(0x124)), None);
        assert_eq!(table.find(CanId::Standard(u16::MAX)), None);
    }

    #[test]
    fn a_parameter_group_is_found_when_no_identifier_is() {
        let (any, own) = (CanId::Extended(0x0CF0_04FE), CanId::Extended(0x0CF0_0403));
        let table = table(&[(any, true), (own, true), (CanId::Extended(0x18FE_F1FE), false)]);

        assert_eq!(table.find(CanId::Extended(0x18F0_0400)), Some(0));
        assert_eq!(table.find(own), Some(1));
        assert_eq!(table.find(CanId::Extended(0x18FE_F100)), None);
        assert_eq!(table.find_group(0xF004), Some(0));
    }

    #[test]
    fn the_first_of_equal_identifiers_stays() {
        for id in [CanId::Standard(1), CanId::Extended(1)] {
            assert_eq!(table(&[(id, false), (id, false)]).find(id), Some(0));
        }
    }

    proptest! {
        /// The table holds what it was given, and nothing else.
        #[test]
        fn agrees_with_a_map(
            given in prop::collection::hash_set(0..0x2000_0000_u32, 0..300),
            asked in prop::collection::vec(0..0x2000_0000_u32, 50),
        ) {
            let ids: Vec<_> = given.iter().map(|id| (CanId::Extended(*id), false)).collect();
            let table = table(&ids);
            for (number, (id, _)) in ids.iter().enumerate() {
                prop_assert_eq!(table.find(*id), Some(number));
            }
            for id in asked {
                prop_assert_eq!(table.find(CanId::Extended(id)).is_some(), given.contains(&id));
            }
        }
    }
}

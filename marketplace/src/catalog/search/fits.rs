//! Which documents of a segment fit: a bit for each.
//!
//! **Invariant:** the set has as many bits as the segment has documents; what was deleted is in none that begins
//! with [`Fits::alive`].

use tantivy::query::Weight;
use tantivy::{DocId, SegmentReader};

/// Documents in a word of bits.
const BITS: u32 = u64::BITS;

/// A set of documents of one segment.
pub(super) struct Fits {
    words: Vec<u64>,
    documents: DocId,
}

impl Fits {
    /// All documents of the segment that are still there.
    pub(super) fn alive(segment: &SegmentReader) -> Self {
        let mut all = Self::none(segment.max_doc()).complement();
        if let Some(alive) = segment.alive_bitset() {
            let gone = (0..all.documents).filter(|document| alive.is_deleted(*document));
            gone.for_each(|document| all.remove(document));
        }
        all
    }

    /// None of so many documents.
    pub(super) fn none(documents: DocId) -> Self {
        Self { words: vec![0; index(documents.div_ceil(BITS))], documents }
    }

    /// Keeps those that fit `weight` as well.
    pub(super) fn keep(
        &mut self,
        weight: &dyn Weight,
        segment: &SegmentReader,
    ) -> tantivy::Result<()> {
        let mut fitting = Self::none(self.documents);
        weight.for_each_no_score(segment, &mut |documents| {
            for document in documents {
                if let Some(word) = fitting.words.get_mut(index(document / BITS)) {
                    *word |= 1 << (document % BITS);
                }
            }
        })?;
        for (word, other) in self.words.iter_mut().zip(fitting.words) {
            *word &= other;
        }
        Ok(())
    }

    fn remove(&mut self, document: DocId) {
        if let Some(word) = self.words.get_mut(index(document / BITS)) {
            *word &= !(1 << (document % BITS));
        }
    }

    /// How many they are.
    pub(super) fn count(&self) -> u32 {
        self.words.iter().map(|word| word.count_ones()).sum()
    }

    /// Whether they are more than half of all documents.
    pub(super) fn are_most(&self) -> bool {
        self.count() > self.documents / 2
    }

    /// All others, deleted ones too.
    pub(super) fn complement(&self) -> Self {
        let mut words: Vec<u64> = self.words.iter().map(|word| !word).collect();
        let beyond = self.documents % BITS;
        if let Some(last) = words.last_mut().filter(|_| beyond > 0) {
            *last &= (1 << beyond) - 1;
        }
        Self { words, documents: self.documents }
    }

    /// Calls `each` with every document, in order.
    pub(super) fn for_each(&self, mut each: impl FnMut(DocId)) {
        let mut first = 0;
        for word in &self.words {
            let mut left = *word;
            while left != 0 {
                each(first + left.trailing_zeros());
                left &= left - 1;
            }
            first += BITS;
        }
    }
}

/// A number of documents as a place in memory, where all of them are.
pub(super) fn index(document: DocId) -> usize {
    usize::try_from(document).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_and_its_complement_are_everything() {
        for documents in [0, 1, 63, 64, 65, 200] {
            let none = Fits::none(documents);
            let mut all = none.complement();
            assert_eq!((none.count(), all.count()), (0, documents));
            if documents > 1 {
                all.remove(documents - 1);
                let mut rest = Vec::new();
                all.complement().for_each(|document| rest.push(document));
                assert_eq!(rest, [documents - 1]);
                assert_eq!(all.are_most(), documents > 2);
            }
        }
    }
}

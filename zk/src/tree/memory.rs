//! A tree that is kept in memory.

use super::{DEPTH, NodeAt, Nodes, TreeError, append};
use crate::element::{Leaf, Root};

/// A tree in memory: for buckets, downloads and tests.
#[derive(Clone, Debug, Default)]
pub struct MemoryTree {
    pub(super) levels: [Vec<Root>; DEPTH + 1],
}

impl MemoryTree {
    /// Appends `leaves`.
    ///
    /// # Errors
    /// Refused when the tree has no place for so many.
    pub fn append(&mut self, leaves: &[Leaf]) -> Result<(), TreeError<std::convert::Infallible>> {
        let size = self.size();
        for (at, node) in append(self, size, leaves)? {
            if let Some(level) = self.levels.get_mut(usize::from(at.level)) {
                level.push(node);
            }
        }
        Ok(())
    }

    /// Leaves in the tree.
    #[must_use]
    pub fn size(&self) -> u32 {
        self.levels.first().map_or(0, |leaves| u32::try_from(leaves.len()).unwrap_or(u32::MAX))
    }
}

impl Nodes for MemoryTree {
    type Error = std::convert::Infallible;

    fn node(&mut self, at: NodeAt) -> Result<Option<Root>, Self::Error> {
        let level = self.levels.get(usize::from(at.level));
        let index = usize::try_from(at.index).unwrap_or(usize::MAX);
        Ok(level.and_then(|level| level.get(index)).copied())
    }
}

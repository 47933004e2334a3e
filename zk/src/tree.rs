//! The epoch tree: every leaf of an epoch under one root.
//!
//! A tree has [`LEAVES_MAX`] places for leaves, four children to a node and [`DEPTH`] levels of nodes
//! above the leaves. Leaves are appended from the left; empty places are 0.
//!
//! **Invariant: append only.** A node whose leaves are all there is *complete* and never changes again. So the complete
//! nodes are all that has to be kept: the root and the paths of the tree *as it was* at any earlier size
//! follow from them, at the cost of [`DEPTH`] hashes.
//!
//! **Not here:** where nodes are kept. Functions ask for them by [`NodeAt`], and give back the new ones.

mod memory;

use std::sync::LazyLock;

use ark_bn254::Fr;
use ark_ff::Zero as _;

use crate::element::{Leaf, Root};
use crate::poseidon;

pub use memory::MemoryTree;

/// Children of a node.
pub const ARITY: usize = 4;
/// Levels of nodes above the leaves.
pub const DEPTH: usize = 10;
/// Leaves of a full tree: 4^10.
pub const LEAVES_MAX: u32 = 1 << (2 * DEPTH);
/// Levels of nodes below the root of a bucket.
pub const BUCKET_DEPTH: usize = 4;
/// Leaves of a bucket, the least that a path may be asked for: 4^4.
pub const BUCKET_LEAVES: u32 = 1 << (2 * BUCKET_DEPTH);

/// The place of a node: leaves are at level 0, the root at level [`DEPTH`]; `index` counts from the
/// left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeAt {
    /// Levels above the leaves.
    pub level: u8,
    /// Nodes of the level to the left of it.
    pub index: u32,
}

/// Why there is no such tree, root or path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TreeError<E> {
    /// More leaves than the tree has places.
    #[error("{leaves} leaves do not fit into a tree of {LEAVES_MAX}")]
    Full {
        /// How many there would be.
        leaves: u64,
    },
    /// A path to a leaf that is not there.
    #[error("the tree has {size} leaves, so none at position {position}")]
    NoSuchLeaf {
        /// The position asked for.
        position: u32,
        /// Leaves in the tree.
        size: u32,
    },
    /// A complete node that is not kept where it should be.
    #[error("node {index} of level {level} is missing, though all its leaves are there", level = at.level, index = at.index)]
    MissingNode {
        /// Its place.
        at: NodeAt,
    },
    /// Nodes could not be looked up.
    #[error("nodes of the tree could not be read")]
    Lookup(#[source] E),
}

/// From a leaf to the root: the other three children at each level, from the left, lowest level first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// Leaves to the left of it.
    pub position: u32,
    /// The other children of each node on the way.
    pub siblings: [[Root; ARITY - 1]; DEPTH],
}

/// The part of a path above a bucket of leaves, which all of them share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketPath {
    /// Buckets to the left of it.
    pub bucket: u32,
    /// The other children at each level above the bucket's root.
    pub siblings: [[Root; ARITY - 1]; DEPTH - BUCKET_DEPTH],
}

/// Looks up complete nodes.
pub trait Nodes {
    /// Why a lookup failed.
    type Error;

    /// The complete node at `at`, or `None` when it is not kept.
    ///
    /// # Errors
    /// Whatever keeps the nodes may fail.
    fn node(&mut self, at: NodeAt) -> Result<Option<Root>, Self::Error>;
}

/// The nodes that become complete when `leaves` are appended to a tree of `size` leaves, the leaves
/// themselves included, lower levels first.
///
/// # Errors
/// Refused when the tree has no place for so many.
pub fn append<N: Nodes>(
    nodes: &mut N,
    size: u32,
    leaves: &[Leaf],
) -> Result<Vec<(NodeAt, Root)>, TreeError<N::Error>> {
    let after = u64::from(size) + u64::try_from(leaves.len()).unwrap_or(u64::MAX);
    if after > u64::from(LEAVES_MAX) {
        return Err(TreeError::Full { leaves: after });
    }
    let mut added = Vec::with_capacity(leaves.len() + leaves.len() / 2);
    let mut first = size;
    let mut level_nodes: Vec<Fr> = leaves.iter().map(|leaf| leaf.number()).collect();
    for level in 0..=LEVEL_OF_ROOT {
        for (index, number) in (first..).zip(&level_nodes) {
            added.push((NodeAt { level, index }, Root::new(*number)));
        }
        if level == LEVEL_OF_ROOT || level_nodes.is_empty() {
            break;
        }
        // Children that were complete before and wait for the rest of their four.
        let parent = first / FOUR;
        let mut children = Vec::with_capacity(level_nodes.len() + ARITY);
        for index in parent * FOUR..first {
            children.push(complete(nodes, NodeAt { level, index })?);
        }
        children.append(&mut level_nodes);
        let (whole, _) = children.as_chunks::<ARITY>();
        level_nodes = whole.iter().map(poseidon::hash).collect();
        first = parent;
    }
    Ok(added)
}

/// The root of the tree when it had `size` leaves.
///
/// # Errors
/// Refused beyond the size of a full tree, and when complete nodes are missing.
pub fn root<N: Nodes>(nodes: &mut N, size: u32) -> Result<Root, TreeError<N::Error>> {
    node_when(nodes, NodeAt { level: LEVEL_OF_ROOT, index: 0 }, size).map(Root::new)
}

/// The path to the leaf at `position`, in the tree when it had `size` leaves.
///
/// # Errors
/// Refused for a position that had no leaf yet, and when complete nodes are missing.
pub fn path<N: Nodes>(
    nodes: &mut N,
    size: u32,
    position: u32,
) -> Result<Path, TreeError<N::Error>> {
    if position >= size {
        return Err(TreeError::NoSuchLeaf { position, size });
    }
    let siblings = siblings_above(nodes, size, 0, position)?;
    Ok(Path { position, siblings })
}

/// What a car needs besides the leaves of `bucket` to compute the path of any of them, in the tree
/// when it had `size` leaves.
///
/// # Errors
/// Refused for a bucket that had no leaf yet, and when complete nodes are missing.
pub fn bucket_path<N: Nodes>(
    nodes: &mut N,
    size: u32,
    bucket: u32,
) -> Result<BucketPath, TreeError<N::Error>> {
    let position = bucket.saturating_mul(BUCKET_LEAVES);
    if position >= size {
        return Err(TreeError::NoSuchLeaf { position, size });
    }
    let siblings = siblings_above(nodes, size, BUCKET_LEVEL, bucket)?;
    Ok(BucketPath { bucket, siblings })
}

impl BucketPath {
    /// The path of the leaf at `position`, given the bucket's leaves that were there at that size.
    ///
    /// # Errors
    /// Refused when that leaf is not among them.
    pub fn path(
        &self,
        leaves: &[Leaf],
        position: u32,
    ) -> Result<Path, TreeError<std::convert::Infallible>> {
        let size = u32::try_from(leaves.len()).unwrap_or(u32::MAX);
        let within = position.wrapping_sub(self.bucket.saturating_mul(BUCKET_LEAVES));
        if within >= size || size > BUCKET_LEAVES {
            return Err(TreeError::NoSuchLeaf { position, size });
        }
        let mut tree = MemoryTree::default();
        tree.append(leaves)?;
        let below = path(&mut tree, size, within)?.siblings;
        let mut siblings = [[Root::new(Fr::zero()); ARITY - 1]; DEPTH];
        let levels = below.into_iter().take(BUCKET_DEPTH).chain(self.siblings);
        siblings.iter_mut().zip(levels).for_each(|(slot, level)| *slot = level);
        Ok(Path { position, siblings })
    }
}

impl Path {
    /// The root that the path leads to from `leaf`.
    #[must_use]
    pub fn root(&self, leaf: Leaf) -> Root {
        let node = self.siblings.iter().enumerate().fold(leaf.number(), |node, (level, others)| {
            poseidon::hash(&children(node, self.child(level), others.map(Root::number)))
        });
        Root::new(node)
    }

    /// Which of the four children is on the way, at `level`.
    pub(crate) fn child(&self, level: usize) -> u8 {
        u8::try_from(self.position >> (2 * level) & 3).unwrap_or_default()
    }
}

/// `node` as child number `child`, between the others.
pub(crate) fn children(node: Fr, child: u8, others: [Fr; ARITY - 1]) -> [Fr; ARITY] {
    let [a, b, c] = others;
    match child {
        0 => [node, a, b, c],
        1 => [a, node, b, c],
        2 => [a, b, node, c],
        _ => [a, b, c, node],
    }
}

#[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "10, in a constant")]
const LEVEL_OF_ROOT: u8 = DEPTH as u8;
#[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "4, in a constant")]
const BUCKET_LEVEL: u8 = BUCKET_DEPTH as u8;
const FOUR: u32 = 4;

/// A node that must be complete.
fn complete<N: Nodes>(nodes: &mut N, at: NodeAt) -> Result<Fr, TreeError<N::Error>> {
    let node = nodes.node(at).map_err(TreeError::Lookup)?;
    node.map(Root::number).ok_or(TreeError::MissingNode { at })
}

/// The node at `at` when the tree had `size` leaves.
fn node_when<N: Nodes>(nodes: &mut N, at: NodeAt, size: u32) -> Result<Fr, TreeError<N::Error>> {
    if size > LEAVES_MAX {
        return Err(TreeError::Full { leaves: size.into() });
    }
    let leaves = 1_u64 << (2 * at.level);
    let first = u64::from(at.index) * leaves;
    if first + leaves <= u64::from(size) {
        return complete(nodes, at);
    }
    if first >= u64::from(size) {
        return Ok(empty(at.level));
    }
    let mut four = [Fr::zero(); ARITY];
    for (index, child) in (at.index * FOUR..).zip(&mut four) {
        *child = node_when(nodes, NodeAt { level: at.level - 1, index }, size)?;
    }
    Ok(poseidon::hash(&four))
}

/// The siblings on the way from node `index` of `level` up to the root.
fn siblings_above<N: Nodes, const LEVELS: usize>(
    nodes: &mut N,
    size: u32,
    level: u8,
    index: u32,
) -> Result<[[Root; ARITY - 1]; LEVELS], TreeError<N::Error>> {
    let mut siblings = [[Root::new(Fr::zero()); ARITY - 1]; LEVELS];
    for ((level, index), slot) in (level..).zip(ancestors(index)).zip(&mut siblings) {
        let others = (index / FOUR * FOUR..).take(ARITY).filter(|other| *other != index);
        for (other, sibling) in others.zip(slot) {
            *sibling = Root::new(node_when(nodes, NodeAt { level, index: other }, size)?);
        }
    }
    Ok(siblings)
}

fn ancestors(index: u32) -> impl Iterator<Item = u32> {
    std::iter::successors(Some(index), |index| Some(index / FOUR))
}

/// A node none of whose leaves are there.
fn empty(level: u8) -> Fr {
    /// By level. Derived once: constants in all but name.
    static EMPTY: LazyLock<[Fr; DEPTH + 1]> = LazyLock::new(|| {
        let mut above = Fr::zero();
        std::array::from_fn(|_| {
            let node = above;
            above = poseidon::hash(&[node; ARITY]);
            node
        })
    });
    EMPTY.get(usize::from(level)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn leaves(count: u32) -> Vec<Leaf> {
        (1..=count).map(|number| Leaf::new(Fr::from(number))).collect()
    }

    /// The root by the definition: all nodes of all levels, from all leaves.
    fn root_by_definition(leaves: &[Leaf]) -> Root {
        let mut level: Vec<Fr> = leaves.iter().map(|leaf| leaf.number()).collect();
        let mut empty = Fr::zero();
        for _ in 0..DEPTH {
            let node = |four: &[Fr]| {
                poseidon::hash::<ARITY>(&std::array::from_fn(|index| {
                    *four.get(index).unwrap_or(&empty)
                }))
            };
            let above: Vec<Fr> = level.chunks(ARITY).map(node).collect();
            level = above;
            empty = poseidon::hash(&[empty; ARITY]);
        }
        Root::new(level.first().copied().unwrap_or(empty))
    }

    #[test]
    fn a_tree_has_the_root_of_its_definition() {
        for count in [0, 1, 3, 4, 5, 16, 17, 70, 256, 300] {
            let mut tree = MemoryTree::default();
            tree.append(&leaves(count)).unwrap();
            assert_eq!(root(&mut tree, count), Ok(root_by_definition(&leaves(count))), "{count}");
        }
    }

    #[test]
    fn earlier_roots_and_paths_stay_provable_while_others_append() {
        let mut tree = MemoryTree::default();
        tree.append(&leaves(300)).unwrap();
        for size in [1, 2, 5, 63, 64, 65, 255, 256, 257] {
            let expected = root_by_definition(&leaves(size));
            assert_eq!(root(&mut tree, size), Ok(expected));
            for position in [0, size / 2, size - 1] {
                let path = path(&mut tree, size, position).unwrap();
                assert_eq!(path.root(Leaf::new(Fr::from(position + 1))), expected);
                let bucket = bucket_path(&mut tree, size, position / BUCKET_LEAVES).unwrap();
                let first = bucket.bucket * BUCKET_LEAVES;
                let there: Vec<_> = leaves(size).split_off(usize::try_from(first).unwrap());
                let there = &there[..there.len().min(256)];
                assert_eq!(bucket.path(there, position), Ok(path), "{position} of {size}");
            }
        }
    }

    #[test]
    fn what_is_not_in_the_tree_has_no_path() {
        let mut tree = MemoryTree::default();
        tree.append(&leaves(5)).unwrap();

        let refusal = TreeError::NoSuchLeaf { position: 5, size: 5 };
        assert_eq!(path(&mut tree, 5, 5), Err(refusal.clone()));
        let refusal = TreeError::NoSuchLeaf { position: 256, size: 5 };
        assert_eq!(bucket_path(&mut tree, 5, 1), Err(refusal));
        let path = path(&mut tree, 5, 2).unwrap();
        assert_ne!(path.root(Leaf::new(Fr::from(9))), root(&mut tree, 5).unwrap());
        assert!(bucket_path(&mut tree, 5, 0).unwrap().path(&leaves(5), 5).is_err());
    }

    #[test]
    fn a_full_tree_and_a_damaged_one_are_said_to_be() {
        let mut tree = MemoryTree::default();
        let error = append(&mut tree, LEAVES_MAX, &leaves(1)).unwrap_err();
        assert_eq!(error, TreeError::Full { leaves: u64::from(LEAVES_MAX) + 1 });

        tree.append(&leaves(5)).unwrap();
        tree.levels[1].clear();
        let at = NodeAt { level: 1, index: 0 };
        assert_eq!(root(&mut tree, 5), Err(TreeError::MissingNode { at }));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        /// However the leaves are cut into batches, the nodes are the same.
        #[test]
        fn batches_make_no_difference(cuts in prop::collection::vec(0..40_u32, 1..6)) {
            let total = cuts.iter().sum();
            let (mut parts, mut whole) = (MemoryTree::default(), MemoryTree::default());
            let mut rest = leaves(total);
            for cut in cuts {
                let after = rest.split_off(usize::try_from(cut).unwrap());
                parts.append(&rest).unwrap();
                rest = after;
            }
            whole.append(&leaves(total)).unwrap();

            prop_assert_eq!(parts.levels, whole.levels);
        }
    }
}

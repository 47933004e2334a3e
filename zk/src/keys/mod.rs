//! Proving and verifying keys of the circuits.
//!
//! A key comes from a file that is pinned by its hash, or is made by [`development()`], from a seed that is
//! published: with such keys **anyone can forge**, they are recognised wherever they turn up, and whoever loads
//! keys says whether he takes them. Nothing makes keys silently.
//!
//! **Invariant:** a [`VerifyingKey`] has passed every rule of `lint.rs`, whoever made it; a [`ProvingKey`]
//! contains one.

mod development;
mod folder;
mod key;
mod lint;
mod manifest;
mod pinned;
mod write;

#[cfg(test)]
pub(crate) use development::from_seed;
pub use development::{NoKey, development, is_development};
pub use folder::{Allow, Folder, FolderError};
pub use key::{NotAKey, ProvingKey, VerifyingKey};
pub use lint::Flaw;
pub use manifest::{Entry, Manifest, Origin};
pub use write::write;

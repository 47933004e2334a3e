//! What the `zk` program does, one file a subcommand.

pub(crate) mod ceremony;
pub(crate) mod circuit;
mod key_files;
pub(crate) mod node;
pub(crate) mod solidity;

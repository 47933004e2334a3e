//! The tree of one epoch, as its functions look nodes up.

use zk::Root;
use zk::tree::{NodeAt, Nodes};

use super::{EpochsError, queries};
use crate::db::Conn;

/// The nodes of an epoch in the database.
pub(super) struct Stored<'a> {
    pub(super) conn: &'a mut Conn,
    pub(super) epoch: u32,
}

impl Nodes for Stored<'_> {
    type Error = EpochsError;

    fn node(&mut self, at: NodeAt) -> Result<Option<Root>, EpochsError> {
        queries::node(self.conn, self.epoch, at)
    }
}

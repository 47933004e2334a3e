//! Named places between two steps of a job or a sale, at which a test lets the process die.
//!
//! `AXLE_FAILPOINT=flush-committed marketplace serve` aborts where it says: nothing is dropped, flushed
//! or answered, as after `kill -9`. A release build does not read the variable.
//!
//! A variable, and not a feature of the crate: the tests then try the program that they build anyway,
//! and one place at a time is all they need.

/// A place behind one step and before the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failpoint {
    /// Batches were read from the archive.
    FlushRead,
    /// They were decoded.
    FlushDecoded,
    /// Their rows are in files, which no commit names yet.
    FlushWritten,
    /// The commit that names the files is in the log.
    FlushCommitted,
    /// What the commit brought is known.
    FlushMeasured,
    /// Small files are about to be merged.
    CompactionBegun,
    /// They were merged.
    CompactionCommitted,
    /// Datasets were described.
    FlushDescribed,
    /// The index was made.
    FlushIndexed,
    /// What is over left the newest version of the lake.
    RetentionDeleted,
    /// Payloads and latest values that are over left the database.
    RetentionCut,
    /// The files of the database were cleaned.
    RetentionScrubbed,
    /// Files that nobody needs are about to be looked for.
    VacuumBegun,
    /// They were removed.
    VacuumDeleted,
    /// The lake's log has a checkpoint.
    VacuumCheckpointed,
    /// What nobody needs of it is gone.
    VacuumCut,
    /// A vehicle's records were deleted from the database.
    ErasureRecords,
    /// No row of the lake is the vehicle's.
    ErasureDeleted,
    /// No file of the lake has one.
    ErasureVacuumed,
    /// The lake's log begins anew.
    ErasureCheckpointed,
    /// The log before is gone.
    ErasureCleaned,
    /// The files of the database were cleaned.
    ErasureScrubbed,
    /// An order is written, and not paid.
    PurchaseOrdered,
    /// Its price is in escrow.
    PurchasePosted,
    /// The answer is kept, and nothing committed.
    AnswerKept,
    /// All of it is committed, and the buyer was not told.
    AnswerCommitted,
    /// The file of an order has its name.
    DeliveryWritten,
    /// Owners and market have their shares, and nothing is committed.
    DeliverySettled,
    /// All of it is committed.
    DeliveryCommitted,
}

impl Failpoint {
    /// What a turn of the jobs reaches, in that order.
    pub const TURN: [Self; 22] = [
        Self::FlushRead,
        Self::FlushDecoded,
        Self::FlushWritten,
        Self::FlushCommitted,
        Self::FlushMeasured,
        Self::CompactionBegun,
        Self::CompactionCommitted,
        Self::FlushDescribed,
        Self::FlushIndexed,
        Self::RetentionDeleted,
        Self::RetentionCut,
        Self::RetentionScrubbed,
        Self::VacuumBegun,
        Self::VacuumDeleted,
        Self::VacuumCheckpointed,
        Self::VacuumCut,
        Self::ErasureRecords,
        Self::ErasureDeleted,
        Self::ErasureVacuumed,
        Self::ErasureCheckpointed,
        Self::ErasureCleaned,
        Self::ErasureScrubbed,
    ];

    /// What a sale reaches, in that order.
    pub const SALE: [Self; 7] = [
        Self::PurchaseOrdered,
        Self::PurchasePosted,
        Self::AnswerKept,
        Self::AnswerCommitted,
        Self::DeliveryWritten,
        Self::DeliverySettled,
        Self::DeliveryCommitted,
    ];

    /// The variable that says where to die.
    pub const VARIABLE: &str = "AXLE_FAILPOINT";

    /// What the variable has to say for this place.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::FlushRead => "flush-read",
            Self::FlushDecoded => "flush-decoded",
            Self::FlushWritten => "flush-written",
            Self::FlushCommitted => "flush-committed",
            Self::FlushMeasured => "flush-measured",
            Self::CompactionBegun => "compaction-begun",
            Self::CompactionCommitted => "compaction-committed",
            Self::FlushDescribed => "flush-described",
            Self::FlushIndexed => "flush-indexed",
            Self::RetentionDeleted => "retention-deleted",
            Self::RetentionCut => "retention-cut",
            Self::RetentionScrubbed => "retention-scrubbed",
            Self::VacuumBegun => "vacuum-begun",
            Self::VacuumDeleted => "vacuum-deleted",
            Self::VacuumCheckpointed => "vacuum-checkpointed",
            Self::VacuumCut => "vacuum-cut",
            Self::ErasureRecords => "erasure-records",
            Self::ErasureDeleted => "erasure-deleted",
            Self::ErasureVacuumed => "erasure-vacuumed",
            Self::ErasureCheckpointed => "erasure-checkpointed",
            Self::ErasureCleaned => "erasure-cleaned",
            Self::ErasureScrubbed => "erasure-scrubbed",
            Self::PurchaseOrdered => "purchase-ordered",
            Self::PurchasePosted => "purchase-posted",
            Self::AnswerKept => "answer-kept",
            Self::AnswerCommitted => "answer-committed",
            Self::DeliveryWritten => "delivery-written",
            Self::DeliverySettled => "delivery-settled",
            Self::DeliveryCommitted => "delivery-committed",
        }
    }

    /// Dies here, in a debug build whose environment says so.
    pub fn reach(self) {
        let here = || std::env::var_os(Self::VARIABLE).is_some_and(|name| name == self.name());
        if cfg!(debug_assertions) && here() {
            std::process::abort();
        }
    }
}

//! Named places between two steps of a job, at which a test lets the process die.
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
}

impl Failpoint {
    /// All, in the order in which a turn reaches them.
    pub const ALL: [Self; 22] = [
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

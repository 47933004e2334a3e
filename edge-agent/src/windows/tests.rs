//! Tests of the committer.

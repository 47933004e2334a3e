//! The status as text: one line a fact.

use std::io::{self, Write};

use telematics::{Signal, Timestamp};

use super::{age, alarm, answered, earned, in_words};
use crate::live;
use crate::status::{Status, tokens};

/// Prints `status` as it is at `now`.
pub(super) fn print(status: &Status, now: Timestamp, out: &mut impl Write) -> io::Result<()> {
    if let Some(alarm) = alarm(status, now) {
        writeln!(out, "{alarm}\n")?;
    }
    for (name, value) in facts(status, now) {
        writeln!(out, "{name:<22}{value}")?;
    }
    for count in &status.groups {
        let what = in_words(&count.disclosure);
        writeln!(out, "group {:<16}{what}, {} samples in this run", count.group, count.samples)?;
    }
    for row in &status.live {
        let value = match (Signal::by_path(&row.path), row.value) {
            (Ok(signal), Some(value)) => live::text(signal, value),
            _ => "not written down".to_owned(),
        };
        let age = age(&row.seen_at, now);
        writeln!(out, "{} = {value} ({age} ago, {})", row.path, in_words(&row.disclosure))?;
    }
    Ok(())
}

fn facts(status: &Status, now: Timestamp) -> Vec<(&'static str, String)> {
    let yes = |flag| if flag { "yes" } else { "no" }.to_owned();
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
    let receipt = status.last_receipt.as_ref();
    let mut facts = vec![
        ("vehicle", status.vehicle_id.clone()),
        ("certificate until", status.certificate_expires_at.clone()),
        ("consent version", status.consent_version.to_string()),
        ("connected", yes(status.connected)),
        ("done", yes(status.done)),
    ];
    facts.extend(counts(status));
    facts.extend([
        ("batches waiting", format!("{} ({} bytes)", status.batches_pending, status.bytes_pending)),
        ("last receipt", receipt.map_or("none".to_owned(), |r| format!("{} ago", age(&r.at, now)))),
        ("tokens earned", earned(status, now)),
        ("kept for proofs", format!("{} ({} in a tree)", status.proofs_kept, status.proofs_placed)),
        ("campaigns answered", answered(status)),
        ("of that yours now", tokens(status.claims_swept_micro_tokens)),
        ("claims waiting", status.claims_waiting.to_string()),
        ("claims refused", status.claims_refused.to_string()),
        ("last claim error", or_none(&status.last_claim_error)),
        ("last error", or_none(&status.last_error)),
        ("as of", status.updated_at.clone()),
    ]);
    facts
}

fn counts(status: &Status) -> Vec<(&'static str, String)> {
    let counters = &status.counters;
    let rows = [
        ("frames read", counters.frames_read),
        ("frames dropped", counters.frames_dropped),
        ("frames lost", counters.frames_lost),
        ("broken lines", counters.broken_lines),
        ("error frames", counters.error_frames),
        ("bus interruptions", counters.bus_interruptions),
        ("messages incomplete", counters.messages_incomplete),
        ("samples decoded", counters.samples_decoded),
        ("  shared", counters.samples_shared),
        ("  too precise", counters.samples_withheld),
        ("  proven", counters.samples_proven),
        ("  kept by consent", counters.samples_kept),
        ("out of range", counters.samples_out_of_range),
        ("windows committed", counters.windows_committed),
        ("summaries committed", counters.summaries_committed),
        ("too large to commit", counters.commitments_too_large),
        ("batches sealed", counters.batches_sealed),
        ("batches acknowledged", status.batches_acknowledged),
        ("samples acknowledged", status.samples_acknowledged),
        ("bytes acknowledged", status.bytes_acknowledged),
        ("batches lost", status.batches_lost),
        ("samples lost", status.samples_lost),
    ];
    rows.map(|(name, number)| (name, number.to_string())).to_vec()
}

//! The measurements as a table.

use std::io::Write;

use comfy_table::{CellAlignment, Table, presets};

use super::measure::Measured;
use crate::commands::keys::megabytes;
use crate::commands::peers::Peer;

/// Writes a column for each circuit.
pub(super) fn write(measured: &[Measured], out: &mut impl Write) -> anyhow::Result<()> {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_FULL_CONDENSED);
    table.set_header(std::iter::once("").chain(measured.iter().map(|each| each.circuit)));
    ours(measured, &mut table);
    others(measured, &mut table);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    writeln!(out, "{table}")?;
    Ok(())
}

fn ours(measured: &[Measured], table: &mut Table) {
    let mut row = |name: String, cell: &dyn Fn(&Measured) -> String| {
        table.add_row(std::iter::once(name).chain(measured.iter().map(cell)));
    };
    row("constraints".into(), &|each| each.constraints.to_string());
    row("public inputs".into(), &|each| each.public_inputs.to_string());
    row("proving key".into(), &|each| format!("{:.1} MB", megabytes(each.proving_key_bytes)));
    row("verifying key".into(), &|each| format!("{} B", each.verifying_key_bytes));
    row("prove, 1 thread".into(), &|each| format!("{:.0} ms", each.prove_one_thread_ms));
    row("prove, 2 threads".into(), &|each| format!("{:.0} ms", each.prove_two_threads_ms));
    row("from a witness, 2 threads".into(), &|each| {
        format!("{:.0} ms", each.prove_witness_two_threads_ms)
    });
    row("peak memory".into(), &|each| {
        let bytes = usize::try_from(each.peak_memory_bytes).unwrap_or(usize::MAX);
        format!("{:.0} MB", megabytes(bytes))
    });
    row("decode one, 1 thread".into(), &|each| format!("{:.3} ms", each.decode_ms));
    row("verify one, 1 thread".into(), &|each| format!("{:.2} ms", each.verify_ms));
    for (index, size) in super::measure::BATCHES.into_iter().enumerate() {
        row(format!("verify in batches of {size}, 1 thread"), &|each| {
            each.batches.get(index).map_or_else(String::new, |batch| rate(batch.verify_ms_a_proof))
        });
        row(format!("decode and verify in batches of {size}, 1 thread"), &|each| {
            let batch = each.batches.get(index);
            batch.map_or_else(String::new, |batch| rate(batch.decode_and_verify_ms_a_proof))
        });
    }
}

/// Other provers, each time beside the one of ours that does the same work.
fn others(measured: &[Measured], table: &mut Table) {
    let peers = measured.first().map(|each| each.peers.as_slice()).unwrap_or_default();
    for (index, peer) in peers.iter().enumerate() {
        let mut row = |what: &str, cell: fn(&Peer, &Measured) -> String| {
            let cell = |each: &Measured| {
                each.peers.get(index).map_or_else(String::new, |peer| cell(peer, each))
            };
            let name = what.replace("{}", peer.name);
            table.add_row(std::iter::once(name).chain(measured.iter().map(cell)));
        };
        row("prove, {}", |peer, each| compared(peer.prove_ms, each.prove_witness_two_threads_ms));
        row("prove, {}'s command", |peer, each| {
            compared(peer.prove_command_ms, each.prove_two_threads_ms)
        });
        row("verify one, {}", |peer, each| {
            peer.verify_ms.map_or_else(String::new, |ms| compared(ms, each.verify_ms))
        });
        row("verify one, {}'s command", |peer, each| {
            compared(peer.verify_command_ms, each.verify_ms)
        });
    }
}

/// A time of another tool, and how many times ours it is. Proving is held against two threads: in a
/// warm process from a witness, as a command from the statement.
fn compared(theirs_ms: f64, ours_ms: f64) -> String {
    format!("{theirs_ms:.0} ms, {:.1} x", theirs_ms / ours_ms)
}

fn rate(ms_a_proof: f64) -> String {
    format!("{ms_a_proof:.3} ms a proof, {:.0}/s", 1e3 / ms_a_proof)
}

//! The measurements of one circuit.

use std::time::Instant;

use anyhow::Context as _;
use serde::Serialize;

use crate::commands::peers::Peer;
use crate::{ClaimCircuit, Proof, Prover, Statement, groth16, testing};

/// Sizes of the batches that are verified.
pub(super) const BATCHES: [usize; 3] = [16, 256, 1_024];

/// Different proofs that batches are made of.
const PROOFS: usize = 4;

/// What one circuit costs. Times are medians, in milliseconds.
#[derive(Debug, Serialize)]
pub(super) struct Measured {
    pub(super) circuit: &'static str,
    pub(super) constraints: usize,
    pub(super) public_inputs: usize,
    pub(super) proving_key_bytes: usize,
    pub(super) verifying_key_bytes: usize,
    pub(super) prove_one_thread_ms: f64,
    pub(super) prove_two_threads_ms: f64,
    /// Two threads, from a finished witness: what other provers do.
    pub(super) prove_witness_two_threads_ms: f64,
    pub(super) peak_memory_bytes: u64,
    pub(super) decode_ms: f64,
    pub(super) verify_ms: f64,
    pub(super) batches: Vec<Batch>,
    /// Other provers, when asked for.
    pub(super) peers: Vec<Peer>,
}

/// What a proof costs in a batch, verified in one thread.
#[derive(Debug, Serialize)]
pub(super) struct Batch {
    pub(super) size: usize,
    pub(super) verify_ms_a_proof: f64,
    pub(super) decode_and_verify_ms_a_proof: f64,
}

/// Measures proving in one thread and in two, and verifying in one.
pub(super) fn measure(prover: &Prover, peak: u64, runs: u32) -> anyhow::Result<Measured> {
    let (statement, witness) = testing::honest(prover.circuit());
    let prove =
        || prover.prove(&statement, &witness, &mut rand::rng()).map_err(anyhow::Error::from);
    let prove_in = |threads| in_threads(threads, || median_ms(runs, || prove().map(drop)));
    let (prove_one_thread_ms, prove_two_threads_ms) = (prove_in(1)?, prove_in(2)?);
    let assignment = groth16::assignment(ClaimCircuit::new(&statement, &witness)?)?;
    let prove_witness_two_threads_ms = in_threads(2, || {
        median_ms(runs, || {
            prover.prove_assignment(&assignment, &mut rand::rng());
            Ok(())
        })
    })?;
    let proofs = (0..PROOFS).map(|_| prove()).collect::<anyhow::Result<Vec<_>>>()?;
    in_threads(1, || {
        let first = proofs.first().context("there are proofs")?;
        let bytes = first.to_bytes();
        Ok(Measured {
            circuit: prover.circuit().name(),
            constraints: prover.matrices().constraints(),
            public_inputs: prover.circuit().public_inputs(),
            proving_key_bytes: prover.key().to_bytes().len(),
            verifying_key_bytes: prover.key().verifying().to_bytes().len(),
            prove_one_thread_ms,
            prove_two_threads_ms,
            prove_witness_two_threads_ms,
            peak_memory_bytes: peak,
            decode_ms: median_ms(runs, || {
                Proof::from_bytes(&bytes)?;
                Ok(())
            })?,
            verify_ms: median_ms(runs, || {
                prover.verifier().verify(&statement, first)?;
                Ok(())
            })?,
            batches: batches(prover, &statement, &proofs, runs)?,
            peers: Vec::new(),
        })
    })
}

fn batches(
    prover: &Prover,
    statement: &Statement,
    proofs: &[Proof],
    runs: u32,
) -> anyhow::Result<Vec<Batch>> {
    let bytes: Vec<_> = proofs.iter().map(Proof::to_bytes).collect();
    let verifier = prover.verifier();
    let mut measured = Vec::new();
    for size in BATCHES {
        let decoded: Vec<_> =
            proofs.iter().cycle().take(size).map(|proof| (statement, proof)).collect();
        let received: Vec<_> =
            bytes.iter().cycle().take(size).map(|bytes| (statement, bytes.as_slice())).collect();
        let verify =
            median_ms(runs, || all_hold(verifier.verify_batch(&decoded, &mut rand::rng())))?;
        let decode_and_verify =
            median_ms(runs, || all_hold(verifier.verify_received(&received, &mut rand::rng())))?;
        let proofs = f64::from(u32::try_from(size)?);
        measured.push(Batch {
            size,
            verify_ms_a_proof: verify / proofs,
            decode_and_verify_ms_a_proof: decode_and_verify / proofs,
        });
    }
    Ok(measured)
}

fn all_hold(verdicts: Vec<Result<(), crate::Refused>>) -> anyhow::Result<()> {
    Ok(verdicts.into_iter().collect::<Result<(), _>>()?)
}

/// Does `work` in a pool of so many threads.
fn in_threads<T: Send>(
    threads: usize,
    work: impl FnOnce() -> anyhow::Result<T> + Send,
) -> anyhow::Result<T> {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build()?.install(work)
}

/// The median time of `work`, once more than measured so that caches are warm.
fn median_ms(runs: u32, mut work: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<f64> {
    work()?;
    let mut times = Vec::new();
    for _ in 0..runs {
        let started = Instant::now();
        work()?;
        times.push(started.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().context("nothing was measured")
}

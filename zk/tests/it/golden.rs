//! Golden claims: one of each circuit, proven once and kept in `golden.jsonl`.
//!
//! They fix everything between words and bytes: encodings, hashes, circuits, keys, the proof's form. What
//! makes them fail makes every claim worthless that is out there, so it takes new circuits with new names.

use std::sync::Arc;

use zk::keys::development;
use zk::text::ClaimFile;
use zk::{Circuit, Prover, testing};

const GOLDEN: &str = include_str!("golden.jsonl");

#[test]
fn claims_of_yesterday_verify_and_are_made_again_byte_for_byte() {
    let mut made = Vec::new();
    for circuit in Circuit::ALL {
        let prover = Prover::new(circuit, Arc::new(development(circuit).unwrap())).unwrap();
        let (statement, witness) = testing::honest(circuit);
        let proof = prover.prove(&statement, &witness, &mut testing::rng(1)).unwrap();
        let key = prover.verifier().key().fingerprint().to_string();
        made.push(serde_json::to_string(&ClaimFile::new(&statement, &key, &proof)).unwrap());

        for claim in GOLDEN.lines().map(|line| serde_json::from_str::<ClaimFile>(line).unwrap()) {
            let (stated, proof) = claim.open().unwrap();
            if stated.circuit() == circuit {
                assert_eq!(stated, statement, "{circuit}");
                assert_eq!(prover.verifier().verify(&stated, &proof), Ok(()), "{circuit}");
            }
        }
    }
    assert!(made == GOLDEN.lines().collect::<Vec<_>>(), "now:\n{}", made.join("\n"));
}

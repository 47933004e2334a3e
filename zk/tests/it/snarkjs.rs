//! snarkjs and we accept each other's proofs, and refuse the same ones.

use std::sync::Arc;

use ark_bn254::Fr;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use zk::ceremony::{Layout, Zkey, json, wtns};
use zk::groth16::assignment;
use zk::{Circuit, ClaimCircuit, Prover};

use crate::fixture::{CEREMONY, claim, prove, verifies};

#[test]
#[ignore = "needs node and snarkjs"]
fn snarkjs_accepts_our_proof_and_refuses_another_input() {
    let (_, inputs) = claim();
    let key = CEREMONY.key();
    CEREMONY.write("our_key.json", json::write_verifying_key(&key.vk));
    CEREMONY.write("our_proof.json", json::write_proof(&prove(&key)));
    CEREMONY.write("our_public.json", json::write_public(&inputs));
    CEREMONY.write("flipped.json", json::write_public(&[inputs[0], inputs[1] + Fr::from(1_u64)]));
    let verify = |public: &str| {
        CEREMONY.snarkjs(&format!("groth16 verify our_key.json {public} our_proof.json"))
    };

    assert!(verify("our_public.json").unwrap().contains("OK!"));
    assert!(verify("flipped.json").unwrap_err().contains("Invalid proof"));
}

/// With a key that we wrote, so that the `.zkey` of our own setup is tried as well.
#[test]
#[ignore = "needs node and snarkjs"]
fn we_accept_the_proof_of_snarkjs_and_refuse_another_input() {
    let (circuit, inputs) = claim();
    let key = CEREMONY.key();
    let layout = Layout::of(circuit).unwrap();
    CEREMONY.write("ours.zkey", Zkey::of(key.clone(), &layout).write());
    CEREMONY.write("claim.wtns", wtns::write(&assignment(circuit).unwrap()));

    CEREMONY.snarkjs("wtns check circuit.r1cs claim.wtns").unwrap();
    CEREMONY.snarkjs("groth16 prove ours.zkey claim.wtns proof.json public.json").unwrap();

    let text = |file| String::from_utf8(CEREMONY.read(file)).unwrap();
    let proof = json::read_proof(&text("proof.json")).unwrap();
    assert_eq!(json::read_public(&text("public.json"), 2).unwrap(), inputs);
    assert!(verifies(&key, &inputs, &proof));
    assert!(!verifies(&key, &[inputs[0], inputs[1] + Fr::from(1_u64)], &proof));
}

#[test]
#[ignore = "needs node and snarkjs"]
fn snarkjs_says_that_a_false_witness_is_one() {
    let (circuit, _) = claim();
    let mut values = assignment(circuit).unwrap();
    values[3] += Fr::from(1_u64);
    CEREMONY.write("false.wtns", wtns::write(&values));

    assert!(CEREMONY.snarkjs("wtns check circuit.r1cs false.wtns").is_err());
}

/// The circuits of the product, their prover and their verifier, under development keys.
#[test]
#[ignore = "needs node and snarkjs"]
fn claims_of_the_product_go_both_ways() {
    for circuit in Circuit::ALL {
        goes_both_ways(circuit);
    }
}

fn goes_both_ways(circuit: Circuit) {
    let (statement, witness) = zk::testing::honest(circuit);
    let key = zk::keys::development(circuit).unwrap();
    let prover = Prover::new(circuit, Arc::new(key)).unwrap();
    let key = prover.key().points();
    let layout = Layout::of(ClaimCircuit::blank(circuit)).unwrap();
    let values = assignment(ClaimCircuit::new(&statement, &witness).unwrap()).unwrap();
    let mut other = statement.public_inputs();
    other[2] -= Fr::from(1_u64);

    let ours = prover.prove(&statement, &witness, &mut StdRng::seed_from_u64(2)).unwrap();
    CEREMONY.write("claim_key.json", json::write_verifying_key(&key.vk));
    CEREMONY.write("claim_proof.json", json::write_proof(&ours));
    CEREMONY.write("claim_public.json", json::write_public(&statement.public_inputs()));
    CEREMONY.write("claim_other.json", json::write_public(&other));
    let verify = |public: &str| {
        CEREMONY.snarkjs(&format!("groth16 verify claim_key.json {public} claim_proof.json"))
    };
    assert!(verify("claim_public.json").unwrap().contains("OK!"));
    assert!(verify("claim_other.json").unwrap_err().contains("Invalid proof"));

    CEREMONY.write("claim.zkey", Zkey::of(key.clone(), &layout).write());
    CEREMONY.write("product.wtns", wtns::write(&values));
    CEREMONY
        .snarkjs("groth16 prove claim.zkey product.wtns theirs.json theirs_public.json")
        .unwrap();
    let text = |file| String::from_utf8(CEREMONY.read(file)).unwrap();
    let theirs = json::read_proof(&text("theirs.json")).unwrap();
    let public = json::read_public(&text("theirs_public.json"), other.len()).unwrap();
    assert_eq!(public, statement.public_inputs());
    assert_eq!(prover.verifier().verify(&statement, &theirs), Ok(()));
    assert!(!verifies(key, &other, &theirs));
}

//! snarkjs and we accept each other's proofs, and refuse the same ones.

use ark_bn254::Fr;
use zk::ceremony::{Layout, Zkey, assignment, json, wtns};

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

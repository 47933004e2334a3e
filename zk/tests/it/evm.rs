//! The exported contract, compiled by solc, on an EVM.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use ark_bn254::Fr;
use ark_ff::{BigInteger as _, PrimeField as _};
use serde::Deserialize;
use serde_json::json;
use zk::solidity;

use crate::fixture::{CEREMONY, claim, node_modules, prove};

/// What an EVM says of calls, and the selectors of the contract's errors.
#[derive(Deserialize)]
struct Told {
    results: Vec<CallResult>,
    errors: Vec<String>,
}

/// What came of a call.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum CallResult {
    Gas(u64),
    Reverted(String),
}

/// Deploys the contract on a fresh chain and sends it `calls`: each the words of a proof and inputs.
fn call(calls: &[Vec<[u8; 32]>]) -> Told {
    let call = |words: &Vec<[u8; 32]>| json!({ "signature": "verify(uint256[8],uint256[2])", "words": hex::encode(words.concat()) });
    let asked = json!({
        "anvil": node_modules().join("@foundry-rs/anvil-linux-amd64/bin/anvil"),
        "bytecode": *BYTECODE,
        "calls": calls.iter().map(call).collect::<Vec<_>>(),
        "errors": ["ProofInvalid()", "InputNotInField(uint256)"],
    });
    let mut node = Command::new("node")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/evm.mjs"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    node.stdin.take().unwrap().write_all(asked.to_string().as_bytes()).unwrap();
    let output = node.wait_with_output().unwrap();
    assert!(output.status.success(), "see above");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What solc makes of the contract, in hex.
static BYTECODE: LazyLock<String> = LazyLock::new(|| {
    CEREMONY.zk("solidity --keys keys --circuit rehearsal --out RehearsalVerifier.sol").unwrap();
    CEREMONY.node("solc/solc.js", "--bin --optimize RehearsalVerifier.sol").unwrap();
    let file = CEREMONY.path("RehearsalVerifier_sol_RehearsalVerifier.bin");
    fs::read_to_string(file).unwrap().trim().to_owned()
});

fn word(number: impl ark_ff::BigInteger) -> [u8; 32] {
    number.to_bytes_be().try_into().unwrap()
}

/// The words of a call that should be accepted: the proof, then the inputs.
fn words() -> Vec<[u8; 32]> {
    let (_, inputs) = claim();
    let mut words = solidity::proof_words(&prove(&CEREMONY.key()));
    words.extend(inputs.map(|input| word(input.into_bigint())));
    words
}

#[test]
#[ignore = "needs node and solc"]
fn our_proof_is_accepted_on_an_evm() {
    let told = call(&[words()]);

    let [CallResult::Gas(gas)] = told.results[..] else { panic!("{:?}", told.results) };
    println!("verifying a proof with two inputs: {gas} gas");
    assert!((200_000..250_000).contains(&gas), "{gas}");
}

#[test]
#[ignore = "needs node and solc"]
fn anything_else_is_refused_on_an_evm() {
    let honest = words();
    let not_below = [0_u64, 1].map(|more| {
        let mut order = Fr::MODULUS;
        order.add_with_carry(&more.into());
        word(order)
    });
    let change = |index: usize, new: [u8; 32]| {
        let mut words = honest.clone();
        words[index] = new;
        words
    };
    let alias = {
        let mut input = Fr::from(500_u64).into_bigint();
        input.add_with_carry(&Fr::MODULUS);
        word(input)
    };
    let mut flipped = honest[0];
    flipped[31] ^= 1;
    let (is_no_proof, is_no_element) = (Some(0), Some(1));
    #[rustfmt::skip] // a table is read by column
    let cases = [
        // name                          call                                 error
        ("a flipped proof",              change(0, flipped),                  is_no_proof),
        ("points swapped",               change(0, honest[6]),                is_no_proof),
        ("the points at infinity",       [[[0; 32]; 8].as_slice(), &honest[8..]].concat(), is_no_proof),
        ("another input",                change(9, word(Fr::from(501_u64).into_bigint())), is_no_proof),
        ("the order as an input",        change(9, not_below[0]),             is_no_element),
        ("one more than the order",      change(8, not_below[1]),             is_no_element),
        ("an alias of the input",        change(9, alias),                    is_no_element),
        ("an input too many",            [&honest[..], &[[0; 32]]].concat(), is_no_proof),
        ("an input too few",             honest[..9].to_vec(),                None),
    ];
    let told = call(&cases.clone().map(|(_, words, _)| words));
    for ((name, _, expected), result) in cases.into_iter().zip(told.results) {
        let CallResult::Reverted(data) = result else { panic!("{name} is not reverted") };
        let expected = expected.map_or("", |error: usize| told.errors[error].as_str());
        assert_eq!(data[..data.len().min(8)], *expected, "{name}");
    }
}

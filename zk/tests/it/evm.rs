//! The exported contract, compiled by solc, on an EVM.

use std::fs;
use std::sync::LazyLock;

use ark_bn254::Fr;
use ark_ff::{BigInteger as _, PrimeField as _};
use revm::context::TxEnv;
use revm::context::result::{ExecutionResult, Output};
use revm::database::InMemoryDB;
use revm::primitives::{Address, Bytes, TxKind, keccak256};
use revm::{Context, ExecuteCommitEvm as _, ExecuteEvm as _, MainBuilder as _, MainContext as _};
use zk::solidity;

use crate::fixture::{CEREMONY, claim, prove};

/// A call of `verify` on the deployed contract.
fn call(data: &[u8]) -> ExecutionResult {
    let mut evm = Context::mainnet().with_db(InMemoryDB::default()).build_mainnet();
    let transaction = |kind, data: &[u8], nonce| {
        TxEnv::builder()
            .kind(kind)
            .data(Bytes::copy_from_slice(data))
            .gas_limit(10_000_000)
            .nonce(nonce)
            .build()
            .unwrap()
    };
    let deployed = evm.transact_commit(transaction(TxKind::Create, &BYTECODE, 0)).unwrap();
    let ExecutionResult::Success { output: Output::Create(_, Some(contract)), .. } = deployed
    else {
        panic!("the contract was not deployed: {deployed:?}");
    };
    assert_ne!(contract, Address::ZERO);
    evm.transact(transaction(TxKind::Call(contract), data, 1)).unwrap().result
}

/// What solc makes of the contract.
static BYTECODE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    CEREMONY.zk("solidity --keys keys --circuit rehearsal --out RehearsalVerifier.sol").unwrap();
    CEREMONY.node("solc/solc.js", "--bin --optimize RehearsalVerifier.sol").unwrap();
    let file = CEREMONY.path("RehearsalVerifier_sol_RehearsalVerifier.bin");
    hex::decode(fs::read_to_string(file).unwrap().trim()).unwrap()
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

fn calldata(words: &[[u8; 32]]) -> Vec<u8> {
    let selector = &keccak256("verify(uint256[8],uint256[2])")[..4];
    [selector, &words.concat()].concat()
}

/// How the contract names its errors.
fn error(signature: &str) -> Vec<u8> {
    keccak256(signature)[..4].to_vec()
}

#[test]
#[ignore = "needs node and solc"]
fn our_proof_is_accepted_on_an_evm() {
    let result = call(&calldata(&words()));

    assert!(result.is_success(), "{result:?}");
    eprintln!("verifying a proof with two inputs: {} gas", result.tx_gas_used());
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
        calldata(&words)
    };
    let alias = {
        let mut input = Fr::from(500_u64).into_bigint();
        input.add_with_carry(&Fr::MODULUS);
        word(input)
    };
    let mut flipped = honest[0];
    flipped[31] ^= 1;
    let [is_no_proof, is_no_element] = ["ProofInvalid()", "InputNotInField(uint256)"].map(error);
    #[rustfmt::skip] // a table is read by column
    let cases = [
        // name                          call                                 error
        ("a flipped proof",              change(0, flipped),                  is_no_proof.clone()),
        ("points swapped",               change(0, honest[6]),                is_no_proof.clone()),
        ("the points at infinity",       calldata(&[[[0; 32]; 8].as_slice(), &honest[8..]].concat()), is_no_proof.clone()),
        ("another input",                change(9, word(Fr::from(501_u64).into_bigint())), is_no_proof.clone()),
        ("the order as an input",        change(9, not_below[0]),             is_no_element.clone()),
        ("one more than the order",      change(8, not_below[1]),             is_no_element.clone()),
        ("an alias of the input",        change(9, alias),                    is_no_element),
        ("an input too many",            calldata(&[&honest[..], &[[0; 32]]].concat()), is_no_proof),
        ("an input too few",             calldata(&honest[..9]),              Vec::new()),
    ];
    for (name, data, expected) in cases {
        let ExecutionResult::Revert { output, .. } = call(&data) else {
            panic!("{name} is not reverted");
        };
        assert_eq!(output[..output.len().min(4)], expected, "{name}");
    }
}

//! A ceremony is accepted when all took part, and refused whatever is done to its key.

use zk::ceremony::Zkey;

use crate::fixture::{CEREMONY, KEY, claim, prove, verifies};

fn verify(zkey: &str) -> Result<String, String> {
    CEREMONY.zk(&format!("ceremony verify {KEY} --zkey {zkey}"))
}

#[test]
#[ignore = "needs node and snarkjs"]
fn three_contributors_and_a_beacon_make_a_key_that_proves() {
    let (_, inputs) = claim();
    let key = CEREMONY.key();

    let proof = prove(&key);

    assert!(verifies(&key, &inputs, &proof));
}

#[test]
#[ignore = "needs node and snarkjs"]
fn contributors_are_listed_with_the_hashes_that_snarkjs_gives_them() {
    let ours = verify("final.zkey").unwrap();
    let theirs = CEREMONY.snarkjs("zkv circuit.r1cs pot.ptau final.zkey").unwrap();
    let squeezed: String = theirs.split_whitespace().collect();

    let record = Zkey::read(&CEREMONY.read("final.zkey")[..]).unwrap().record;

    let names: Vec<_> =
        record.contributions.iter().map(|step| step.name.clone().unwrap()).collect();
    assert_eq!(names, ["Ada", "Ben", "Cleo", "Beacon"]);
    for contribution in &record.contributions {
        let hash = hex::encode(contribution.hash());
        assert!(ours.contains(&hash), "{ours}");
        assert!(squeezed.contains(&hash), "{theirs}");
    }
}

#[test]
#[ignore = "needs node and snarkjs"]
fn the_first_key_and_the_circuit_that_went_round_are_looked_at() {
    let good = "final.zkey --initial first.zkey --r1cs circuit.r1cs";
    assert!(verify(good).unwrap().contains("accepts the chain"));

    let error = verify("final.zkey --r1cs pot.ptau").unwrap_err();
    assert!(error.contains("is not the circuit rehearsal"), "{error}");
    let error = verify("final.zkey --initial final.zkey").unwrap_err();
    assert!(error.contains("does not accept the key"), "{error}");
}

#[test]
#[ignore = "needs node and snarkjs"]
fn a_key_that_ends_without_a_beacon_is_accepted_with_a_warning() {
    assert!(verify("three.zkey").unwrap().contains("warning: no beacon"));
    assert!(!verify("final.zkey").unwrap().contains("warning"));
}

#[test]
#[ignore = "needs node and snarkjs"]
fn a_key_that_nobody_contributed_to_is_refused() {
    let error = verify("first.zkey").unwrap_err();

    assert!(error.contains("nobody has contributed"), "{error}");
}

#[test]
#[ignore = "needs node and snarkjs"]
fn a_key_of_another_circuit_is_refused() {
    let arguments = "ceremony verify --circuit summary --ptau pot.ptau --zkey final.zkey";

    let error = CEREMONY.zk(arguments).unwrap_err();

    assert!(error.contains("it is of another circuit"), "{error}");
}

#[test]
#[ignore = "needs node and snarkjs"]
fn a_key_that_was_tampered_with_is_refused_and_not_imported() {
    type Tamper = fn(&mut Zkey);
    #[rustfmt::skip] // a table is read by column
    let cases: [(Tamper, &str); 5] = [
        (|zkey| zkey.coefficients[9].wire ^= 1,             "is not that of this circuit"),
        (|zkey| zkey.key.h_query.swap(3, 4),                "the H points"),
        (|zkey| zkey.key.l_query.swap(3, 4),                "the L points"),
        (|zkey| { zkey.record.contributions.pop(); },       "not that of the last contribution"),
        (|zkey| { zkey.record.contributions.remove(1); },   "contribution 2 does not follow"),
    ];
    for (tamper, expected) in cases {
        let mut zkey = Zkey::read(&CEREMONY.read("final.zkey")[..]).unwrap();
        tamper(&mut zkey);
        CEREMONY.write("tampered.zkey", zkey.write());

        let arguments = "ceremony import --ptau pot.ptau --zkey rehearsal=tampered.zkey --out bad";
        let error = CEREMONY.zk(arguments).unwrap_err();

        assert!(error.contains(expected), "{error}");
        assert!(!CEREMONY.path("bad").exists());
    }
}

/// Only snarkjs can tell: here the trace is only hashed.
#[test]
#[ignore = "needs node and snarkjs"]
fn a_contributor_who_did_not_know_his_secret_is_refused_by_snarkjs() {
    let mut zkey = Zkey::read(&CEREMONY.read("final.zkey")[..]).unwrap();
    let beacon = zkey.record.contributions.last_mut().unwrap().beacon.as_mut().unwrap();
    beacon.value[0] ^= 1;
    CEREMONY.write("beacon.zkey", zkey.write());

    let error = verify("beacon.zkey").unwrap_err();

    assert!(error.contains("snarkjs zkey verify does not accept the key"), "{error}");
}

#[test]
#[ignore = "needs node and snarkjs"]
fn a_cut_key_is_refused() {
    let bytes = CEREMONY.read("final.zkey");
    CEREMONY.write("cut.zkey", &bytes[..bytes.len() - 100]);

    let error = verify("cut.zkey").unwrap_err();

    assert!(error.contains("the file ends inside"), "{error}");
}

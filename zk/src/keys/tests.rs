//! Folders of keys: what is written is read, and whatever was changed is refused.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use tempfile::TempDir;

use super::{Allow, Folder, FolderError, Manifest, NotAKey, Origin, ProvingKey, write};
use crate::circuit::Circuit;
use crate::fingerprint::Fingerprint;
use crate::testing::{KEYS, honest, rng};

/// Written once, copied for each test.
static WRITTEN: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), Origin::Development, &KEYS).unwrap();
    folder
});

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in fs::read_dir(WRITTEN.path()).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), folder.path().join(file.file_name())).unwrap();
    }
    folder
}

fn load(folder: &TempDir) -> Result<Folder, FolderError> {
    Folder::load(folder.path(), Allow::DevelopmentToo)
}

fn restate(folder: &Path, change: impl FnOnce(&mut Manifest)) {
    let file = folder.join(Folder::MANIFEST);
    let mut manifest: Manifest = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    change(&mut manifest);
    fs::write(file, serde_json::to_vec(&manifest).unwrap()).unwrap();
}

fn flip(folder: &Path, file: &str) {
    let file = folder.join(file);
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(file, bytes).unwrap();
}

#[test]
fn what_was_written_proves_and_verifies() {
    let written = folder();
    let folder = load(&written).unwrap();

    assert_eq!(folder.origin(), Origin::Development);
    for circuit in Circuit::ALL {
        let (statement, witness) = honest(circuit);
        let proof = folder.prover(circuit).unwrap().prove(&statement, &witness, &mut rng(1));

        assert_eq!(folder.verifier(circuit).unwrap().verify(&statement, &proof.unwrap()), Ok(()));
        assert_eq!(folder.proving(circuit).unwrap().to_bytes(), KEYS[&circuit].to_bytes());
    }
}

#[test]
fn development_keys_are_refused_where_something_is_at_stake() {
    let folder = folder();
    let error = Folder::load(folder.path(), Allow::CeremonyOnly).unwrap_err();

    assert!(matches!(error, FolderError::DevelopmentKeys { .. }));
    assert!(error.to_string().contains("allow_dev_keys = true"), "{error}");
}

#[test]
fn development_keys_are_known_whatever_the_list_says() {
    let folder = folder();
    restate(folder.path(), |manifest| manifest.origin = Origin::Ceremony);

    let error = Folder::load(folder.path(), Allow::CeremonyOnly).unwrap_err();
    assert!(matches!(error, FolderError::DevelopmentKeys { .. }));
    assert_eq!(load(&folder).unwrap().origin(), Origin::Development);
}

#[test]
fn other_keys_are_taken_for_what_the_list_says() {
    let other = |circuit: Circuit| super::from_seed(circuit, [1; 32]).unwrap();
    let keys = Circuit::ALL.into_iter().map(|circuit| (circuit, other(circuit))).collect();
    for (origin, is_taken) in [(Origin::Ceremony, true), (Origin::Development, false)] {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), origin, &keys).unwrap();

        assert_eq!(Folder::load(folder.path(), Allow::CeremonyOnly).is_ok(), is_taken);
    }
}

#[test]
fn a_flipped_bit_of_any_file_is_found() {
    let folder = folder();
    for file in ["fact.pk", "region.matrices", "summary.vk"] {
        flip(folder.path(), file);
    }
    let error = load(&folder).unwrap_err();
    assert!(matches!(&error, FolderError::OtherFile { .. }), "{error}");
    assert!(error.to_string().contains("summary.vk"), "{error}");

    flip(folder.path(), "summary.vk");
    let folder = load(&folder).unwrap();
    let found = [
        folder.proving(Circuit::Fact).err(),
        folder.pinned_proving(Circuit::Fact).err(),
        folder.prover(Circuit::Fact).err(),
        folder.matrices(Circuit::Region).err(),
        folder.prover(Circuit::Region).err(),
    ];
    for error in found {
        assert!(matches!(error, Some(FolderError::OtherFile { .. })), "{error:?}");
    }
    assert!(folder.prover(Circuit::Summary).is_ok());
}

#[test]
fn keys_of_another_circuit_are_refused() {
    let folder = folder();
    restate(folder.path(), |manifest| {
        let region = manifest.circuits["region"].clone();
        manifest.circuits.insert("fact".to_owned(), region);
    });
    let error = load(&folder).unwrap_err();
    assert!(matches!(error, FolderError::OtherCircuit { circuit: Circuit::Fact, .. }), "{error}");
}

/// The list lies about everything, and the files agree with it.
#[test]
fn a_swapped_file_is_refused_even_if_the_list_agrees() {
    let folder = folder();
    let rename = |from: &str, to: &str| {
        fs::copy(WRITTEN.path().join(from), folder.path().join(to)).unwrap();
    };
    for kind in ["pk", "vk", "matrices"] {
        rename(&format!("region.{kind}"), &format!("fact.{kind}"));
    }
    restate(folder.path(), |manifest| {
        let mut entry = manifest.circuits["region"].clone();
        entry.circuit = Circuit::Fact.fingerprint();
        manifest.circuits.insert("fact".to_owned(), entry);
    });
    let error = load(&folder).unwrap_err();
    assert!(matches!(&error, FolderError::NotAKey { .. }), "{error}");

    rename("fact.vk", "fact.vk");
    restate(folder.path(), |manifest| {
        let entry = manifest.circuits.get_mut("fact").unwrap();
        entry.verifying_key = Circuit::Fact.development_key();
    });
    let folder = load(&folder).unwrap();
    let matrices = folder.matrices(Circuit::Fact).unwrap_err();
    assert!(matches!(&matrices, FolderError::OtherCircuit { .. }), "{matrices}");
    let proving = folder.proving(Circuit::Fact).unwrap_err();
    assert!(matches!(&proving, FolderError::NotAKey { .. }), "{proving}");
}

#[test]
fn a_proving_key_of_other_keys_is_refused() {
    let folder = folder();
    let other = super::from_seed(Circuit::Summary, [1; 32]).unwrap().to_bytes();
    fs::write(folder.path().join("summary.pk"), &other).unwrap();
    restate(folder.path(), |manifest| {
        let entry = manifest.circuits.get_mut("summary").unwrap();
        entry.proving_key = Fingerprint::of(&other);
    });
    let error = load(&folder).unwrap().proving(Circuit::Summary).unwrap_err();
    assert!(matches!(error, FolderError::NotAPair { .. }), "{error}");
}

#[test]
fn a_folder_without_something_is_refused() {
    for (missing, expected) in [("keys.json", "can not read"), ("region.vk", "can not read")] {
        let folder = folder();
        fs::remove_file(folder.path().join(missing)).unwrap();
        let error = load(&folder).unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains(missing), "{error}");
        assert!(error.contains("zk setup --dev"), "{error}");
    }
    let without = folder();
    restate(without.path(), |manifest| {
        manifest.circuits.remove("fact").unwrap();
    });
    assert!(matches!(load(&without), Err(FolderError::Missing { circuit: Circuit::Fact, .. })));
    fs::write(without.path().join("keys.json"), "{}").unwrap();
    assert!(matches!(load(&without), Err(FolderError::NotAManifest { .. })));
}

#[test]
fn keys_are_never_written_over() {
    let again = write(WRITTEN.path(), Origin::Ceremony, &KEYS);

    assert!(matches!(again, Err(FolderError::Exists { .. })));
}

#[test]
fn bytes_that_are_no_key_are_refused() {
    let key = &KEYS[&Circuit::Summary];
    let inputs = Circuit::Summary.public_inputs();
    let bytes = key.to_bytes();
    let long = [&bytes[..], &[0]].concat();
    let mut off_curve = bytes.clone();
    off_curve[bytes.len() - 70] ^= 1;

    assert!(ProvingKey::from_bytes(&bytes, inputs).is_ok());
    let refused = |bytes| ProvingKey::from_bytes(bytes, inputs).unwrap_err();
    assert_eq!(refused(&long), NotAKey::TrailingBytes { bytes: 1 });
    assert_eq!(refused(&bytes[..bytes.len() - 1]), NotAKey::NotPoints);
    assert_eq!(refused(&off_curve), NotAKey::NotPoints);
    assert!(matches!(ProvingKey::from_bytes(&bytes, inputs + 1), Err(NotAKey::Flawed(_))));
}

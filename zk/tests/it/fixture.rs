//! A whole ceremony of three parties and a beacon, held once for all tests, in half a minute.
//!
//! Everything is done as an operator does it: snarkjs and `zk` on the command line, files between
//! them.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use ark_bn254::{Bn254, Fr};
use ark_groth16::ProvingKey;
use ark_serialize::{CanonicalDeserialize as _, CanonicalSerialize as _};
use taceo_groth16::{CircomReduction, ConstraintMatrices, Groth16};
use zk::Proof;
use zk::ceremony::{Layout, Rehearsal};
use zk::groth16::assignment;

/// Not secret, like everything else here.
const BEACON: &str = "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

pub(crate) static CEREMONY: LazyLock<Ceremony> = LazyLock::new(Ceremony::hold);

/// The folder in which a ceremony was held.
pub(crate) struct Ceremony {
    folder: tempfile::TempDir,
}

impl Ceremony {
    fn hold() -> Self {
        let ceremony = Self { folder: tempfile::tempdir().unwrap() };
        ceremony.zk("ceremony export --circuit rehearsal --out circuit.r1cs").unwrap();
        for step in [
            "powersoftau new bn128 9 pot0.ptau",
            "powersoftau contribute pot0.ptau pot1.ptau --name=Ada -e=one",
            "powersoftau contribute pot1.ptau pot2.ptau --name=Ben -e=two",
            &format!("powersoftau beacon pot2.ptau pot3.ptau {BEACON} 10 --name=Beacon"),
            "powersoftau prepare phase2 pot3.ptau pot.ptau",
            "groth16 setup circuit.r1cs pot.ptau first.zkey",
            "zkey contribute first.zkey one.zkey --name=Ada -e=one",
            "zkey contribute one.zkey two.zkey --name=Ben -e=two",
            "zkey contribute two.zkey three.zkey --name=Cleo -e=three",
            &format!("zkey beacon three.zkey final.zkey {BEACON} 10 --name=Beacon"),
        ] {
            ceremony.snarkjs(step).unwrap();
        }
        ceremony
            .zk("ceremony import --ptau pot.ptau --zkey rehearsal=final.zkey --out keys")
            .unwrap();
        ceremony
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    pub(crate) fn read(&self, file: &str) -> Vec<u8> {
        fs::read(self.path(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
    }

    pub(crate) fn write(&self, file: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(file), bytes).unwrap();
    }

    /// Runs our program. What it printed, or what it said when it refused.
    pub(crate) fn zk(&self, arguments: &str) -> Result<String, String> {
        self.run(Command::new(env!("CARGO_BIN_EXE_zk")).args(arguments.split(' ')))
    }

    /// Runs snarkjs.
    pub(crate) fn snarkjs(&self, arguments: &str) -> Result<String, String> {
        self.node("snarkjs/build/cli.cjs", arguments)
    }

    /// Runs a script of a package.
    pub(crate) fn node(&self, script: &str, arguments: &str) -> Result<String, String> {
        let script = node_modules().join(script);
        assert!(script.exists(), "{} is missing: see zk/peers/README.md", script.display());
        self.run(Command::new("node").arg(script).args(arguments.split(' ')))
    }

    fn run(&self, command: &mut Command) -> Result<String, String> {
        let output = command.current_dir(&self.folder).output().unwrap();
        let printed = [output.stdout, output.stderr].concat();
        let printed = String::from_utf8_lossy(&printed).into_owned();
        if output.status.success() { Ok(printed) } else { Err(printed) }
    }

    /// The key that came out, as imported.
    pub(crate) fn key(&self) -> ProvingKey<Bn254> {
        let key = zk::ProvingKey::from_bytes(&self.read("keys/rehearsal.pk"), 2).unwrap();
        key.points().clone()
    }
}

/// What each check of the key is asked about.
pub(crate) const KEY: &str = "--circuit rehearsal --ptau pot.ptau";

/// Where the packages of `zk/peers` are.
pub(crate) fn node_modules() -> PathBuf {
    let folder = std::env::var_os("AXLE_NODE_MODULES")
        .expect("AXLE_NODE_MODULES names the folder that zk/peers is installed in");
    PathBuf::from(folder).join("node_modules")
}

/// A true claim: its circuit and its public inputs.
pub(crate) fn claim() -> (Rehearsal, [Fr; 2]) {
    let salt = Fr::from(77_u64);
    (Rehearsal::new(321, 500, salt), [zk::hash(&[Fr::from(321_u64), salt]), Fr::from(500_u64)])
}

/// Proves the claim under `key` with the prover of the product.
pub(crate) fn prove(key: &ProvingKey<Bn254>) -> Proof {
    let (circuit, _) = claim();
    let layout = Layout::of(circuit).unwrap();
    let witness = assignment(circuit).unwrap();
    let [a, b, c] = layout.rows().clone();
    let matrices = ConstraintMatrices {
        num_instance_variables: layout.public() + 1,
        num_witness_variables: layout.wires() - layout.public() - 1,
        num_constraints: layout.constraints(),
        a_num_non_zero: a.iter().map(Vec::len).sum(),
        b_num_non_zero: b.iter().map(Vec::len).sum(),
        c_num_non_zero: c.iter().map(Vec::len).sum(),
        a,
        b,
        c,
    };
    let blinding = [5_u64, 6].map(Fr::from);
    let proof =
        Groth16::prove::<CircomReduction>(key, blinding[0], blinding[1], &matrices, &witness)
            .unwrap();
    let mut bytes = Vec::new();
    proof.serialize_compressed(&mut bytes).unwrap();
    Proof::from_bytes(&bytes).unwrap()
}

/// Whether `proof` proves `inputs` under `key`.
pub(crate) fn verifies(key: &ProvingKey<Bn254>, inputs: &[Fr], proof: &Proof) -> bool {
    let proof = ark_groth16::Proof::deserialize_compressed(&proof.to_bytes()[..]).unwrap();
    let key = ark_groth16::prepare_verifying_key(&key.vk);
    ark_groth16::Groth16::<Bn254>::verify_proof(&key, &proof, inputs).unwrap()
}

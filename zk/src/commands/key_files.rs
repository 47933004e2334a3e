//! The key files of one circuit: `NAME.pk` and `NAME.vk`, uncompressed and compressed.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;

use anyhow::Context as _;
use ark_bn254::Bn254;
use ark_groth16::{ProvingKey, VerifyingKey};
use ark_serialize::{CanonicalDeserialize as _, CanonicalSerialize as _};

/// Writes both keys of a circuit.
pub(crate) fn write(folder: &Path, name: &str, key: &ProvingKey<Bn254>) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    let create = |kind: &str| {
        let file = folder.join(name).with_extension(kind);
        File::create(&file).with_context(|| format!("writing {}", file.display()))
    };
    key.serialize_uncompressed(BufWriter::new(create("pk")?))?;
    key.vk.serialize_compressed(create("vk")?)?;
    Ok(())
}

/// Reads the verifying key of a circuit, with every check.
pub(crate) fn read_verifying(folder: &Path, name: &str) -> anyhow::Result<VerifyingKey<Bn254>> {
    let file = folder.join(name).with_extension("vk");
    let bytes = fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
    VerifyingKey::deserialize_compressed(&bytes[..])
        .with_context(|| format!("{} holds no verifying key", file.display()))
}

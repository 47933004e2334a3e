//! `zk setup`: makes keys for development.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use crate::Circuit;
use crate::keys::{self, Folder, Origin};
use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};

/// Said whenever such keys are made or shown.
pub(super) const WARNING: &str = "\
These are DEVELOPMENT keys. They come from a seed that is printed in the source, so ANYONE can forge
a proof of anything under them. Use them to try things out, where nothing is at stake. The marketplace
refuses them unless its configuration says `allow_dev_keys = true`.";

/// Makes the keys of every circuit, for development.
///
/// The same keys everywhere, byte for byte: two machines that both ran this agree. Keys that
/// convince somebody come from a ceremony of many parties, which CEREMONY.md explains.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  zk setup --dev --out keys")]
pub(crate) struct Setup {
    /// Says that you know what development keys are: anyone can forge proofs under them.
    #[arg(long, required = true)]
    dev: bool,
    /// Folder to write. It must not hold keys already.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

impl Setup {
    pub(super) fn run(&self, out: &mut impl Write) -> anyhow::Result<()> {
        debug_assert!(self.dev, "clap requires it");
        let list = self.out.join(Folder::MANIFEST);
        anyhow::ensure!(
            !list.exists(),
            "{} exists already: choose an empty folder",
            list.display()
        );
        writeln!(out, "{WARNING}\n")?;

        let keys = development_keys()?;
        keys::write(&self.out, Origin::Development, &keys)?;
        for (circuit, key) in keys {
            writeln!(out, "{circuit}: verifying key {}", key.verifying().fingerprint())?;
        }
        writeln!(out, "written to {}", self.out.display())?;
        Ok(())
    }
}

/// The development keys of all circuits, with a bar for each while they are made.
pub(super) fn development_keys() -> anyhow::Result<BTreeMap<Circuit, crate::ProvingKey>> {
    let circuits = Circuit::ALL;
    let bar = ProgressBar::new(u64::try_from(circuits.len())?);
    bar.set_style(ProgressStyle::with_template("{bar:20} {pos}/{len} keys, {msg} ({elapsed})")?);
    bar.enable_steady_tick(std::time::Duration::from_millis(200));
    let mut keys = BTreeMap::new();
    for circuit in circuits {
        bar.set_message(format!("making those of circuit {circuit}"));
        let key = keys::development(circuit);
        keys.insert(
            circuit,
            key.with_context(|| format!("cannot make keys of circuit {circuit}"))?,
        );
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(keys)
}

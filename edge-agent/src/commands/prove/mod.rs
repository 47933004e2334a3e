//! `edge-agent prove`: a proof for the owner's own use, as a file that anyone can verify.

mod question;

use std::io::Write;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use clap::Args;
use telematics::question::ClassPattern;
use telematics::{Campaign, CampaignId, Question, Scope, Timestamp};
use zk::keys::Allow;
use zk::text::{ClaimFile, DEVELOPMENT_KEYS, InWords, NOT_PROVEN};
use zk::tree::{self, MemoryTree};
use zk::{Leaf, Statement, Witness};

use crate::claims::{self, Found, Market, ProvingThread};
use crate::clock;
use crate::config::AgentConfig;
use crate::files::{self, Readers};
use crate::identity::Identity;
use crate::spool::{Spool, SpoolError};
use crate::vault::Vault;
use question::Asked;

/// Bytes of all the leaves of a tree.
const LEAVES_BYTES_MAX: u64 = 32 << (2 * tree::DEPTH);

/// Proves something about what the car measured, and shows nothing else.
///
/// The newest window, trip, day or run of places that makes it true is taken. Needs that the marketplace
/// has its commitment; the proof leads from a leaf of the marketplace's tree, and does not say from
/// which. No proof says that the sensor told the truth.
///
/// Stop the agent first: it has the spool open.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  edge-agent prove --config /etc/axle/agent.toml --out claim.json \
    \\\n      --signal Vehicle.Powertrain.TractionBattery.StateOfHealth --low 80\n  \
    edge-agent prove --config /etc/axle/agent.toml --out claim.json --outside 11/1100/671\n  \
    edge-agent prove --config /etc/axle/agent.toml --out claim.json \\\n      \
    --signal Vehicle.Speed --trip --figure mean=..70 --figure max=..130"
)]
pub(super) struct Prove {
    /// Settings of the agent: its folder, its marketplace and its `proving_keys_dir`.
    #[arg(long)]
    config: PathBuf,
    #[command(flatten)]
    asked: Asked,
    /// Answers this campaign. Without a question of your own, the campaign's is taken.
    #[arg(long, value_parser = CampaignId::parse)]
    campaign: Option<CampaignId>,
    /// All leaves of the epoch, as downloaded (32 bytes each); then the marketplace is not asked.
    #[arg(long)]
    leaves: Option<PathBuf>,
    /// Where to write the claim: statement and proof, as JSON.
    #[arg(long)]
    out: PathBuf,
}

impl Prove {
    pub(super) async fn run(self, out: &mut (impl Write + Send)) -> anyhow::Result<()> {
        let config = AgentConfig::load(&self.config)?;
        let keys = config.proving_keys_dir.clone().context("`proving_keys_dir` is not set")?;
        let identity = Identity::load(&config.data_dir)?;
        let market = Market::new(config.marketplace_url.clone(), &identity)?;
        let (mut campaign, has_scope) = self.campaign(&market).await?;
        let found = find(&config.data_dir, &identity, &campaign)?;
        if !has_scope {
            let day = found.leaf.day;
            campaign.scope = Scope::new(ClassPattern::default(), day, day)?;
        }
        let (statement, witness) =
            state(&market, &identity, &campaign, found, self.leaves.as_deref()).await?;
        let allow = if config.allow_dev_keys { Allow::DevelopmentToo } else { Allow::CeremonyOnly };
        let thread = ProvingThread::start(keys, allow)?;
        let (proof, key) = thread.prove(statement.clone(), witness).await?;
        write(&self.out, &ClaimFile::new(&statement, &key.to_string(), &proof))?;
        if config.allow_dev_keys {
            writeln!(out, "{DEVELOPMENT_KEYS}")?;
        }
        writeln!(out, "{}", InWords(&statement.question))?;
        writeln!(out, "Proven in {}. {NOT_PROVEN}", self.out.display())?;
        Ok(())
    }

    /// What is asked, as a campaign, and whether it says of which cars and days.
    async fn campaign(&self, market: &Market) -> anyhow::Result<(Campaign, bool)> {
        if self.asked.is_nothing() {
            let id = self.campaign.context(
                "say what is to be proven, such as --signal Vehicle.Speed --high 130, or --campaign",
            )?;
            let asked = market.campaign(id).await;
            return Ok((asked.with_context(|| format!("cannot look up {id}"))?, true));
        }
        let question = self.asked.clone().question()?;
        let id = self.campaign.unwrap_or_else(|| CampaignId::new(clock::now(), rand::random()));
        let scope = Scope::new(ClassPattern::default(), 0, u16::MAX)?;
        let closes_at = Timestamp::CALENDAR_END;
        Ok((Campaign { id, title: String::new(), scope, question, closes_at }, false))
    }
}

/// The newest record that makes it true.
fn find(data_dir: &Path, identity: &Identity, campaign: &Campaign) -> anyhow::Result<Found> {
    let spool = match Spool::open(data_dir, NonZeroU64::MAX) {
        Err(error @ SpoolError::InUse { .. }) => {
            return Err(error).context("stop the agent first: it has the records open");
        }
        other => other?,
    };
    let Campaign { question, scope, .. } = campaign;
    let days = scope.first_day()..=scope.last_day();
    let vault = Vault::of(&identity.holder.key);
    let found = claims::find(&spool, &vault, question, days, 1)?.pop();
    found.map_or_else(|| Err(why_none(&spool, question)), Ok)
}

fn why_none(spool: &Spool, question: &Question) -> anyhow::Error {
    let signal = question.signal();
    let records = match spool.kept(signal, u64::MAX, usize::MAX) {
        Ok(records) => records,
        Err(error) => return error.into(),
    };
    let placed = records.iter().filter(|(_, record)| record.leaf.is_some()).count();
    if records.is_empty() {
        let group = signal.group();
        return anyhow::anyhow!("nothing of {signal} is kept; is its group ({group}) on prove?");
    }
    if placed == 0 {
        return anyhow::anyhow!("the marketplace has no commitment of {signal} yet: run the agent");
    }
    anyhow::anyhow!("not true of any of the {placed} records of {signal} that are kept")
}

/// Statement and witness, with the path from the marketplace or from `leaves`.
async fn state(
    market: &Market,
    identity: &Identity,
    campaign: &Campaign,
    found: Found,
    leaves: Option<&Path>,
) -> anyhow::Result<(Statement, Witness)> {
    let salt = rand::random();
    let Some(file) = leaves else {
        let ready = claims::prepare(market, identity, campaign, found, salt).await?;
        return ready.context("the marketplace has not published a root with this leaf; try later");
    };
    let mut tree = read_tree(file)?;
    let position = found.leaf.position;
    ensure!(
        position < tree.size(),
        "{} has {} leaves, so none at {position}: download it again, of epoch {}",
        file.display(),
        tree.size(),
        found.leaf.epoch
    );
    let size = tree.size();
    let (root, path) = (tree::root(&mut tree, size)?, tree::path(&mut tree, size, position)?);
    let leaf = claims::witness_leaf(identity, &found)?;
    if path.root(leaf) != root {
        bail!(
            "leaf {position} of {} is not this car's: is it of epoch {}?",
            file.display(),
            found.leaf.epoch
        );
    }
    Ok(claims::state(identity, campaign, found, salt, (root, path)))
}

fn read_tree(file: &Path) -> anyhow::Result<MemoryTree> {
    let bytes = files::read_bytes(file, LEAVES_BYTES_MAX)
        .with_context(|| format!("cannot read {}", file.display()))?;
    let (leaves, []) = bytes.as_chunks::<32>() else {
        bail!("{} is not a download of leaves: they have 32 bytes each", file.display());
    };
    let leaves = leaves.iter().map(|leaf| Leaf::from_bytes(leaf)).collect::<Result<Vec<_>, _>>()?;
    let mut tree = MemoryTree::default();
    tree.append(&leaves)?;
    Ok(tree)
}

fn write(path: &Path, claim: &ClaimFile) -> anyhow::Result<()> {
    let text = serde_json::to_vec_pretty(claim)?;
    Ok(files::replace(path, &text, Readers::Everyone)?)
}

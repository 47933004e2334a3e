//! `zk verify`: checks a downloaded set of claims, offline and in bulk.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write};
use std::path::{Path, PathBuf};

use crate::keys::{Allow, Folder, Origin};
use crate::text::{ClaimFile, DEVELOPMENT_KEYS, InWords, NOT_PROVEN};
use crate::{Circuit, Nullifier, Proof, Root, Statement, Verifier};
use anyhow::{Context as _, bail};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

/// Claims that are verified together.
const BATCH: usize = 1_024;
/// Far more than any claim: a line beyond it is no claim.
const CLAIM_BYTES_MAX: u64 = 64 << 10;

/// Checks a downloaded set of claims, offline.
///
/// Reads files of one claim, or of one claim a line, as `GET /v1/campaigns/ID/claims` gives them, verifies every
/// proof, counts each vehicle once in each campaign, and says what was asked. Fails when a claim does not hold.
///
/// A root is only as good as its publication: give the roots that the marketplace published with `--roots`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    zk verify claims.jsonl --keys keys\n  \
    zk verify claims.jsonl --keys keys --roots roots.txt    also look each root up in the published ones\n  \
    zk verify claim.json --keys dev-keys --allow-dev-keys   for trying things out")]
pub(crate) struct Verify {
    /// Files of claims, JSON.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Folder of keys.
    #[arg(long)]
    keys: PathBuf,
    /// Takes development keys, under which anyone can forge.
    #[arg(long)]
    allow_dev_keys: bool,
    /// File of published roots, 64 hex digits a line; other words on a line do not matter.
    #[arg(long)]
    roots: Option<PathBuf>,
    /// Prints the summary as JSON.
    #[arg(long)]
    json: bool,
}

/// What was found.
#[derive(Debug, Default, Serialize)]
struct Summary {
    claims: usize,
    verified: usize,
    refused: Vec<Refused>,
    campaigns: Vec<CampaignSummary>,
    roots_looked_up: bool,
    development_keys: bool,
    not_proven: &'static str,
}

/// Claims of one campaign to one question.
#[derive(Debug, Serialize)]
struct CampaignSummary {
    campaign: String,
    circuit: &'static str,
    question: String,
    verified: usize,
    vehicles: usize,
}

/// A claim that does not hold.
#[derive(Debug, Serialize)]
struct Refused {
    file: String,
    claim: usize,
    reason: String,
}

/// A claim that decoded.
struct Decoded {
    file: String,
    claim: usize,
    statement: Statement,
    proof: Proof,
}

impl Verify {
    pub(super) fn run(&self, out: &mut impl Write) -> anyhow::Result<()> {
        let allow = if self.allow_dev_keys { Allow::DevelopmentToo } else { Allow::CeremonyOnly };
        let folder = Folder::load(&self.keys, allow)?;
        let mut check = Check::new(&folder, self.published()?)?;
        for file in &self.files {
            check.file(file)?;
        }
        let summary = check.finish();
        if self.json {
            writeln!(out, "{}", serde_json::to_string_pretty(&summary)?)?;
        } else {
            summary.print(out)?;
        }
        match summary.refused.len() {
            0 => Ok(()),
            refused => bail!("{refused} of {} claims do not hold", summary.claims),
        }
    }

    fn published(&self) -> anyhow::Result<Option<BTreeSet<Root>>> {
        let Some(path) = &self.roots else { return Ok(None) };
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        let words = text.split(|c: char| !c.is_ascii_hexdigit());
        Ok(Some(words.filter_map(|word| word.parse().ok()).collect()))
    }
}

/// A check under way.
struct Check {
    verifiers: BTreeMap<Circuit, Verifier>,
    published: Option<BTreeSet<Root>>,
    waiting: BTreeMap<Circuit, Vec<Decoded>>,
    /// Verified claims and vehicles, by campaign and question in words.
    campaigns: BTreeMap<(String, String), (Circuit, usize, BTreeSet<Nullifier>)>,
    summary: Summary,
    progress: ProgressBar,
}

impl Check {
    fn new(folder: &Folder, published: Option<BTreeSet<Root>>) -> anyhow::Result<Self> {
        let verifier = |circuit| Ok((circuit, folder.verifier(circuit)?));
        let summary = Summary {
            roots_looked_up: published.is_some(),
            development_keys: folder.origin() == Origin::Development,
            not_proven: NOT_PROVEN,
            ..Summary::default()
        };
        let style = ProgressStyle::with_template("{spinner} {pos} claims, {per_sec}")?;
        Ok(Self {
            verifiers: Circuit::ALL.into_iter().map(verifier).collect::<anyhow::Result<_>>()?,
            published,
            waiting: BTreeMap::new(),
            campaigns: BTreeMap::new(),
            summary,
            progress: ProgressBar::new_spinner().with_style(style),
        })
    }

    fn file(&mut self, path: &Path) -> anyhow::Result<()> {
        let unreadable = || format!("cannot read {}", path.display());
        let mut reader = BufReader::new(File::open(path).with_context(unreadable)?);
        let file = path.display().to_string();
        // A claim on several lines is one claim; a claim a line are many.
        let mut pending = String::new();
        let mut claim = 0;
        loop {
            let read = reader.by_ref().take(CLAIM_BYTES_MAX).read_line(&mut pending);
            let at_end = read.with_context(unreadable)? == 0;
            if pending.trim().is_empty() {
                if at_end {
                    return Ok(());
                }
                pending.clear();
                continue;
            }
            let parsed = serde_json::from_str::<ClaimFile>(&pending);
            let too_long = u64::try_from(pending.len()).unwrap_or(u64::MAX) >= CLAIM_BYTES_MAX;
            match parsed {
                Err(error) if error.is_eof() && !at_end && !too_long => continue,
                parsed => {
                    claim += 1;
                    let opened = parsed
                        .map_err(|error| error.to_string())
                        .and_then(|claim| self.open(&claim));
                    self.add(&file, claim, opened);
                }
            }
            if too_long || at_end {
                return Ok(());
            }
            pending.clear();
        }
    }

    fn open(&self, claim: &ClaimFile) -> Result<(Statement, Proof), String> {
        let (statement, proof) = claim.open().map_err(|error| error.to_string())?;
        let verifier = self.verifiers.get(&statement.circuit());
        let ours = verifier.map(|verifier| verifier.key().fingerprint().to_string());
        if ours.as_ref() != Some(&claim.verifying_key) {
            return Err(format!(
                "made under the key {}, the key here is {}",
                claim.verifying_key,
                ours.unwrap_or_default()
            ));
        }
        if self.published.as_ref().is_some_and(|roots| !roots.contains(&statement.root)) {
            return Err(format!("root {} is not among the published ones", statement.root));
        }
        Ok((statement, proof))
    }

    fn add(&mut self, file: &str, claim: usize, opened: Result<(Statement, Proof), String>) {
        self.summary.claims += 1;
        self.progress.inc(1);
        match opened {
            Ok((statement, proof)) => {
                let circuit = statement.circuit();
                let waiting = self.waiting.entry(circuit).or_default();
                waiting.push(Decoded { file: file.to_owned(), claim, statement, proof });
                if waiting.len() >= BATCH {
                    self.verify(circuit);
                }
            }
            Err(reason) => {
                self.summary.refused.push(Refused { file: file.to_owned(), claim, reason });
            }
        }
    }

    fn verify(&mut self, circuit: Circuit) {
        let waiting = self.waiting.remove(&circuit).unwrap_or_default();
        let Some(verifier) = self.verifiers.get(&circuit) else { return };
        let claims: Vec<_> =
            waiting.iter().map(|decoded| (&decoded.statement, &decoded.proof)).collect();
        let verdicts = verifier.verify_batch(&claims, &mut rand::rng());
        for (Decoded { file, claim, statement, .. }, verdict) in waiting.into_iter().zip(verdicts) {
            match verdict {
                Ok(()) => self.count(&statement),
                Err(error) => {
                    let reason = error.to_string();
                    self.summary.refused.push(Refused { file, claim, reason });
                }
            }
        }
    }

    fn count(&mut self, statement: &Statement) {
        self.summary.verified += 1;
        let key = (statement.campaign.to_string(), InWords(&statement.question).to_string());
        let (_, verified, vehicles) =
            self.campaigns.entry(key).or_insert_with(|| (statement.circuit(), 0, BTreeSet::new()));
        *verified += 1;
        vehicles.insert(statement.nullifier);
    }

    fn finish(mut self) -> Summary {
        for circuit in Circuit::ALL {
            self.verify(circuit);
        }
        self.progress.finish_and_clear();
        let campaign = |((campaign, question), (circuit, verified, vehicles)): (
            (String, String),
            (Circuit, usize, BTreeSet<Nullifier>),
        )| CampaignSummary {
            campaign,
            circuit: circuit.name(),
            question,
            verified,
            vehicles: vehicles.len(),
        };
        self.summary.campaigns = self.campaigns.into_iter().map(campaign).collect();
        self.summary
            .refused
            .sort_by(|one, other| (&one.file, one.claim).cmp(&(&other.file, other.claim)));
        self.summary
    }
}

impl Summary {
    fn print(&self, out: &mut impl Write) -> anyhow::Result<()> {
        if self.development_keys {
            writeln!(out, "{DEVELOPMENT_KEYS}")?;
        }
        for campaign in &self.campaigns {
            let CampaignSummary { campaign, question, verified, vehicles, .. } = campaign;
            writeln!(out, "{campaign}: {vehicles} vehicles, {verified} claims\n  {question}")?;
        }
        for Refused { file, claim, reason } in &self.refused {
            writeln!(out, "{file}, claim {claim}: {reason}")?;
        }
        writeln!(out, "{} of {} claims verified", self.verified, self.claims)?;
        if !self.roots_looked_up {
            writeln!(out, "Roots were not looked up: give the published ones with --roots.")?;
        }
        writeln!(out, "{NOT_PROVEN}")?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use crate::keys::{self, Folder};
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;
    use tempfile::TempDir;

    use super::*;
    use crate::commands::setup;
    use crate::testing;

    /// Development keys, and an honest claim of each circuit under them.
    static DOWNLOADED: LazyLock<(TempDir, Vec<String>)> = LazyLock::new(|| {
        let folder = tempfile::tempdir().unwrap();
        let keys = setup::development_keys().unwrap();
        keys::write(folder.path(), Origin::Development, &keys).unwrap();
        let keys = Folder::load(folder.path(), Allow::DevelopmentToo).unwrap();
        let claim = |circuit| {
            let (statement, witness) = testing::honest(circuit);
            let mut rng = StdRng::seed_from_u64(1);
            let proof = keys.prover(circuit).unwrap().prove(&statement, &witness, &mut rng);
            let key = keys.verifying(circuit).unwrap().fingerprint().to_string();
            serde_json::to_string(&ClaimFile::new(&statement, &key, &proof.unwrap())).unwrap()
        };
        let claims = Circuit::ALL.map(claim).to_vec();
        (folder, claims)
    });

    fn verify(text: &str, json: bool) -> (bool, String) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("claims.jsonl");
        std::fs::write(&file, text).unwrap();
        let keys = DOWNLOADED.0.path().to_owned();
        let command = Verify { files: vec![file], keys, allow_dev_keys: true, roots: None, json };
        let mut out = Vec::new();
        let held = command.run(&mut out).is_ok();
        (held, String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_set_of_claims_is_checked_and_summed_up() {
        let lines = &DOWNLOADED.1;
        let verify = |text: &str| verify(text, false);

        let (held, words) = verify(&lines.join("\n"));
        assert!(held, "{words}");
        assert!(words.contains("3 of 3 claims verified"), "{words}");
        assert!(words.contains("1 vehicles, 1 claims"), "{words}");
        assert!(words.contains(DEVELOPMENT_KEYS) && words.contains(NOT_PROVEN));

        // Twice the same vehicle is one vehicle.
        let (held, words) = verify(&[lines[0].as_str(), &lines[0]].join("\n\n"));
        assert!(held && words.contains("1 vehicles, 2 claims"), "{words}");

        // A claim on several lines.
        let pretty: serde_json::Value = serde_json::from_str(&lines[1]).unwrap();
        let (held, words) = verify(&serde_json::to_string_pretty(&pretty).unwrap());
        assert!(held && words.contains("1 of 1"), "{words}");
    }

    #[test]
    fn what_does_not_hold_is_named_and_fails() {
        let lines = &DOWNLOADED.1;
        let with = |field: &str, value: &str| {
            let mut claim: serde_json::Value = serde_json::from_str(&lines[2]).unwrap();
            claim[field] = value.into();
            format!("{}\n{claim}", lines[0])
        };
        let other = lines[2].replace("\"high\":600.0", "\"high\":601.0");
        #[rustfmt::skip] // a table is read by column
        let cases = [
            (with("nullifier", &"01".repeat(32)),      "does not verify"),
            (with("payee", &"01".repeat(32)),          "does not verify"),
            (with("root", &"ff".repeat(32)),           "no root"),
            (with("proof", "00"),                      "`proof` is not the hex form"),
            (with("verifying_key", &"00".repeat(32)),  "made under the key 0000"),
            (with("campaign", "campaign_1"),           "campaign_1"),
            (format!("{}\n{other}", lines[0]),         "does not verify"),
            (format!("{}\nnonsense", lines[0]),        "claim 2: expected"),
            (format!("{}\n{{\"campaign\":", lines[0]), "claim 2: EOF"),
        ];
        for (text, expected) in cases {
            let (held, words) = verify(&text, false);
            assert!(!held && words.contains(expected), "{expected}: {words}");
            assert!(words.contains("1 of 2 claims verified"), "{words}");
        }

        let (_, json) = verify("nonsense", true);
        let summary: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!((&summary["claims"], &summary["verified"]), (&1.into(), &0.into()));
    }

    #[test]
    fn roots_are_looked_up_when_they_are_given() {
        let folder = tempfile::tempdir().unwrap();
        let line = &DOWNLOADED.1[0];
        let claim: ClaimFile = serde_json::from_str(line).unwrap();
        let (file, roots) = (folder.path().join("claim.json"), folder.path().join("roots"));
        std::fs::write(&file, line).unwrap();
        let verify = |published: &str, allow_dev_keys| {
            std::fs::write(&roots, published).unwrap();
            let command = Verify {
                files: vec![file.clone()],
                keys: DOWNLOADED.0.path().to_owned(),
                allow_dev_keys,
                roots: Some(roots.clone()),
                json: false,
            };
            command.run(&mut Vec::new())
        };

        assert!(verify(&format!("epoch 0 size 5 {}\n", claim.root), true).is_ok());
        assert!(verify(&"01".repeat(32), true).is_err());
        let error = verify(&claim.root, false).unwrap_err().to_string();
        assert!(error.contains("for development"), "{error}");
    }
}

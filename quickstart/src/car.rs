//! One car: its owner's account, its files, its enrolment, and its edge agent as a child process.
//!
//! A car's folder holds `car.json` (what must survive a restart), the drive it replays, its
//! `agent.toml`, its log, and the agent's own data.
//!
//! **Invariant:** a drive is replayed to its end before the next one is made, so a car that was killed
//! goes on where it stopped.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::Context;
use edge_agent::status::{self, Status};
use flate2::read::GzDecoder;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use telematics::Timestamp;

use crate::child::{Child, Programs};
use crate::market::{Market, path_text, text};

/// What a car is and what its owner permits.
#[derive(Clone, Debug)]
pub struct CarSpec {
    /// Names its folder and its row in the report.
    pub name: String,
    /// Make, model, model year and powertrain.
    pub vehicle: [String; 4],
    /// Signal groups and their disclosure; every other group is kept.
    pub consent: Vec<(&'static str, &'static str)>,
    /// What it drives.
    pub drive: Drive,
    /// How fast it does: a multiple of real time, or as fast as the computer can.
    pub speed: Option<f64>,
}

/// Where a car's frames come from.
#[derive(Clone, Debug)]
pub enum Drive {
    /// A vehicle model; each start makes another drive.
    Simulated {
        /// Tells cars apart.
        seed: u64,
        /// Length of one drive.
        seconds: u32,
    },
    /// A candump recording, replayed once.
    Recorded {
        /// The recording, plain or gzip.
        log: PathBuf,
        /// Describes its frames.
        dbc: PathBuf,
        /// Names its signals in VSS.
        map: PathBuf,
    },
}

/// A car that has an account and an enrolled agent.
#[derive(Debug)]
pub struct Car {
    spec: CarSpec,
    folder: PathBuf,
    record: Record,
    process: Option<Child>,
}

/// What must survive a restart.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Record {
    owner_key: String,
    /// Counts drives; 0 before the first.
    drive: u64,
    /// When the first frame of the drive was, RFC 3339. A recording keeps its own time otherwise.
    starts_at: String,
}

/// What the agent's settings file says; the rest are its defaults.
#[derive(Serialize)]
struct Settings<'a> {
    marketplace_url: &'a str,
    data_dir: PathBuf,
    replay: PathBuf,
    dbc: PathBuf,
    map: PathBuf,
    replay_speed: Speed,
    #[serde(skip_serializing_if = "Option::is_none")]
    replay_starts_at: Option<&'a str>,
    answer_campaigns: bool,
    claim_check_seconds: u32,
    claim_delay_seconds_max: u32,
    sweep_delay_seconds_max: u32,
    claim_vehicles_min: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    proving_keys_dir: Option<&'a Path>,
    allow_dev_keys: bool,
}

/// What an agent does when its drive is replayed and acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenReplayed {
    /// Ends.
    End,
    /// Stays, answers campaigns at once, and moves what they pay to its owner. On the road it would wait for hours, and for
    /// days, so that the time of a claim says nothing.
    AnswerCampaigns,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Speed {
    Times(f64),
    FlatOut(&'static str),
}

impl Car {
    /// Opens the car in `folder`, and on its first start gives its owner an account and enrols it.
    ///
    /// # Errors
    /// What the market or the agent refuses, in their words.
    pub async fn open(
        spec: CarSpec,
        folder: &Path,
        market: &Market,
        programs: &Programs,
    ) -> anyhow::Result<Self> {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        let mut car =
            Self { spec, folder: folder.to_owned(), record: Record::default(), process: None };
        if let Ok(text) = fs::read_to_string(car.file("car.json")) {
            car.record = serde_json::from_str(&text).context("cannot read car.json")?;
            return Ok(car);
        }
        let name = json!({ "name": format!("owner of {}", car.spec.name) });
        let owner = market.operator().create("/v1/owners", name).await?;
        text(&owner, "api_key")?.clone_into(&mut car.record.owner_key);
        car.enrol(market, programs).await?;
        car.save()?;
        Ok(car)
    }

    /// The car's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.spec.name
    }

    /// The key of its owner's account.
    #[must_use]
    pub fn owner_key(&self) -> &str {
        &self.record.owner_key
    }

    /// Whether its owner lets anything be proven.
    #[must_use]
    pub fn proves(&self) -> bool {
        self.spec.consent.iter().any(|(_, disclosure)| *disclosure == "prove")
    }

    /// Whether he lets signals of `group` be proven.
    #[must_use]
    pub fn proves_of(&self, group: &str) -> bool {
        self.spec.consent.contains(&(group, "prove"))
    }

    /// Folder of its agent.
    #[must_use]
    pub fn agent_folder(&self) -> PathBuf {
        self.file("agent")
    }

    /// Settings of its agent.
    #[must_use]
    pub fn settings_file(&self) -> PathBuf {
        self.file("agent.toml")
    }

    /// What its agent last said of itself.
    ///
    /// # Errors
    /// When it has not said anything yet.
    pub fn status(&self) -> anyhow::Result<Status> {
        Ok(status::read(&self.agent_folder())?)
    }

    /// The process of its agent, while there is one.
    #[must_use]
    pub fn process(&mut self) -> Option<&mut Child> {
        self.process.as_mut()
    }

    /// Takes the process of its agent, to stop or kill it.
    #[must_use]
    pub fn take_process(&mut self) -> Option<Child> {
        self.process.take()
    }

    /// Makes sure that there is a drive to replay: the one that was not finished, or a new one that
    /// ends at `now`.
    ///
    /// # Errors
    /// When the drive can not be written.
    pub async fn prepare_drive(
        &mut self,
        programs: &Programs,
        now: Timestamp,
    ) -> anyhow::Result<()> {
        if self.record.drive > 0 && !self.status().is_ok_and(|status| status.done) {
            return Ok(());
        }
        self.record.drive += 1;
        match self.spec.drive {
            Drive::Simulated { seed, seconds } => {
                let starts_at = now.plus_seconds(-i64::from(seconds));
                self.record.starts_at = starts_at.to_string();
                // A drive of its own for every car and start.
                let seed = seed.wrapping_add(self.record.drive.wrapping_mul(1_000));
                self.simulate(programs, seed, seconds).await?;
            }
            Drive::Recorded { .. } if self.record.drive > 1 => {}
            Drive::Recorded { .. } => self.record.starts_at = now.plus_seconds(-600).to_string(),
        }
        self.save()
    }

    /// Lines of the drive's log.
    ///
    /// # Errors
    /// When the log can not be read.
    pub fn drive_lines(&self) -> anyhow::Result<u64> {
        let log = match &self.spec.drive {
            Drive::Simulated { .. } => &self.file(&format!("drive-{}.log", self.record.drive)),
            Drive::Recorded { log, .. } => log,
        };
        let open = || -> std::io::Result<u64> {
            let file = File::open(log)?;
            let reader: Box<dyn Read> = if log.extension().is_some_and(|end| end == "gz") {
                Box::new(GzDecoder::new(file))
            } else {
                Box::new(file)
            };
            BufReader::new(reader).lines().try_fold(0, |count, line| line.map(|_| count + 1))
        };
        open().with_context(|| format!("cannot read {}", log.display()))
    }

    /// Starts the agent.
    ///
    /// # Errors
    /// When its settings can not be written or it can not be started.
    pub fn start(
        &mut self,
        programs: &Programs,
        market: &Market,
        when_replayed: WhenReplayed,
    ) -> anyhow::Result<()> {
        let settings = self.settings_file();
        fs::write(&settings, self.settings(market, when_replayed)?)?;
        let settings = path_text(&settings);
        let mut arguments = vec!["edge-agent", "run", "--config", &settings];
        if when_replayed == WhenReplayed::End {
            arguments.push("--exit-when-done");
        }
        self.process = Some(programs.start(&arguments, &self.file("agent.log"))?);
        Ok(())
    }

    fn settings(&self, market: &Market, when_replayed: WhenReplayed) -> anyhow::Result<String> {
        let (log, dbc, map, replay_starts_at) = match &self.spec.drive {
            Drive::Simulated { .. } => {
                let [log, dbc, map] = self.drive_files();
                (log, dbc, map, None)
            }
            Drive::Recorded { log, dbc, map } => {
                (log.clone(), dbc.clone(), map.clone(), Some(self.record.starts_at.as_str()))
            }
        };
        let settings = Settings {
            marketplace_url: market.grpc_url(),
            data_dir: self.agent_folder(),
            replay: log,
            dbc,
            map,
            replay_speed: self.spec.speed.map_or(Speed::FlatOut("flat-out"), Speed::Times),
            replay_starts_at,
            answer_campaigns: when_replayed == WhenReplayed::AnswerCampaigns,
            claim_check_seconds: 1,
            claim_delay_seconds_max: 1,
            sweep_delay_seconds_max: 1,
            claim_vehicles_min: market.vehicles_min(),
            proving_keys_dir: market.keys(),
            allow_dev_keys: true,
        };
        Ok(toml::to_string(&settings)?)
    }

    async fn enrol(&self, market: &Market, programs: &Programs) -> anyhow::Result<()> {
        let groups: serde_json::Map<String, Value> = self
            .spec
            .consent
            .iter()
            .map(|(group, word)| ((*group).to_owned(), json!(word)))
            .collect();
        let owner = market.rest(&self.record.owner_key);
        let code = owner.create("/v1/enrolment-codes", json!({ "consent": groups })).await?;
        let [make, model, year, powertrain] = &self.spec.vehicle;
        let data_dir = path_text(&self.agent_folder());
        #[rustfmt::skip] // a command line is read in pairs
        let arguments = [
            "edge-agent", "enroll", "--url", market.grpc_url(), "--code", text(&code, "code")?,
            "--make", make, "--model", model, "--year", year, "--powertrain", powertrain,
            "--data-dir", &data_dir,
        ];
        programs
            .output(&arguments)
            .await
            .with_context(|| format!("cannot enrol {}", self.spec.name))?;
        Ok(())
    }

    async fn simulate(&self, programs: &Programs, seed: u64, seconds: u32) -> anyhow::Result<()> {
        let [log, dbc, map] = self.drive_files().map(|file| path_text(&file));
        let (seed, seconds) = (seed.to_string(), seconds.to_string());
        #[rustfmt::skip] // a command line is read in pairs
        let arguments = [
            "edge-agent", "simulate", "--seed", &seed, "--start", &self.record.starts_at,
            "--seconds", &seconds, "--out", &log, "--dbc-out", &dbc, "--map-out", &map,
        ];
        programs.output(&arguments).await?;
        Ok(())
    }

    fn drive_files(&self) -> [PathBuf; 3] {
        let log = self.file(&format!("drive-{}.log", self.record.drive));
        [log, self.file("car.dbc"), self.file("car.map.toml")]
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn save(&self) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(&self.record)?;
        // Written beside and renamed: a torn file would lose the owner's key.
        fs::write(self.file("car.json.new"), text)?;
        Ok(fs::rename(self.file("car.json.new"), self.file("car.json"))?)
    }
}

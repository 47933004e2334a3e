//! `marketplace load`: how much a market on this machine takes in.
//!
//! It starts a market as a process of its own, enrols cars by the same door as any agent does, and
//! lets all of them stream over mutual TLS. Nothing is left out: every batch is signed, checked,
//! committed to disk and moved to the lake.
//!
//! **Invariant:** only what a receipt acknowledged is counted.

mod car;
mod drive;
mod fleet;
mod market;
mod report;
mod tally;
mod trucks;
mod usage;
mod written;

use std::io::Write;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};
use telematics::payload::SAMPLES_MAX;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tonic::Status;
use tonic_types::StatusExt as _;

use super::Settings;
use crate::archive;
use crate::clock::Clock;
use crate::config::Config;
use crate::db::Db;
use crate::identity::Authority;
use crate::lake::Lake;
use car::Car;
use fleet::{Fleet, Kind};
use market::Market;
use report::Report;
use tally::Tally;
use usage::Usage;

/// Until trucks must have sent everything.
const TRUCKS_WITHIN: Duration = Duration::from_hours(6);
/// Trucks that stream at the same time: a computer that plays thousands at once is too busy to greet them all.
const TRUCKS_AT_ONCE: usize = 250;
/// Until everything must be in the lake.
const CAUGHT_UP_WITHIN: Duration = Duration::from_mins(10);

/// Measures how much a market on this machine takes in.
///
/// Starts `marketplace serve` in a temporary folder, enrols cars, and streams from all of them over
/// mutual TLS: what one car sends is signed, checked, committed and moved to the lake as always.
/// Prints samples acknowledged a second, how long batches waited for their receipts, and what market
/// and load cost. Examples:
///
///   marketplace load --vehicles 1000 --rate 100 --seconds 60
///   marketplace load --vehicles 50 --rate max --seconds 60
///   marketplace load --vehicles 4000 --truck-days 3 --data-dir fleet --write peers
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Load {
    /// Cars that stream at the same time.
    #[arg(long, default_value_t = 100)]
    vehicles: usize,
    /// Samples a second of each car, or `max`: as fast as receipts come back.
    #[arg(long, default_value = "100")]
    rate: Rate,
    /// Seconds between two batches of a car.
    #[arg(long, default_value_t = 1.0, value_name = "SECONDS")]
    interval: f64,
    /// Signals that a car has.
    #[arg(long, default_value_t = 20)]
    signals: usize,
    /// Batches that a car sends ahead of their receipts.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    ahead: u16,
    /// How long they stream.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Sends instead what a fleet of trucks says in so many days, ending yesterday: the workload `iot` of
    /// the Time Series Benchmark Suite.
    #[arg(long, value_name = "DAYS", conflicts_with_all = ["rate", "interval", "signals", "seconds"])]
    truck_days: Option<u32>,
    /// Writes the same as Parquet files for other databases into this folder, and the owner's key.
    #[arg(long, value_name = "FOLDER", requires = "truck_days")]
    write: Option<PathBuf>,
    /// Where the market keeps everything, and leaves it. Default: a temporary folder.
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<PathBuf>,
    /// Prints figures as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Settings,
}

/// How much a car sends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Rate {
    PerSecond(f64),
    Max,
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.parse::<f64>()) {
            ("max", _) => Ok(Self::Max),
            (_, Ok(rate)) if rate.is_finite() && rate > 0.0 => Ok(Self::PerSecond(rate)),
            _ => Err("a number of samples a second above 0, or `max`".to_owned()),
        }
    }
}

/// What each car does.
#[derive(Clone, Copy, Debug)]
struct Plan {
    kind: Kind,
    /// How long cars stream; trucks have their days.
    streaming: Duration,
    samples_per_batch: usize,
    /// Between two batches of a paced car.
    interval: Duration,
    /// Or as soon as there is room.
    is_paced: bool,
    ahead: usize,
}

impl Load {
    pub(super) async fn run(self, out: &mut impl Write) -> anyhow::Result<()> {
        let plan = self.plan()?;
        let temporary = tempfile::tempdir()?;
        let mut config = self.settings.load()?;
        config.data_dir = self.data_dir.clone().unwrap_or_else(|| temporary.path().to_owned());
        let db = Db::open(&in_folder(&config)?)?;
        db.migrate()?;
        let authority = Authority::open(&config.authority_dir(), Clock::System.now())?;

        let market = Market::start(&config, self.settings.config.as_ref()).await?;
        let fleet = Fleet::open(&db, plan.kind, self.vehicles).await?;
        let cars = fleet.enrol(&db, &authority, &market).await?;
        if let Some(folder) = &self.write {
            fleet.write(folder, &cars)?;
        }
        let tally = Arc::new(Tally::default());
        let begun = Usages::now(&market)?;
        let (elapsed, memory) = self.stream(cars, plan, &market, &tally).await?;
        let used = Usages::now(&market)?.since(begun);
        let caught_up = wait_for_lake(&db, &config).await?;
        market.stop().await?;
        let report = Report::new(&tally, elapsed, used, memory, caught_up);
        if self.json { report.write_json(out) } else { report.write_text(out) }
    }

    fn plan(&self) -> anyhow::Result<Plan> {
        anyhow::ensure!(self.vehicles > 0, "--vehicles must be at least 1");
        anyhow::ensure!(self.signals > 0, "--signals must be at least 1");
        let interval = Duration::try_from_secs_f64(self.interval)
            .ok()
            .filter(|interval| !interval.is_zero())
            .context("--interval must be above 0")?;
        let (kind, rate) = match self.truck_days {
            Some(days) => (Kind::Trucks(days), Rate::Max),
            None => (Kind::Cars(self.signals), self.rate),
        };
        let samples = match rate {
            Rate::Max => SAMPLES_MAX,
            Rate::PerSecond(rate) => whole(rate * self.interval),
        };
        anyhow::ensure!(
            (1..=SAMPLES_MAX).contains(&samples),
            "--rate times --interval is {samples} samples a batch; a batch has 1 to {SAMPLES_MAX}"
        );
        Ok(Plan {
            kind,
            streaming: match kind {
                Kind::Cars(_) => Duration::from_secs(self.seconds),
                Kind::Trucks(_) => TRUCKS_WITHIN,
            },
            samples_per_batch: samples,
            interval,
            is_paced: rate != Rate::Max,
            ahead: usize::from(self.ahead),
        })
    }

    /// Lets `cars` stream; how long it took, and the market's memory second by second.
    async fn stream(
        &self,
        cars: Vec<Car>,
        plan: Plan,
        market: &Market,
        tally: &Arc<Tally>,
    ) -> anyhow::Result<(Duration, Vec<u64>)> {
        let bar = match plan.kind {
            Kind::Cars(_) => bar(usize::try_from(self.seconds)?, "streaming")?,
            Kind::Trucks(_) => ProgressBar::no_length()
                .with_style(ProgressStyle::with_template("{prefix:>16} {elapsed} {msg}")?)
                .with_prefix("streaming"),
        };
        let (begun, mut streaming) = (Instant::now(), JoinSet::new());
        let end = begun + plan.streaming;
        let count = u32::try_from(cars.len())?;
        let at_once = match plan.kind {
            Kind::Cars(_) => cars.len(),
            Kind::Trucks(_) => TRUCKS_AT_ONCE,
        };
        let turns = Arc::new(Semaphore::new(at_once));
        for (car, number) in cars.into_iter().zip(0..) {
            // Spread over the interval, as cars are.
            let (offset, tally) = (plan.interval * number / count, Arc::clone(tally));
            let turns = Arc::clone(&turns);
            streaming.spawn(async move {
                let _turn = turns.acquire_owned().await?;
                car.run(&plan, offset, end, &tally).await
            });
        }
        let mut memory = Vec::new();
        let mut seconds = tokio::time::interval(Duration::from_secs(1));
        loop {
            tokio::select! {
                car = streaming.join_next() => match car {
                    Some(ended) => ended?.context("a car's stream failed")?,
                    None => break,
                },
                _ = seconds.tick() => {
                    memory.push(market.usage()?.memory_bytes);
                    bar.set_position(begun.elapsed().as_secs().min(self.seconds));
                    bar.set_message(format!("{} samples acknowledged", report::grouped(tally.samples())));
                }
            }
        }
        bar.finish_and_clear();
        Ok((begun.elapsed(), memory))
    }
}

/// What market and load have used.
#[derive(Clone, Copy)]
struct Usages {
    market: Usage,
    load: Usage,
}

impl Usages {
    fn now(market: &Market) -> anyhow::Result<Self> {
        Ok(Self { market: market.usage()?, load: Usage::of(std::process::id())? })
    }

    fn since(self, earlier: Self) -> Self {
        let since =
            |now: Usage, then: Usage| Usage { cpu: now.cpu.saturating_sub(then.cpu), ..now };
        Self { market: since(self.market, earlier.market), load: since(self.load, earlier.load) }
    }
}

/// The database of a market whose folder may not be there yet.
fn in_folder(config: &Config) -> anyhow::Result<String> {
    std::fs::create_dir_all(&config.data_dir)
        .with_context(|| format!("cannot make {}", config.data_dir.display()))?;
    Ok(config.database_url())
}

/// Waits until every batch is in the lake; how many were missing when the cars stopped, and how long
/// that took.
async fn wait_for_lake(db: &Db, config: &Config) -> anyhow::Result<(u64, Duration)> {
    let begun = Instant::now();
    let mut behind = None;
    loop {
        let arrival = Lake::open(config.lake()).await?.last_arrival().await?;
        let waiting = db.read(move |conn| archive::waiting(conn, arrival)).await?;
        let first = *behind.get_or_insert(waiting);
        if waiting == 0 {
            return Ok((first, begun.elapsed()));
        }
        anyhow::ensure!(
            begun.elapsed() < CAUGHT_UP_WITHIN,
            "{waiting} batches never reached the lake"
        );
        sleep(Duration::from_millis(250)).await;
    }
}

/// How long the market asks to wait, when it says so (`google.rpc.RetryInfo`).
fn retry_delay(status: &Status) -> Option<Duration> {
    status.get_details_retry_info()?.retry_delay
}

#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates, and the caller looks at the bounds"
)]
fn whole(number: f64) -> usize {
    number.round() as usize
}

fn bar(length: usize, what: &'static str) -> anyhow::Result<ProgressBar> {
    let style = ProgressStyle::with_template("{prefix:>16} {bar:32} {pos}/{len} {msg}")?;
    let bar = ProgressBar::new(length.try_into()?).with_style(style).with_prefix(what);
    Ok(bar)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_number_above_zero_or_max() {
        assert_eq!("max".parse(), Ok(Rate::Max));
        assert_eq!("2.5".parse(), Ok(Rate::PerSecond(2.5)));
        for text in ["0", "-1", "NaN", "inf", "", "fast"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }
}

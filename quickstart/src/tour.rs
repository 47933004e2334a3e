//! The tour: everything from the first frame to the paid owner, in the order a newcomer would ask.
//!
//! **Invariant:** each step goes through the doors that users have, and its outcome is read back from
//! the market, never assumed.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use marketplace::clock::Clock;
use serde_json::{Value, json};

use crate::asking::{self, Answers};
use crate::buyer::Buyer;
use crate::car::{Car, CarSpec, WhenReplayed};
use crate::child::Programs;
use crate::fleet;
use crate::market::{Addresses, Market, list, text};
use crate::report::{self, CarRow, Purchase};

const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// Tokens that the buyer gets at each start; the dataset of the tour costs a few.
const BUYER_TOKENS: &str = "500";
/// The market's own default, said here because the tour must have as many cars.
const VEHICLES_MIN: u32 = 10;
/// What a fleet of ten cars delivers in one drive, and more.
const SAMPLES_MIN: u64 = 200_000;
/// What the buyer looks for.
const SEARCH: &str = "speed";

/// What the tour shows.
#[derive(Debug, clap::Args)]
pub struct Tour {
    /// Folder for everything; a later start with the same folder goes on with its data.
    #[arg(long, default_value = "axle-data")]
    data: PathBuf,
    /// End after the tour instead of staying up.
    #[arg(long)]
    once: bool,
    /// Simulated cars. A dataset can be sold only with ten cars in it.
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u16).range(10..=200))]
    cars: u16,
    /// A candump recording (plain or gzip) that one more car replays.
    #[arg(long, value_name = "LOG", requires = "dbc", requires = "map")]
    drive: Option<PathBuf>,
    /// The DBC file that describes the frames of the recording.
    #[arg(long, value_name = "FILE", requires = "drive")]
    dbc: Option<PathBuf>,
    /// The mapping of its signals to VSS; see edge-agent/vehicles for examples.
    #[arg(long, value_name = "FILE", requires = "drive")]
    map: Option<PathBuf>,
    /// The car of the recording: make, model, year and powertrain.
    #[arg(long, value_delimiter = ',', num_args = 1, default_value = "Recorded,Car,2017,hybrid")]
    vehicle: Vec<String>,
}

/// Runs the tour.
///
/// # Errors
/// The first step that fails, in the words of the program that refused.
pub async fn run(tour: &Tour, out: &mut impl Write) -> anyhow::Result<()> {
    let specs = specs(tour)?;
    fs::create_dir_all(&tour.data)
        .with_context(|| format!("cannot create {}", tour.data.display()))?;
    let data = fs::canonicalize(&tour.data)?;
    let programs = Programs::own()?;

    let mut market = start_market(&programs, &data).await?;
    let mut cars = open_cars(specs, &data, &market, &programs).await?;
    drive(&mut cars, &mut market, &programs).await?;
    let purchase = buy(&market, &data).await?;

    let answers = ask(&mut cars, &market, &purchase.buyer, &programs, &data).await?;
    let rows = car_rows(&cars, &market, &purchase).await?;
    writeln!(out, "{}", report::cars(&rows))?;
    writeln!(out, "{}", report::purchase(&purchase)?)?;
    writeln!(out, "{}", report::answers(&answers))?;
    writeln!(
        out,
        "marketplace audit, which computes all of it again:\n{}\n",
        market.audit(&programs).await?
    )?;
    if !tour.once {
        let buyer_key = purchase.buyer.rest().key();
        write!(out, "{}", report::addresses(&market, &cars, buyer_key, &data)?)?;
        tokio::signal::ctrl_c().await?;
    }
    market.stop().await
}

fn specs(tour: &Tour) -> anyhow::Result<Vec<CarSpec>> {
    let mut specs = fleet::simulated(tour.cars);
    if let (Some(log), Some(dbc), Some(map)) = (&tour.drive, &tour.dbc, &tour.map) {
        let [log, dbc, map] = [log, dbc, map].map(|file| {
            fs::canonicalize(file).with_context(|| format!("cannot read {}", file.display()))
        });
        let vehicle = tour.vehicle.clone().try_into();
        let Ok(vehicle) = vehicle else {
            bail!(
                "--vehicle takes make, model, year and powertrain, such as Toyota,RAV4,2017,hybrid"
            );
        };
        specs.push(fleet::recorded(vehicle, log?, dbc?, map?));
    }
    Ok(specs)
}

async fn start_market(programs: &Programs, data: &Path) -> anyhow::Result<Market> {
    let bar = spinner("making DEVELOPMENT keys, with which anyone can forge proofs");
    let keys = asking::keys(programs, data).await?;
    bar.set_message("starting the marketplace");
    let (folder, addresses) = (data.join("marketplace"), Addresses::usual()?);
    let market = Market::start(programs, &folder, addresses, VEHICLES_MIN, Some(&keys)).await?;
    bar.finish_with_message(format!("marketplace at {}", market.operator().base()));
    Ok(market)
}

async fn open_cars(
    specs: Vec<CarSpec>,
    data: &Path,
    market: &Market,
    programs: &Programs,
) -> anyhow::Result<Vec<Car>> {
    let bar = steps("enrolling cars", specs.len());
    let mut cars = Vec::new();
    for spec in specs {
        let folder = data.join("cars").join(&spec.name);
        cars.push(Car::open(spec, &folder, market, programs).await?);
        bar.inc(1);
    }
    bar.finish();

    let bar = steps("making their drives", cars.len());
    let now = Clock::System.now();
    for car in &mut cars {
        car.prepare_drive(programs, now).await?;
        bar.inc(1);
    }
    bar.finish();
    Ok(cars)
}

/// Starts the agents and waits until each has replayed its drive and has every receipt.
async fn drive(cars: &mut [Car], market: &mut Market, programs: &Programs) -> anyhow::Result<()> {
    let bars = MultiProgress::new();
    let style = ProgressStyle::with_template("{prefix:>10} {bar:30} {percent:>3} %  {msg}")?;
    let mut waiting = Vec::new();
    for (index, car) in cars.iter_mut().enumerate() {
        let bar = bars.add(ProgressBar::new(car.drive_lines()?).with_style(style.clone()));
        bar.set_prefix(car.name().to_owned());
        car.start(programs, market, WhenReplayed::End)?;
        waiting.push((index, bar));
    }
    while !waiting.is_empty() {
        tokio::time::sleep(POLL_INTERVAL).await;
        market.process().check()?;
        let mut still = Vec::new();
        for (index, bar) in waiting {
            let car = cars.get_mut(index).context("a car for each bar")?;
            if advance(car, &bar)? {
                bar.set_position(bar.length().unwrap_or(0));
                bar.finish();
            } else {
                still.push((index, bar));
            }
        }
        waiting = still;
    }
    Ok(())
}

/// Moves the car's bar; returns whether its agent has ended.
fn advance(car: &mut Car, bar: &ProgressBar) -> anyhow::Result<bool> {
    if let Ok(status) = car.status() {
        bar.set_position(status.position);
        bar.set_message(format!("{} samples acknowledged", status.samples_acknowledged));
    }
    let process = car.process().context("the agent was started")?;
    process.check()?;
    Ok(process.ended()?.is_some())
}

/// Finds, quotes, buys and downloads a dataset, as a buyer does.
async fn buy(market: &Market, data: &Path) -> anyhow::Result<Purchase> {
    let bar = spinner("looking for a dataset");
    let buyer = buyer(market, data).await?;
    let dataset = buyer.find(SEARCH).await?;

    bar.set_message("buying it");
    let order = buyer.buy(&dataset).await?;

    bar.set_message("downloading it");
    let folder = data.join("bought");
    fs::create_dir_all(&folder)?;
    let file = folder.join(format!("{}.parquet", text(&order, "id")?));
    let bytes = buyer.download(&order, &file).await?;
    bar.finish_with_message(format!("bought \"{}\"", text(&dataset, "title")?));
    Ok(Purchase { buyer, dataset, order, file, bytes })
}

/// Asks what nobody shows, and checks the proofs.
async fn ask(
    cars: &mut [Car],
    market: &Market,
    buyer: &Buyer,
    programs: &Programs,
    data: &Path,
) -> anyhow::Result<Answers> {
    let bar = spinner("asking for proofs");
    let answers = asking::ask(cars, market, buyer, programs, &data.join("proven")).await?;
    bar.finish_with_message("proofs downloaded and verified offline");
    Ok(answers)
}

/// The buyer's account, made at the first start, with tokens for this one.
async fn buyer(market: &Market, data: &Path) -> anyhow::Result<Buyer> {
    let file = data.join("buyer.json");
    if !file.exists() {
        let name = json!({ "name": "Example Motors data team" });
        let account = market.operator().create("/v1/buyers", name).await?;
        fs::write(&file, serde_json::to_string_pretty(&account)?)?;
    }
    let account: Value = serde_json::from_str(&fs::read_to_string(&file)?)?;
    let deposits = format!("/v1/buyers/{}/deposits", text(&account, "id")?);
    // Each start brings its own deposit.
    let key = Clock::System.now().to_string();
    market.operator().create_once(&deposits, &key, json!({ "amount": BUYER_TOKENS })).await?;
    Ok(Buyer::new(market, text(&account, "api_key")?))
}

/// What each car did, from its agent, and what it earned, from its owner's account.
async fn car_rows(
    cars: &[Car],
    market: &Market,
    purchase: &Purchase,
) -> anyhow::Result<Vec<CarRow>> {
    let order = text(&purchase.order, "id")?;
    let mut rows = Vec::new();
    for car in cars {
        let payouts = market.rest(car.owner_key()).read("/v1/payouts").await?;
        let mut earned = "0.000000".to_owned();
        for payout in list(&payouts, "payouts")? {
            if text(payout, "order")? == order {
                text(payout, "amount")?.clone_into(&mut earned);
            }
        }
        rows.push(CarRow { name: car.name().to_owned(), status: car.status()?, earned });
    }
    let samples: u64 = rows.iter().map(|row| row.status.samples_acknowledged).sum();
    ensure!(samples >= SAMPLES_MIN, "only {samples} samples were acknowledged");
    Ok(rows)
}

fn spinner(message: &str) -> ProgressBar {
    let bar = ProgressBar::new_spinner().with_message(message.to_owned());
    bar.enable_steady_tick(POLL_INTERVAL);
    bar
}

fn steps(message: &str, count: usize) -> ProgressBar {
    let length = u64::try_from(count).unwrap_or(0);
    let style = ProgressStyle::with_template("{msg} {bar:30} {pos}/{len}");
    let bar = ProgressBar::new(length).with_message(message.to_owned());
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

//! Campaigns: a buyer asks what nobody shows, cars prove it and are paid, and the buyer checks the proofs himself.
//!
//! **Invariant:** the count of vehicles comes from verifying the downloaded claims offline, not from the
//! marketplace's word.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use marketplace::clock::Clock;
use serde_json::{Value, json};
use telematics::time::date_of_day;
use zk::keys::Folder;

use crate::buyer::{Buyer, poll};
use crate::car::{Car, WhenReplayed};
use crate::child::Programs;
use crate::market::{Market, count, list, path_text, text};

/// How long a campaign of the tour is open.
const OPEN_SECONDS: i64 = 3_600;

/// Tokens for each car that proves it, and cars that are paid at most.
const PAY_PER_VEHICLE: &str = "0.500000";
const VEHICLES_MAX: u32 = 20;

/// What the buyer wants to know about cars whose owners show none of it, and which group that is of.
fn questions() -> [(&'static str, &'static str, Value); 3] {
    [
        (
            "A minute of gentle driving",
            "driving",
            json!({
                "circuit": "fact", "signal": "Vehicle.Chassis.Accelerator.PedalPosition",
                "values": { "high": 60 }
            }),
        ),
        (
            "A trip with steady hands",
            "driving",
            json!({
                "circuit": "summary", "signal": "Vehicle.Chassis.SteeringWheel.Angle",
                "period": "trip", "figures": { "min": { "low": -720 }, "max": { "high": 720 } }
            }),
        ),
        (
            "Not in the harbour",
            "location",
            json!({ "circuit": "region", "outside": ["12/2161/1323", "13/4324/2648"] }),
        ),
    ]
}

/// What was asked and what was proven.
#[derive(Debug)]
pub struct Answers {
    /// One for each campaign.
    pub campaigns: Vec<Answer>,
    /// The downloaded claims.
    pub file: PathBuf,
}

/// The answers to one question.
#[derive(Debug)]
pub struct Answer {
    /// What the buyer calls the campaign.
    pub title: String,
    /// The question in words.
    pub question: String,
    /// Vehicles whose proof was verified.
    pub vehicles: u64,
    /// Tokens that they were paid.
    pub paid: String,
}

/// The folder of keys below `folder`. Made once, for development: a first look has no ceremony to take
/// keys from.
///
/// # Errors
/// When they can not be written.
pub async fn keys(programs: &Programs, folder: &Path) -> anyhow::Result<PathBuf> {
    let keys = folder.join("keys");
    if !keys.join(Folder::MANIFEST).exists() {
        programs.output(&["zk", "setup", "--dev", "--out", &path_text(&keys)]).await?;
    }
    Ok(keys)
}

/// Asks the questions of the tour of those `cars` whose owners let something be proven, waits for the
/// claims and until their owners have what was paid, downloads and verifies them.
///
/// # Errors
/// The first step that fails, in the words of the program that refused.
pub async fn ask(
    cars: &mut [Car],
    market: &Market,
    buyer: &Buyer,
    programs: &Programs,
    folder: &Path,
) -> anyhow::Result<Answers> {
    let mut proving: Vec<_> = cars.iter_mut().filter(|car| car.proves()).collect();
    let campaigns = open(buyer).await?;
    for car in &mut proving {
        car.start(programs, market, WhenReplayed::AnswerCampaigns)?;
    }
    let asked = async {
        for (campaign, (_, group, _)) in campaigns.iter().zip(questions()) {
            let path = format!("/v1/campaigns/{}", text(campaign, "id")?);
            let expected = proving.iter().filter(|car| car.proves_of(group)).count();
            poll("the claims of a campaign", async || {
                for car in &mut proving {
                    car.process().context("the agent was started")?.check()?;
                }
                let claims = count(&buyer.rest().read(&path).await?, "claims")?;
                Ok((claims == u64::try_from(expected)?).then_some(()))
            })
            .await?;
        }
        for car in &proving {
            poll("what the campaigns paid", async || Ok(has_pay(car)?.then_some(()))).await?;
        }
        anyhow::Ok(())
    };
    let answered = asked.await;
    for car in proving {
        if let Some(process) = car.take_process() {
            process.stop().await?;
        }
    }
    answered?;
    verify(&campaigns, market, buyer, programs, folder).await
}

/// Whether what the campaigns paid for the claims of `car` is on its owner's account.
fn has_pay(car: &Car) -> anyhow::Result<bool> {
    let status = car.status()?;
    let asked = questions().into_iter().filter(|(_, group, _)| car.proves_of(group)).count();
    let is_done = status.claims_sent >= u64::try_from(asked)?;
    Ok(is_done && status.claims_swept_micro_tokens == status.claims_paid_micro_tokens)
}

async fn open(buyer: &Buyer) -> anyhow::Result<Vec<Value>> {
    let now = Clock::System.now();
    let day = |days| date_of_day(u16::try_from(now.day() + days).unwrap_or(u16::MAX));
    let mut campaigns = Vec::new();
    for (title, _, question) in questions() {
        let campaign = json!({
            "title": title,
            "scope": { "powertrain": "electric", "first_day": day(-1), "last_day": day(1) },
            "question": question,
            "closes_at": now.plus_seconds(OPEN_SECONDS).to_string(),
            "pay_per_vehicle": PAY_PER_VEHICLE,
            "vehicles_max": VEHICLES_MAX,
        });
        let key = format!("{title}, {now}");
        let key = key.replace(' ', "-");
        campaigns.push(buyer.rest().create_once("/v1/campaigns", &key, campaign).await?);
    }
    Ok(campaigns)
}

/// Downloads claims and published roots, and has `zk verify` check them without the marketplace.
async fn verify(
    campaigns: &[Value],
    market: &Market,
    buyer: &Buyer,
    programs: &Programs,
    folder: &Path,
) -> anyhow::Result<Answers> {
    fs::create_dir_all(folder)?;
    let (file, roots) = (folder.join("claims.jsonl"), folder.join("roots.json"));
    let mut claims = String::new();
    for campaign in campaigns {
        let one = folder.join("claims.part");
        let path = format!("/v1/campaigns/{}/claims", text(campaign, "id")?);
        buyer.rest().download(&path, &one).await?;
        claims.push_str(&fs::read_to_string(&one)?);
        fs::remove_file(&one)?;
    }
    fs::write(&file, claims)?;
    buyer.rest().download("/v1/epochs/0/roots", &roots).await?;

    let keys = market.keys().context("the market has no keys")?;
    let [claims, roots, keys] = [file.as_path(), &roots, keys].map(path_text);
    #[rustfmt::skip] // a command line is read in pairs
    let arguments = [
        "zk", "verify", &claims, "--keys", &keys, "--allow-dev-keys", "--roots", &roots, "--json",
    ];
    let summary: Value = serde_json::from_str(&programs.output(&arguments).await?)?;
    let verified = list(&summary, "campaigns")?;
    let mut paid = Vec::new();
    for campaign in campaigns {
        let path = format!("/v1/campaigns/{}", text(campaign, "id")?);
        paid.push(text(&buyer.rest().read(&path).await?, "paid_out")?.to_owned());
    }
    let answer = |(campaign, paid): (&Value, String)| {
        let id = text(campaign, "id")?;
        let is_this = |verified: &&Value| text(verified, "campaign").is_ok_and(|of| of == id);
        let verified = verified.iter().find(is_this).context("a campaign without claims")?;
        Ok(Answer {
            title: text(campaign, "title")?.to_owned(),
            question: text(verified, "question")?.to_owned(),
            vehicles: count(verified, "vehicles")?,
            paid,
        })
    };
    let campaigns = campaigns.iter().zip(paid).map(answer).collect::<anyhow::Result<Vec<_>>>()?;
    ensure!(count(&summary, "claims")? == count(&summary, "verified")?, "not all claims hold");
    Ok(Answers { campaigns, file })
}

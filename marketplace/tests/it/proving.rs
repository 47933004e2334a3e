//! Cars that prove: keys for development, a committed summary, and a claim about it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

use marketplace::app::App;
use marketplace::campaigns::{self, CampaignsError, Record, Terms};
use marketplace::config::Config;
use marketplace::identity::{self, ApiKey, Buyer, Owner};
use marketplace::jobs::roots;
use marketplace::ledger::{self, Amount, IdempotencyKey, LedgerError};
use proto::v1;
use proto::v1::proofs_client::ProofsClient;
use telematics::question::{Bounds, ClassPattern, SummaryBounds};
use telematics::testing::T0;
use telematics::window::{Commitment, Committed, Figure, Period, Summary};
use telematics::{BuyerId, Campaign, CampaignId, LeavesAt, Question, Scope, Signal, Value};
use tempfile::TempDir;
use tonic::Status;
use tonic::transport::Channel;
use zk::keys::{self, Allow, Folder, Origin};
use zk::tree::BucketPath;
use zk::{
    Blinding, Circuit, ClassNumbers, Committable, Leaf, Payee, Prover, Root, Statement, Witness,
};

use crate::cars::{self, Car};
use crate::market::Market;

/// A folder of keys for development, made once for all tests.
pub(crate) fn keys_dir() -> &'static Path {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    FOLDER
        .get_or_init(|| {
            let folder = tempfile::tempdir().unwrap();
            let keys = Circuit::ALL.map(|circuit| (circuit, keys::development(circuit).unwrap()));
            keys::write(folder.path(), Origin::Development, &BTreeMap::from(keys)).unwrap();
            folder
        })
        .path()
}

/// The prover of summaries, made once for all tests.
pub(crate) fn prover() -> &'static Prover {
    static PROVER: OnceLock<Prover> = OnceLock::new();
    PROVER.get_or_init(|| {
        let folder = Folder::load(keys_dir(), Allow::DevelopmentToo).unwrap();
        folder.prover(Circuit::Summary).unwrap()
    })
}

/// Makes `config` that of a market that takes proofs, from however few cars.
pub(crate) fn takes_proofs(config: &mut Config) {
    (config.keys_dir, config.allow_dev_keys) = (Some(keys_dir().to_owned()), true);
    config.rules.vehicles_min = 0;
}

/// A day's speed, at most 120 km/h.
fn day_of_speed() -> Committable {
    let mut figures = [0; Figure::COUNT];
    figures[Figure::ALL.iter().position(|figure| *figure == Figure::Max).unwrap()] = 12_000;
    Committable::Summary(Summary {
        signal: Signal::SPEED,
        period: Period::Day,
        started_at: T0,
        figures,
        windows: Commitment([0; 32]),
    })
}

/// "At most 130 km/h."
fn at_most_130() -> Question {
    let mut figures = [Bounds::ANY_FIGURE; Figure::COUNT];
    let max = Figure::ALL.iter().position(|figure| *figure == Figure::Max).unwrap();
    figures[max] = Bounds::of_figure(0, Value::from_raw(13_000).raw()).unwrap();
    Question::Summary(SummaryBounds { signal: Signal::SPEED, period: Period::Day, figures })
}

/// A car with a committed day whose leaf is under a published root.
pub(crate) struct Proving {
    pub(crate) car: Car,
    pub(crate) at: LeavesAt,
    pub(crate) blinding: Blinding,
    /// Of the payee of its next claim.
    pub(crate) salt: [u8; 16],
    pub(crate) proofs: ProofsClient<Channel>,
}

impl Proving {
    pub(crate) async fn start(market: &Market) -> Self {
        Self::start_for(market, market.owner().await).await
    }

    /// A car of `owner`.
    pub(crate) async fn start_for(market: &Market, owner: Owner) -> Self {
        let mut car = Car::enrol_for(market, owner).await;
        let blinding = Blinding::draw(&mut rand::rng());
        let commitment = day_of_speed().commit(blinding).unwrap();
        let committed = Committed { signal: Signal::SPEED, commitment };
        let batch = car.batch_of_commitments(vec![committed]);
        let at = car.send(market, [batch]).await.leaves()[0].unwrap();
        roots::turn(&market.app).await.unwrap();
        let channel = cars::channel(market, cars::tls(market)).await.unwrap();
        Self { car, at, blinding, salt: rand::random(), proofs: ProofsClient::new(channel) }
    }

    /// A root that is published now, and the witness that leads to it.
    pub(crate) async fn witness(&mut self) -> (Root, Witness) {
        let LeavesAt { epoch, position, day } = self.at;
        let ask = v1::FetchRootRequest { epoch };
        let newest = self.proofs.fetch_root(ask).await.unwrap().into_inner();
        let (size, bucket) = (newest.size, position / 256);
        let ask = v1::FetchBucketRequest { epoch, size, bucket };
        let found = self.proofs.fetch_bucket(ask).await.unwrap().into_inner();
        let leaves: Vec<_> =
            found.leaves.iter().map(|leaf| Leaf::from_bytes(leaf).unwrap()).collect();
        let sibling = |index: usize| Root::from_bytes(&found.siblings[index]).unwrap();
        let siblings =
            std::array::from_fn(|level| std::array::from_fn(|other| sibling(3 * level + other)));
        let path = BucketPath { bucket, siblings }.path(&leaves, position).unwrap();
        let witness = Witness {
            secret: cars::secret_of(&self.car.key),
            class: ClassNumbers::of(&cars::description()),
            day,
            path,
            committed: day_of_speed(),
            blinding: self.blinding,
        };
        (Root::from_bytes(&newest.root).unwrap(), witness)
    }

    /// A proven claim to `campaign`.
    pub(crate) async fn claim(&mut self, campaign: &Campaign) -> v1::SubmitClaimRequest {
        let (root, witness) = self.witness().await;
        let statement = Statement {
            root,
            campaign: campaign.id,
            nullifier: witness.secret.nullifier(campaign.id),
            payee: Payee::of(self.car.owner.id().as_bytes(), self.salt),
            scope: campaign.scope.clone(),
            question: campaign.question.clone(),
        };
        let proof = prover().prove(&statement, &witness, &mut rand::rng()).unwrap();
        v1::SubmitClaimRequest {
            campaign_id: campaign.id.to_vec(),
            root: root.to_bytes().to_vec(),
            nullifier: statement.nullifier.to_bytes().to_vec(),
            payee: statement.payee.to_bytes().to_vec(),
            proof: proof.to_bytes().to_vec(),
        }
    }

    /// Whether the claim existed, or why it was refused.
    pub(crate) async fn submit(&mut self, claim: &v1::SubmitClaimRequest) -> Result<bool, Status> {
        let answer = self.proofs.submit_claim(claim.clone()).await?;
        Ok(answer.into_inner().existed)
    }
}

/// A new buyer with a hundred tokens, and his key.
pub(crate) async fn buyer(app: &App) -> (Buyer, String) {
    let (id, keys) =
        (BuyerId::new(app.clock.now(), rand::random()), [(); 2].map(|()| rand::random()));
    let key = ApiKey::new(keys[1]).reveal();
    let buyer = app.db.write::<_, LedgerError, _>(move |conn| {
        let operator = identity::create_operator(conn, &ApiKey::new(keys[0]), T0)?;
        let buyer = identity::create_buyer(conn, &operator, "Acme", id, &ApiKey::new(keys[1]), T0)?;
        let tokens = Amount::from_micros(100_000_000);
        let key = IdempotencyKey::parse(&id.to_string()).unwrap();
        ledger::deposit(conn, &operator, id, tokens, &key, T0)?;
        Ok(buyer)
    });
    (buyer.await.unwrap(), key)
}

/// Two tokens for each of at most ten vehicles, and five percent of that for the market.
pub(crate) fn terms() -> Terms {
    Terms::new(Amount::from_micros(2_000_000), 10, 500).unwrap()
}

/// A question to cars like ours, about what was received `days` around today; not asked yet.
pub(crate) fn asking(app: &App, days: std::ops::RangeInclusive<i64>) -> Campaign {
    let now = app.clock.now();
    let day = |offset: i64| u16::try_from(now.day() + offset).unwrap();
    let class = ClassPattern { make: Some("Toyota".to_owned()), ..ClassPattern::default() };
    Campaign {
        id: CampaignId::new(now, rand::random()),
        title: "Calm drivers".to_owned(),
        scope: Scope::new(class, day(*days.start()), day(*days.end())).unwrap(),
        question: at_most_130(),
        closes_at: now.plus_seconds(3_600),
    }
}

/// Opens `campaign` on these terms.
pub(crate) async fn open(app: &App, buyer: Buyer, campaign: &Campaign, terms: Terms) -> Record {
    let (rules, now, campaign) = (app.config.rules.clone(), app.clock.now(), campaign.clone());
    let create =
        move |conn: &mut _| campaigns::create(conn, &buyer, campaign.clone(), terms, &rules, now);
    app.db.write::<_, CampaignsError, _>(create).await.unwrap()
}

/// A campaign about cars like ours, for what was received `days` around today, on the usual [`terms`].
pub(crate) async fn campaign(
    app: &App,
    buyer: Buyer,
    days: std::ops::RangeInclusive<i64>,
) -> Campaign {
    let campaign = asking(app, days);
    open(app, buyer, &campaign, terms()).await;
    campaign
}

//! The same market on PostgreSQL.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use marketplace::{archive, campaigns, erasure};
use proto::v1::RefusalReason;

use crate::cars::Car;
use crate::market::Market;
use crate::proving::{self, Proving};

/// A server of our own in a temporary folder, reached through a socket there. PostgreSQL refuses to
/// run as root, so root starts it as the user that Debian's package makes.
struct Server {
    child: Child,
    folder: tempfile::TempDir,
}

impl Server {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(folder.path()));
        }
        let data = folder.path().join("data");
        run(program("initdb").args(["--auth=trust", "--username=axle", "-D"]).arg(&data));
        let child = program("postgres")
            .args(["-c", "listen_addresses=", "-k"])
            .arg(folder.path())
            .arg("-D")
            .arg(&data)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { child, folder }
    }

    async fn url(&self) -> String {
        let socket = self.folder.path().join(".s.PGSQL.5432");
        while !socket.exists() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let folder = self.folder.path().to_string_lossy().replace('/', "%2F");
        format!("postgres://axle@{folder}/postgres")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout == b"0\n"
}

fn program(name: &str) -> Command {
    let versions = std::fs::read_dir("/usr/lib/postgresql").unwrap();
    let newest: PathBuf = versions.map(|version| version.unwrap().path()).max().unwrap();
    let path = newest.join("bin").join(name);
    if !is_root() {
        return Command::new(path);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]).arg(path);
    command.current_dir(Path::new("/"));
    command
}

fn run(command: &mut Command) {
    assert!(command.stdout(Stdio::null()).status().unwrap().success(), "{command:?}");
}

/// Leaves, roots, a campaign and a claim.
async fn prove_on(market: &Market) {
    let mut car = Proving::start(market).await;
    let (buyer, _) = proving::buyer(&market.app).await;
    let campaign = proving::campaign(&market.app, buyer, -1..=1).await;
    let claim = car.claim(&campaign).await;
    assert!(!car.submit(&claim).await.unwrap());
    assert!(car.submit(&claim).await.unwrap());
    let claims = move |conn: &mut _| campaigns::claims(conn, &buyer, campaign.id, None, 10);
    assert_eq!(market.app.db.read(claims).await.unwrap().len(), 1);
}

/// What is implausible is scored, and everything is erased when its owner asks.
async fn erase_on(market: &Market, car: &Car) {
    let (id, owner, now) = (car.id, car.owner, market.now());
    let scored = market.app.db.read(move |conn| archive::scored(conn, id, 100)).await.unwrap();
    assert_eq!(scored.len(), 20);
    let qualities = market.app.db.read(archive::qualities).await.unwrap();
    assert_eq!(qualities[&id].samples, 200);
    let request = move |conn: &mut _| erasure::request(conn, &owner, id, now);
    market.app.db.write(request).await.unwrap();
    marketplace::jobs::erasure::turn(&market.app).await.unwrap();
    let totals = market.app.db.read(archive::totals).await.unwrap();
    assert_eq!(totals.samples, 200, "those of the other car");
    let erased = market.app.db.read(move |conn| erasure::erasure(conn, id)).await.unwrap();
    assert!(erased.unwrap().finished_at.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL"]
async fn cars_enrol_and_send_on_postgresql_as_on_sqlite() {
    let server = Server::start();
    let market = Market::start_on(&server.url().await).await;
    let (mut car, mut other) = (Car::enrol(&market).await, Car::enrol(&market).await);
    let fork = car.batch_of("Vehicle.Speed", 3);
    let batches = (0..20).map(|_| car.batch()).collect::<Vec<_>>();
    let others = (0..20).map(|_| other.batch()).collect::<Vec<_>>();

    let (first, second) =
        tokio::join!(car.send(&market, batches.clone()), other.send(&market, others));
    assert_eq!((first.receipts().len(), second.receipts().len()), (20, 20));
    let again = car.send(&market, batches).await.receipts();
    assert!(again.iter().all(|(_, existed)| *existed));
    let totals = market.app.db.read(archive::totals).await.unwrap();
    assert_eq!((totals.batches, totals.samples), (40, 400));

    prove_on(&market).await;
    market.decide(&other.owner, other.id, "motion=keep").await;
    let stale = other.batch();
    other.send(&market, [stale]).await.refusal(RefusalReason::StaleConsent);
    car.send(&market, [fork]).await.refusal(RefusalReason::ForkedChain);
    let id = car.id;
    let evidence = market.app.db.read(move |conn| archive::quarantined(conn, id)).await.unwrap();
    assert_eq!(evidence.len(), 2);
    let (latest, id) = (archive::latest, other.id);
    assert_eq!(market.app.db.read(move |conn| latest(conn, id)).await.unwrap().len(), 1);
    erase_on(&market, &other).await;
    market.stop().await;
}

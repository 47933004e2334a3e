//! A marketplace in a folder of its own, with its door for cars open on a free port.

use std::net::SocketAddr;
use std::path::Path;

use marketplace::api::grpc;
use marketplace::app::App;
use marketplace::audit::Books;
use marketplace::config::Config;
use marketplace::consent::{self, Decision};
use marketplace::identity::{self, ApiKey, IdentityError, Owner};
use telematics::{EnrolmentCode, OwnerId, Timestamp, VehicleId};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::cars::Door;
use crate::{engine, s3};

pub(crate) struct Market {
    pub(crate) app: App,
    pub(crate) address: SocketAddr,
    stopping: CancellationToken,
    serving: JoinHandle<Result<(), grpc::ServeError>>,
    // Before the folder, which is dropped after it.
    _audited: Audited,
    folder: Option<tempfile::TempDir>,
}

/// Audits a market at the end of its test.
pub(crate) struct Audited(pub(crate) Books);

impl Audited {
    pub(crate) fn of(app: &App) -> Self {
        Self(Books::of(app.db.clone(), &app.config))
    }
}

impl Drop for Audited {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let books = self.0.clone();
        // On a thread of its own, for the test's may run a runtime, and none can run in another.
        let audit = move || {
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            runtime.enable_all().build().unwrap().block_on(books.audit())
        };
        for check in std::thread::spawn(audit).join().unwrap().unwrap() {
            assert!(check.findings.is_empty(), "{}: {:?}", check.rule, check.findings);
        }
    }
}

impl Market {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// A market with settings of its own.
    pub(crate) async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config(folder.path());
        change(&mut config);
        let app = App::open(config).await.unwrap();
        Self { folder: Some(folder), ..Self::serve(app).await }
    }

    async fn serve(app: App) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let certificate = app.authority.server(&names, app.clock.now()).unwrap();
        let stopping = CancellationToken::new();
        let serving =
            tokio::spawn(grpc::serve(app.clone(), listener, certificate, stopping.clone()));
        Self { _audited: Audited::of(&app), app, address, stopping, serving, folder: None }
    }

    /// Stops as SIGTERM does, and opens the same folder again.
    pub(crate) async fn restart(self) -> Self {
        let folder = self.into_folder().await;
        let app = open(folder.path()).await;
        Self { folder: Some(folder), ..Self::serve(app).await }
    }

    /// Stops as SIGTERM does, and leaves its folder to another.
    pub(crate) async fn into_folder(mut self) -> tempfile::TempDir {
        let folder = self.folder.take().unwrap();
        self.stop().await;
        folder
    }

    /// Where cars find it.
    pub(crate) fn door(&self) -> Door {
        Door { address: self.address.to_string(), authority: self.app.authority.der().to_vec() }
    }

    /// Stops as SIGTERM does, and waits until all is written.
    pub(crate) async fn stop(self) {
        self.stopping.cancel();
        self.serving.await.unwrap().unwrap();
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.app.clock.now()
    }

    pub(crate) async fn owner(&self) -> Owner {
        self.owner_with_key(rand::random()).await
    }

    /// An owner whose API key is made of `key`.
    pub(crate) async fn owner_with_key(&self, key: [u8; 32]) -> Owner {
        let now = self.now();
        let (id, keys) = (OwnerId::new(now, rand::random()), [rand::random(), key]);
        self.app
            .db
            .write::<_, IdentityError, _>(move |conn| {
                let operator = identity::create_operator(conn, &ApiKey::new(keys[0]), now)?;
                identity::create_owner(conn, &operator, "Ada", id, &ApiKey::new(keys[1]), now)
            })
            .await
            .unwrap()
    }

    /// A code of a new owner, given at `now`.
    pub(crate) async fn code(&self, consent: &'static str, now: Timestamp) -> String {
        let owner = self.owner().await;
        self.code_of(owner, consent, now).await
    }

    pub(crate) async fn code_of(
        &self,
        owner: Owner,
        consent: &'static str,
        now: Timestamp,
    ) -> String {
        let secret = rand::random();
        self.app
            .db
            .write(move |conn| identity::create_enrolment_code(conn, &owner, &secret, consent, now))
            .await
            .unwrap();
        EnrolmentCode { secret, pin: self.app.authority.pin() }.to_string()
    }

    pub(crate) async fn decide(&self, owner: &Owner, vehicle: VehicleId, decision: &str) {
        let (owner, decision, now) = (*owner, Decision::parse(decision).unwrap(), self.now());
        let decide = move |conn: &mut _| consent::decide(conn, &owner, vehicle, &decision, now);
        self.app.db.write(decide).await.unwrap();
    }

    pub(crate) async fn suspend(&self, vehicle: VehicleId) {
        self.app.db.write(move |conn| identity::suspend(conn, vehicle)).await.unwrap();
    }
}

async fn open(folder: &Path) -> App {
    App::open(config(folder)).await.unwrap()
}

/// Settings of a market in `folder`, on the engine and with the kind of lake that tests run on.
pub(crate) fn config(folder: &Path) -> Config {
    let database_url = Some(engine::database(folder));
    let lake = s3::place(folder);
    Config { data_dir: folder.to_owned(), database_url, lake, ..Config::default() }
}

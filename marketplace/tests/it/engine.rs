//! The engine that tests keep their databases on: SQLite, or the PostgreSQL server that
//! [`SERVER`] names.
//!
//! Unit tests and integration tests share this file. In each of the two binaries it has one test, which runs
//! the whole binary again on a PostgreSQL server of its own.
//!
//! **Invariant:** a folder has one database, whichever engine it is on: who opens the folder again finds what was
//! kept. Tests that are about SQLite itself have [`OF_SQLITE`] in their name, and only they are left out.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, PgConnection};
use diesel_migrations::{FileBasedMigrations, MigrationHarness as _};

/// The variable that names the server, as in `postgres://axle@localhost`: without a database.
const SERVER: &str = "AXLE_TEST_POSTGRES";
/// In the name of every test that is about SQLite's own means.
const OF_SQLITE: &str = "in_sqlite";
/// A template that every PostgreSQL server has, without tables.
pub(crate) const EMPTY: &str = "template1";

/// The database of `folder`, with all migrations where that is quicker than applying them.
pub(crate) fn database(folder: &Path) -> String {
    match server() {
        Some(server) => create(&server, folder, template(&server)),
        None => folder.join("marketplace.db").to_string_lossy().into_owned(),
    }
}

/// The server that this run is on, if it is on PostgreSQL.
#[expect(
    clippy::disallowed_methods,
    reason = "chooses the engine of tests, which have no settings"
)]
pub(crate) fn server() -> Option<String> {
    std::env::var(SERVER).ok()
}

/// The database of `folder` on `server`: it is copied from `template` when the folder has none.
pub(crate) fn create(server: &str, folder: &Path, template: &str) -> String {
    let name = name(folder);
    let sql = format!("CREATE DATABASE {name} TEMPLATE {template}");
    if let Err(error) = connect(server, "postgres").batch_execute(&sql) {
        assert!(error.to_string().contains("already exists"), "{sql}: {error}");
    }
    format!("{server}/{name}")
}

/// What the database of `folder` is called on a server.
pub(crate) fn name(folder: &Path) -> String {
    let mut hash = DefaultHasher::new();
    folder.hash(&mut hash);
    format!("axle_{:016x}", hash.finish())
}

/// A database with all migrations, made once in each run.
fn template(server: &str) -> &'static str {
    static TEMPLATE: OnceLock<String> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let name = format!("axle_template_{}", std::process::id());
        let sql = format!("CREATE DATABASE {name} TEMPLATE {EMPTY}");
        connect(server, "postgres").batch_execute(&sql).unwrap();
        migrate(&mut connect(server, &name));
        name
    })
}

/// Applies the migrations of PostgreSQL.
pub(crate) fn migrate(conn: &mut PgConnection) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations/postgres");
    conn.run_pending_migrations(FileBasedMigrations::from_path(folder).unwrap()).unwrap();
}

pub(crate) fn connect(server: &str, database: &str) -> PgConnection {
    PgConnection::establish(&format!("{server}/{database}")).unwrap()
}

/// A server of our own in a temporary folder, reached through a socket there. PostgreSQL refuses to
/// run as root, so root starts it as the user that Debian's package makes.
pub(crate) struct Server {
    folder: tempfile::TempDir,
}

impl Server {
    /// A server that forgets everything when the machine stops, and is quicker for it.
    pub(crate) fn forgetful() -> Self {
        Self::start("-c fsync=off -c synchronous_commit=off -c full_page_writes=off")
    }

    /// A server with these settings besides those that it needs.
    pub(crate) fn start(settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(folder.path()));
        }
        let server = Self { folder };
        // Sorts text as people do, which SQLite does not.
        let initdb = "--auth=trust --username=axle --no-sync --encoding=UTF8 --locale=C.UTF-8 \
                      --locale-provider=icu --icu-locale=en-US -D";
        run(program("initdb").args(initdb.split_whitespace()).arg(server.data()));
        let settings = format!(
            "-c listen_addresses= -c max_connections=300 -k {} {settings}",
            server.folder.path().display()
        );
        server.control(&["start", "-o", &settings]);
        server
    }

    /// Tells the server what to do, and waits until it is done.
    pub(crate) fn control(&self, command: &[&str]) {
        let log = self.folder.path().join("log");
        run(program("pg_ctl")
            .args(command)
            .arg("-w")
            .arg("-l")
            .arg(log)
            .arg("-D")
            .arg(self.data()));
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://axle@{}", self.folder.path().to_string_lossy().replace('/', "%2F"))
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let mut stop = program("pg_ctl");
        stop.args(["stop", "-m", "immediate", "-D"]).arg(self.data());
        stop.stdout(Stdio::null()).stderr(Stdio::null()).status().ok();
    }
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout == b"0\n"
}

fn program(name: &str) -> Command {
    let versions = std::fs::read_dir("/usr/lib/postgresql").unwrap();
    let newest = versions.map(|version| version.unwrap().path()).max().unwrap();
    let path = newest.join("bin").join(name);
    if !is_root() {
        return Command::new(path);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]).arg(path);
    command.current_dir("/");
    command
}

fn run(command: &mut Command) {
    assert!(command.stdout(Stdio::null()).status().unwrap().success(), "{command:?}");
}

#[test]
#[ignore = "needs PostgreSQL"]
fn all_tests_pass_on_postgresql_as_on_sqlite() {
    if server().is_some() {
        return;
    }
    let server = Server::forgetful();

    let mut suite = Command::new(std::env::current_exe().unwrap());
    let output = suite.args(["--skip", OF_SQLITE]).env(SERVER, server.url()).output().unwrap();

    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{shown}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(!shown.contains(" 0 passed"), "{shown}");
}

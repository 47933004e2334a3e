//! How we talk to the database. No tables here.
//!
//! One code path serves two engines through [`Conn`]: SQLite, embedded, is the default; PostgreSQL
//! when `database_url` says so. What the enum can not express is written as separate statements by its
//! callers, executed by [`on_either`] (inserts of many rows), or matched by arm in this file and nowhere else.
//!
//! **Invariants:** [`Db::write`] is one serializable transaction, durable when it returns:
//! SQLite runs with `synchronous=FULL` and one writer, PostgreSQL at SERIALIZABLE with retries.
//! [`Db::read`] can not write.
//!
//! **Not here:** the schema ([`crate::schema`]) and every query (their owner modules).

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::r2d2::{ConnectionManager, CustomizeConnection, Pool, PooledConnection};
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::{Connection, RunQueryDsl as _};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

pub use engines::Conn;

/// Apart, because the derive makes public items that are nobody's business.
mod engines {
    use diesel::{PgConnection, SqliteConnection};

    /// A connection to either engine.
    #[derive(diesel::MultiConnection)]
    pub enum Conn {
        /// The embedded default.
        Sqlite(SqliteConnection),
        /// For operators who outgrow one machine.
        Postgres(PgConnection),
    }
}

/// Rows of one insert: far fewer values than SQLite takes, and enough for most sales.
pub const ROWS_AT_ONCE: usize = 200;

/// Executes a statement that [`Conn`] can not, but each of its engines can: an insert of many rows.
macro_rules! on_either {
    ($conn:expr, $statement:expr) => {
        match $conn {
            $crate::db::Conn::Sqlite(conn) => ::diesel::RunQueryDsl::execute($statement, conn),
            $crate::db::Conn::Postgres(conn) => ::diesel::RunQueryDsl::execute($statement, conn),
        }
    };
}
pub(crate) use on_either;

const SQLITE_MIGRATIONS: EmbeddedMigrations = embed_migrations!("../migrations/sqlite");
const POSTGRES_MIGRATIONS: EmbeddedMigrations = embed_migrations!("../migrations/postgres");

/// Connections for reading at the same time.
const READERS: u32 = 8;
/// Connections for writing at the same time on PostgreSQL; SQLite has one writer.
const POSTGRES_WRITERS: u32 = 8;
/// How long a caller waits for a connection before the request fails.
const CONNECTION_WAIT: Duration = Duration::from_secs(30);
/// Attempts of a transaction that PostgreSQL could not serialize.
const ATTEMPTS_MAX: u32 = 20;
/// The longest pause before the second attempt; it doubles with each, up to [`PAUSE_MAX`].
const PAUSE_FIRST: Duration = Duration::from_millis(2);
/// The longest pause between two attempts: some ten commits.
const PAUSE_MAX: Duration = Duration::from_millis(100);

/// The advisory lock of [`take_turn`]: "Axle" in ASCII.
const TURN: i64 = 0x4178_6c65;

/// Why the database could not be opened or migrated.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// No connection.
    #[error("cannot open the database `{url}`")]
    Open {
        /// The database, without credentials.
        url: String,
        /// What the driver says.
        #[source]
        source: r2d2::Error,
    },
    /// A migration failed; the ones before it are in place.
    #[error("cannot migrate the database: {reason}")]
    Migrate {
        /// What the migration says.
        reason: String,
    },
}

/// The database, shared by everything that serves.
#[derive(Clone)]
pub struct Db {
    readers: Pool<ConnectionManager<Conn>>,
    writers: Pool<ConnectionManager<Conn>>,
}

impl Db {
    /// Opens the database at `url`: `postgres://…`, or a path of an SQLite file that is created when
    /// it does not exist.
    ///
    /// # Errors
    /// A database that can not be reached or created is refused, named without its password.
    pub fn open(url: &str) -> Result<Self, DbError> {
        let writer_count = if is_postgres(url) { POSTGRES_WRITERS } else { 1 };
        Ok(Self {
            writers: pool(url, writer_count, Access::ReadWrite)?,
            readers: pool(url, READERS, Access::ReadOnly)?,
        })
    }

    /// Opens a fresh SQLite database in `folder` with every migration applied.
    ///
    /// # Errors
    /// As [`Self::open`] and [`Self::migrate`].
    pub fn open_in(folder: &Path) -> Result<Self, DbError> {
        let db = Self::open(&folder.join("marketplace.db").to_string_lossy())?;
        db.migrate()?;
        Ok(db)
    }

    /// Applies the migrations that are not applied yet, and returns their names.
    ///
    /// # Errors
    /// Stops at the first that fails.
    pub fn migrate(&self) -> Result<Vec<String>, DbError> {
        let failed =
            |error: Box<dyn Error + Send + Sync>| DbError::Migrate { reason: error.to_string() };
        let mut conn = self.writers.get().map_err(|error| failed(error.into()))?;
        let applied = match &mut *conn {
            Conn::Sqlite(sqlite) => sqlite.run_pending_migrations(SQLITE_MIGRATIONS),
            Conn::Postgres(postgres) => postgres.run_pending_migrations(POSTGRES_MIGRATIONS),
        };
        Ok(applied.map_err(failed)?.iter().map(ToString::to_string).collect())
    }

    /// Runs `query` on a reading connection, on a blocking thread.
    ///
    /// # Errors
    /// What `query` returns; a lost connection is a database error.
    pub async fn read<T, E, F>(&self, query: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DieselError> + Send + 'static,
        F: FnOnce(&mut Conn) -> Result<T, E> + Send + 'static,
    {
        let readers = self.readers.clone();
        blocking(move || query(&mut *connection(&readers)?)).await
    }

    /// Runs `query` on a reading connection, on a blocking thread, over one state of the database, whatever is written
    /// meanwhile.
    ///
    /// # Errors
    /// What `query` returns; a lost connection is a database error.
    pub async fn snapshot<T, E, F>(&self, query: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DieselError> + Send + 'static,
        F: Fn(&mut Conn) -> Result<T, E> + Send + 'static,
    {
        let readers = self.readers.clone();
        blocking(move || {
            let conn = &mut *connection(&readers)?;
            let begin = match conn {
                Conn::Sqlite(_) => "BEGIN",
                Conn::Postgres(_) => "BEGIN ISOLATION LEVEL REPEATABLE READ",
            };
            between(conn, begin, &query)
        })
        .await
    }

    /// Runs `verb` in one transaction, on a blocking thread. Committed and durable when it returns
    /// `Ok`, undone when it returns `Err`.
    ///
    /// # Errors
    /// What `verb` returns; a failed commit or a lost connection is a database error.
    pub async fn write<T, E, F>(&self, verb: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DieselError> + Error + Send + 'static,
        F: Fn(&mut Conn) -> Result<T, E> + Send + 'static,
    {
        let writers = self.writers.clone();
        blocking(move || transaction(&mut *connection(&writers)?, verb)).await
    }
}

impl Db {
    /// Takes what was deleted out of the files: SQLite overwrites it in the database as it deletes, and here
    /// the log beside it is emptied. PostgreSQL is told to vacuum.
    ///
    /// # Errors
    /// When somebody reads for so long that it can not be done now: then it is to be repeated.
    pub async fn scrub(&self) -> Result<(), DieselError> {
        let writers = self.writers.clone();
        blocking(move || scrub(&mut *connection(&writers)?)).await
    }
}

#[derive(diesel::QueryableByName)]
struct Checkpoint {
    #[diesel(sql_type = diesel::sql_types::Integer)]
    busy: i32,
}

fn scrub(conn: &mut Conn) -> Result<(), DieselError> {
    match conn {
        Conn::Sqlite(sqlite) => {
            let query = diesel::sql_query("PRAGMA wal_checkpoint(TRUNCATE)");
            let done: Checkpoint = query.get_result(sqlite)?;
            if done.busy == 0 { Ok(()) } else { Err(unavailable("the log is being read".into())) }
        }
        Conn::Postgres(postgres) => postgres.batch_execute("VACUUM"),
    }
}

/// Waits for every transaction that took its turn before, and makes those that follow wait for this one. What is numbered
/// behind it is numbered in the order of commits. So it is on SQLite without, for it has one writer; sequences
/// of PostgreSQL count when a row is inserted, and who reads behind the last number would miss a row that was
/// numbered earlier and committed later.
///
/// # Errors
/// Fails when the database does.
pub fn take_turn(conn: &mut Conn) -> Result<(), DieselError> {
    match conn {
        Conn::Sqlite(_) => Ok(()),
        Conn::Postgres(postgres) => {
            postgres.batch_execute(&format!("SELECT pg_advisory_xact_lock({TURN})"))
        }
    }
}

/// Runs `verb` in one transaction on `conn`, again when PostgreSQL could not serialize it.
fn transaction<T, E, F>(conn: &mut Conn, verb: F) -> Result<T, E>
where
    E: From<DieselError> + Error + 'static,
    F: Fn(&mut Conn) -> Result<T, E>,
{
    if matches!(conn, Conn::Sqlite(_)) {
        // Takes the write lock at once: a transaction that upgrades later would fail instead.
        return between(conn, "BEGIN IMMEDIATE", &verb);
    }
    let mut pause_max = PAUSE_FIRST;
    for _ in 1..ATTEMPTS_MAX {
        match conn.transaction(|conn| verb(conn)) {
            Err(error) if is_conflict(&error) => pause(pause_max),
            result => return result,
        }
        pause_max = PAUSE_MAX.min(pause_max.saturating_mul(2));
    }
    conn.transaction(|conn| verb(conn))
}

/// Waits for a part of `longest`, another one each time: who met in a conflict must not meet again.
#[expect(clippy::disallowed_methods, reason = "transactions have a thread of their own")]
fn pause(longest: Duration) {
    std::thread::sleep(longest.mul_f64(rand::random()));
}

/// Runs `verb` between `begin` and the end of that transaction.
fn between<T, E, F>(conn: &mut Conn, begin: &str, verb: &F) -> Result<T, E>
where
    E: From<DieselError>,
    F: Fn(&mut Conn) -> Result<T, E>,
{
    conn.batch_execute(begin)?;
    let result = verb(conn).and_then(|value| {
        conn.batch_execute("COMMIT")?;
        Ok(value)
    });
    if result.is_err() {
        // The cause is already being returned; a rollback can fail only when SQLite did it itself.
        conn.batch_execute("ROLLBACK").ok();
    }
    result
}

/// Runs `part` of a transaction, and undoes it when it fails: so the rest can go on.
///
/// # Errors
/// What `part` returns, and when the database fails.
pub fn all_or_nothing<T, E>(
    conn: &mut Conn,
    part: impl FnOnce(&mut Conn) -> Result<T, E>,
) -> Result<T, E>
where
    E: From<DieselError>,
{
    conn.batch_execute("SAVEPOINT part")?;
    let result = part(conn);
    if result.is_err() {
        conn.batch_execute("ROLLBACK TO part")?;
    }
    conn.batch_execute("RELEASE part")?;
    result
}

/// Whether the cause of `error` is a transaction that may end otherwise when it is run again
/// (SQLSTATE 40001, 40P01 and 23505). Verbs look before they insert, so a row that is there nonetheless was
/// inserted meanwhile: the next attempt sees it, and says in the words of its module what that means.
fn is_conflict(error: &(dyn Error + 'static)) -> bool {
    database_cause(error).is_some_and(|(kind, message)| {
        matches!(kind, DatabaseErrorKind::SerializationFailure | DatabaseErrorKind::UniqueViolation)
            || message.contains("deadlock detected")
    })
}

/// Whether the cause of `error` is a disk without space (`SQLITE_FULL`, SQLSTATE 53100). Neither
/// driver keeps the code, so it is known by its message.
#[must_use]
pub fn is_full(error: &(dyn Error + 'static)) -> bool {
    database_cause(error).is_some_and(|(_, message)| {
        message.contains("database or disk is full") || message.contains("No space left on device")
    })
}

/// What the database itself said, somewhere below `error`.
fn database_cause<'a>(
    error: &'a (dyn Error + 'static),
) -> Option<(&'a DatabaseErrorKind, &'a str)> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(DieselError::DatabaseError(kind, info)) = error.downcast_ref() {
            return Some((kind, info.message()));
        }
        cause = error.source();
    }
    None
}

async fn blocking<T, E, F>(work: F) -> Result<T, E>
where
    T: Send + 'static,
    E: From<DieselError> + Send + 'static,
    F: FnOnce() -> Result<T, E> + Send + 'static,
{
    let gone = |error: tokio::task::JoinError| unavailable(error.to_string());
    tokio::task::spawn_blocking(work).await.map_err(gone)?
}

fn connection(
    pool: &Pool<ConnectionManager<Conn>>,
) -> Result<PooledConnection<ConnectionManager<Conn>>, DieselError> {
    pool.get().map_err(|error| unavailable(error.to_string()))
}

fn unavailable(reason: String) -> DieselError {
    DieselError::DatabaseError(DatabaseErrorKind::UnableToSendCommand, Box::new(reason))
}

fn is_postgres(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}

/// What connections of a pool may do.
#[derive(Clone, Copy, Debug)]
enum Access {
    ReadOnly,
    ReadWrite,
}

fn pool(url: &str, size: u32, access: Access) -> Result<Pool<ConnectionManager<Conn>>, DbError> {
    Pool::builder()
        .max_size(size)
        .min_idle(Some(1))
        .connection_timeout(CONNECTION_WAIT)
        .connection_customizer(Box::new(access))
        .build(ConnectionManager::new(url))
        .map_err(|source| DbError::Open { url: without_credentials(url), source })
}

/// A URL fit for logs: everything between `//` and `@` is left out.
#[must_use]
pub fn without_credentials(url: &str) -> String {
    match (url.split_once("//"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}//{rest}"),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
impl Db {
    /// The database of a test that keeps its things in `folder`, on the engine that tests run on.
    pub(crate) fn of_test(folder: &Path) -> Self {
        let db = Self::open(&crate::engine::database(folder)).unwrap();
        db.migrate().unwrap();
        db
    }
}

impl CustomizeConnection<Conn, diesel::r2d2::Error> for Access {
    fn on_acquire(&self, conn: &mut Conn) -> Result<(), diesel::r2d2::Error> {
        // The time-out comes first: switching to WAL itself may have to wait.
        let sqlite = "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; \
                      PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
                      PRAGMA secure_delete = ON;";
        let settings = match (&*conn, self) {
            (Conn::Sqlite(_), Self::ReadWrite) => sqlite.to_owned(),
            (Conn::Sqlite(_), Self::ReadOnly) => format!("{sqlite} PRAGMA query_only = ON;"),
            (Conn::Postgres(_), Self::ReadWrite) => {
                "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE".to_owned()
            }
            (Conn::Postgres(_), Self::ReadOnly) => {
                "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY".to_owned()
            }
        };
        conn.batch_execute(&settings).map_err(diesel::r2d2::Error::QueryError)
    }
}

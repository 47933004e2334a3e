//! `marketplace serve`.

use std::io::{self, IsTerminal as _, Write};
use std::net::SocketAddr;

use actix_web::{HttpServer, web};
use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use super::Settings;
use crate::api::{grpc, rest};
use crate::app::App;
use crate::config::LogFormat;
use crate::identity::{self, ApiKey, IdentityError};
use crate::{files, jobs};

/// Where the first operator key is written, in `data_dir`.
pub(super) const OPERATOR_KEY_FILE: &str = "operator.key";

/// Runs the market until SIGTERM or Ctrl-C.
///
/// On its first start it makes everything it needs: database, certificate authority, lake, search
/// index, and an operator key in `operator.key`. Cars connect to `grpc_address`, everybody else to
/// `rest_address`.
#[derive(Debug, clap::Args)]
pub(super) struct Serve {
    #[command(flatten)]
    settings: Settings,
}

impl Serve {
    pub(super) async fn run(&self, out: &mut impl Write) -> anyhow::Result<()> {
        let config = self.settings.load()?;
        start_logging(config.log_format);
        // Before anything is opened: the ports say whether another market runs here already.
        let rest_listener = bind("rest_address", config.rest_address).await?;
        let grpc_listener = bind("grpc_address", config.grpc_address).await?;
        let (rest_address, grpc_address) =
            (rest_listener.local_addr()?, grpc_listener.local_addr()?);
        let app = App::open(config).await?;
        create_first_operator(&app).await?;
        let names = &app.config.grpc_host_names;
        let certificate = app.authority.server(names, app.clock.now())?;

        let stopping = stop_on_signal()?;
        let jobs = tokio::spawn(jobs::run(app.clone(), stopping.clone()));
        let cars = grpc::serve(app.clone(), grpc_listener, certificate, stopping.clone());
        let cars = tokio::spawn(cars);
        writeln!(out, "REST API for owners and buyers: http://{rest_address}")?;
        writeln!(out, "gRPC for cars:                  https://{grpc_address}")?;
        out.flush()?;

        let served = serve_rest(app, rest_listener, stopping.clone()).await;
        stopping.cancel();
        cars.await.context("the door for cars failed")??;
        jobs.await.context("a job failed")?;
        served.context("the REST API failed")?;
        tracing::info!("stopped");
        Ok(())
    }
}

fn start_logging(format: LogFormat) {
    // Of the libraries only what went wrong: the lake's tell of each file they look at.
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("warn,marketplace=info"));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr);
    // Fails when logging was started before, by a program that has this one inside.
    match format {
        LogFormat::Text => lines.try_init().ok(),
        LogFormat::Json => lines.json().try_init().ok(),
    };
}

async fn bind(setting: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("cannot listen on {address}: is another marketplace running? Set {setting} to another address")
    })
}

/// Makes an operator key when nobody has one, readable by the owner of the process only.
async fn create_first_operator(app: &App) -> anyhow::Result<()> {
    if app.db.read(identity::has_operator).await? {
        return Ok(());
    }
    let key = ApiKey::new(rand::random());
    let file = app.config.data_dir.join(OPERATOR_KEY_FILE);
    // The file first: a key in the database that nobody knows would be of no use.
    files::write_secret(&file, &key.reveal())
        .with_context(|| format!("cannot write {}", file.display()))?;
    let now = app.clock.now();
    app.db
        .write::<_, IdentityError, _>(move |conn| identity::create_operator(conn, &key, now))
        .await?;
    tracing::info!(file = %file.display(), "operator key made");
    Ok(())
}

fn stop_on_signal() -> anyhow::Result<CancellationToken> {
    let stopping = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let token = stopping.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping");
        token.cancel();
    });
    Ok(stopping)
}

async fn serve_rest(
    app: App,
    listener: TcpListener,
    stopping: CancellationToken,
) -> std::io::Result<()> {
    let app = web::Data::new(app);
    let service = move || actix_web::App::new().app_data(app.clone()).configure(rest::configure);
    let server = HttpServer::new(service)
        .disable_signals()
        .shutdown_timeout(10)
        .listen(listener.into_std()?)?
        .run();
    let handle = server.handle();
    tokio::spawn(async move {
        stopping.cancelled().await;
        handle.stop(true).await;
    });
    server.await
}

//! The marketplace as a child process, and its REST API as a client sees it.
//!
//! **Not here:** any rule of the market. Requests and answers are JSON; what the market refuses comes
//! back as the problem's own words.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::{Method, RequestBuilder, Response};
use serde::Serialize;
use serde_json::{Value, json};

use crate::child::{Child, Programs, free_address};

/// How long the marketplace may take to answer after its start.
const START_WAIT: Duration = Duration::from_mins(1);
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Where a marketplace listens.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    rest: SocketAddr,
    grpc: SocketAddr,
}

impl Addresses {
    /// Ports 8080 and 7443 of this machine when they are free, others when not.
    ///
    /// # Errors
    /// When no port is free.
    pub fn usual() -> anyhow::Result<Self> {
        Self::near(8080, 7443)
    }

    /// Ports of this machine that nobody uses.
    ///
    /// # Errors
    /// When no port is free.
    pub fn unused() -> anyhow::Result<Self> {
        Self::near(0, 0)
    }

    fn near(rest: u16, grpc: u16) -> anyhow::Result<Self> {
        let local = |port| free_address(SocketAddr::from(([127, 0, 0, 1], port)));
        Ok(Self { rest: local(rest)?, grpc: local(grpc)? })
    }
}

/// What the marketplace's settings file says; the rest are its defaults.
#[derive(Serialize)]
struct Settings<'a> {
    data_dir: &'a Path,
    rest_address: SocketAddr,
    grpc_address: SocketAddr,
    flush_interval_seconds: u64,
    root_interval_seconds: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    keys_dir: Option<&'a Path>,
    allow_dev_keys: bool,
    rules: RulesSettings,
}

#[derive(Serialize)]
struct RulesSettings {
    vehicles_min: u32,
}

/// A running marketplace.
#[derive(Debug)]
pub struct Market {
    process: Child,
    settings: String,
    rest: Rest,
    grpc_url: String,
    keys: Option<PathBuf>,
    vehicles_min: u32,
}

impl Market {
    /// Writes the settings into `folder`, starts the marketplace and waits until it answers.
    ///
    /// `vehicles_min` is the market's rule of that name; `keys` is a folder of development keys, without
    /// which there are no campaigns.
    ///
    /// # Errors
    /// When it does not start; the message quotes its log.
    pub async fn start(
        programs: &Programs,
        folder: &Path,
        addresses: Addresses,
        vehicles_min: u32,
        keys: Option<&Path>,
    ) -> anyhow::Result<Self> {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        let Addresses { rest: rest_address, grpc: grpc_address } = addresses;
        let settings = Settings {
            data_dir: folder,
            rest_address,
            grpc_address,
            flush_interval_seconds: 1,
            root_interval_seconds: 1,
            keys_dir: keys,
            allow_dev_keys: keys.is_some(),
            rules: RulesSettings { vehicles_min },
        };
        let file = folder.join("marketplace.toml");
        fs::write(&file, toml::to_string(&settings)?)?;

        let settings = path_text(&file);
        let arguments = ["marketplace", "serve", "--config", &settings];
        let mut process = programs.start(&arguments, &folder.join("marketplace.log"))?;
        let rest = Rest::new(format!("http://{rest_address}"));
        let answers = async {
            while rest.read("/v1/health").await.is_err() {
                process.check()?;
                tokio::time::sleep(POLL_INTERVAL).await;
            }
            anyhow::Ok(())
        };
        tokio::time::timeout(START_WAIT, answers)
            .await
            .with_context(|| format!("the marketplace did not answer within {START_WAIT:?}"))??;

        let operator_key = fs::read_to_string(folder.join("operator.key"))
            .context("cannot read the operator's key")?;
        let rest = Rest { key: Some(operator_key.trim().to_owned()), ..rest };
        Ok(Self {
            process,
            settings,
            rest,
            grpc_url: format!("https://{grpc_address}"),
            vehicles_min,
            keys: keys.map(Path::to_owned),
        })
    }

    /// Where cars connect.
    #[must_use]
    pub fn grpc_url(&self) -> &str {
        &self.grpc_url
    }

    /// Vehicles among which each is hidden, at least.
    #[must_use]
    pub const fn vehicles_min(&self) -> u32 {
        self.vehicles_min
    }

    /// Folder of the keys of its proofs, if it takes any.
    #[must_use]
    pub fn keys(&self) -> Option<&Path> {
        self.keys.as_deref()
    }

    /// The REST API, for the holder of `key`.
    #[must_use]
    pub fn rest(&self, key: &str) -> Rest {
        Rest { key: Some(key.to_owned()), ..self.rest.clone() }
    }

    /// The REST API, for the operator.
    #[must_use]
    pub fn operator(&self) -> &Rest {
        &self.rest
    }

    /// The process.
    #[must_use]
    pub fn process(&mut self) -> &mut Child {
        &mut self.process
    }

    /// What `marketplace audit` prints of it, while it runs.
    ///
    /// # Errors
    /// When something is not as it must be.
    pub async fn audit(&self, programs: &Programs) -> anyhow::Result<String> {
        programs.output(&["marketplace", "audit", "--config", &self.settings]).await
    }

    /// Kills it as a power cut would.
    ///
    /// # Errors
    /// When the process can not be waited for.
    pub async fn kill(self) -> anyhow::Result<()> {
        self.process.kill().await
    }

    /// Stops it.
    ///
    /// # Errors
    /// When it does not stop cleanly.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.process.stop().await
    }
}

/// The REST API, for the holder of one key.
#[derive(Clone, Debug)]
pub struct Rest {
    client: reqwest::Client,
    base: String,
    key: Option<String>,
}

impl Rest {
    fn new(base: String) -> Self {
        Self { client: reqwest::Client::new(), base, key: None }
    }

    /// The key that it sends.
    #[must_use]
    pub fn key(&self) -> &str {
        self.key.as_deref().unwrap_or_default()
    }

    /// Where it is.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// GETs a resource.
    ///
    /// # Errors
    /// What the market refuses, in its words.
    pub async fn read(&self, path: &str) -> anyhow::Result<Value> {
        answer(self.request(Method::GET, path).send().await?).await
    }

    /// POSTs `body`.
    ///
    /// # Errors
    /// What the market refuses, in its words.
    pub async fn create(&self, path: &str, body: Value) -> anyhow::Result<Value> {
        answer(self.request(Method::POST, path).json(&body).send().await?).await
    }

    /// POSTs `body`, at most once for each `key`.
    ///
    /// # Errors
    /// What the market refuses, in its words.
    pub async fn create_once(&self, path: &str, key: &str, body: Value) -> anyhow::Result<Value> {
        let request = self.request(Method::POST, path).header("Idempotency-Key", key);
        answer(request.json(&body).send().await?).await
    }

    /// PUTs `body`.
    ///
    /// # Errors
    /// What the market refuses, in its words.
    pub async fn replace(&self, path: &str, body: Value) -> anyhow::Result<Value> {
        answer(self.request(Method::PUT, path).json(&body).send().await?).await
    }

    /// GETs a file and writes it to `file`; returns its length in bytes.
    ///
    /// # Errors
    /// What the market refuses, in its words, or a file that can not be written.
    pub async fn download(&self, path: &str, file: &Path) -> anyhow::Result<usize> {
        let response = self.request(Method::GET, path).send().await?;
        if !response.status().is_success() {
            answer(response).await?;
            bail!("{path} could not be downloaded");
        }
        let bytes = response.bytes().await?;
        fs::write(file, &bytes).with_context(|| format!("cannot write {}", file.display()))?;
        Ok(bytes.len())
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.base));
        match &self.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }
}

async fn answer(response: Response) -> anyhow::Result<Value> {
    let status = response.status();
    let path = response.url().path().to_owned();
    let body = response.json().await.unwrap_or_else(|_| json!({}));
    if status.is_success() {
        return Ok(body);
    }
    let detail = body.get("detail").and_then(Value::as_str).unwrap_or("no explanation");
    bail!("{path}: {status}: {detail}")
}

/// Reads a field of an answer as text.
///
/// # Errors
/// When the field is absent or is not text; the message shows the answer.
pub fn text<'a>(answer: &'a Value, field: &str) -> anyhow::Result<&'a str> {
    answer.get(field).and_then(Value::as_str).with_context(|| format!("no `{field}` in {answer}"))
}

/// Reads a field of an answer as a count.
///
/// # Errors
/// When the field is absent or is not a count; the message shows the answer.
pub fn count(answer: &Value, field: &str) -> anyhow::Result<u64> {
    answer.get(field).and_then(Value::as_u64).with_context(|| format!("no `{field}` in {answer}"))
}

/// Reads a field of an answer as a list.
///
/// # Errors
/// When the field is absent or is not a list; the message shows the answer.
pub fn list<'a>(answer: &'a Value, field: &str) -> anyhow::Result<&'a Vec<Value>> {
    answer.get(field).and_then(Value::as_array).with_context(|| format!("no `{field}` in {answer}"))
}

/// A path as text, for a command line.
#[must_use]
pub fn path_text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

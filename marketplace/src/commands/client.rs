//! How commands speak to a marketplace that runs: through its REST API, with a key.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use reqwest::RequestBuilder;
use serde_json::Value as Json;

use crate::config::Config;

/// How long the marketplace may take to answer.
const ANSWER_WAIT: Duration = Duration::from_secs(30);

/// Somebody with a key, at the REST API of one marketplace.
pub(super) struct Client {
    http: reqwest::Client,
    /// Without a slash at its end.
    url: String,
    key: String,
}

impl Client {
    /// Whoever has the key in `file`, which is `whose`; at `url`, or where a marketplace with these settings
    /// listens.
    pub(super) fn open(
        (whose, file): (&str, &Path),
        url: Option<&str>,
        config: &Config,
    ) -> anyhow::Result<Self> {
        let key = std::fs::read_to_string(file)
            .with_context(|| format!("cannot read the {whose}'s key in {}", file.display()))?;
        let here = || format!("http://{}", reachable(config.rest_address));
        Ok(Self {
            http: reqwest::Client::builder().no_proxy().timeout(ANSWER_WAIT).build()?,
            url: url.map_or_else(here, |url| url.trim_end_matches('/').to_owned()),
            key: key.trim().to_owned(),
        })
    }

    pub(super) async fn get(&self, path: &str) -> anyhow::Result<Json> {
        self.answer(self.http.get(self.address(path))).await
    }

    pub(super) async fn post(&self, path: &str) -> anyhow::Result<Json> {
        self.answer(self.http.post(self.address(path))).await
    }

    fn address(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    async fn answer(&self, request: RequestBuilder) -> anyhow::Result<Json> {
        let url = &self.url;
        let answer = request.bearer_auth(&self.key).send().await;
        let answer = answer.with_context(|| {
            format!("no marketplace answers at {url}: is it running with these settings?")
        })?;
        let status = answer.status();
        let body = answer.text().await?;
        let told = serde_json::from_str::<Json>(&body);
        if !status.is_success() {
            let told = told.unwrap_or_default();
            let detail = told.get("detail").and_then(Json::as_str).unwrap_or(&body);
            bail!("the marketplace says: {detail} ({status})");
        }
        told.with_context(|| format!("{url} does not answer as a marketplace"))
    }
}

/// Where a server that listens on `address` can be reached from its own machine.
fn reachable(address: SocketAddr) -> SocketAddr {
    let host = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(host, address.port())
}

/// A field as people read it.
pub(super) fn text(field: &Json) -> String {
    match field {
        Json::Null => "-".to_owned(),
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_listens_everywhere_is_asked_here() {
        for (listens, asked) in [
            ("0.0.0.0:80", "127.0.0.1:80"),
            ("[::]:80", "[::1]:80"),
            ("10.1.2.3:80", "10.1.2.3:80"),
        ] {
            assert_eq!(reachable(listens.parse().unwrap()), asked.parse().unwrap(), "{listens}");
        }
    }
}

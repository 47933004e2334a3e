//! Is there a way to the marketplace? A TCP connection every second, closed at once, until one comes about.
//!
//! An attempt costs three small packets, and hardly more than nothing where there is no network. It does not
//! wait for the one before it: the first packet of that one may have been lost in the tunnel, and be sent
//! again only after seconds. So a car sends again within two seconds of the network's return. The exact
//! second is random, so that cars under one bridge do not come all at once.
//!
//! **Not here:** what to do when the marketplace is reached and fails ([`super::backoff`]).

use std::io;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tonic::transport::Uri;

use crate::status::Board;

/// Time between two attempts, before jitter of a quarter.
const PERIOD: Duration = Duration::from_secs(1);
/// How long an attempt may take: the slowest mobile networks need about a second.
const PATIENCE: Duration = Duration::from_secs(5);

/// Returns when the host in `url` takes a connection. Shows on the board why it does not.
pub(super) async fn reach(url: &str, board: &Board) {
    // What is no address is refused by who connects.
    let Some((host, port)) = address(url) else { return };
    let mut attempts = JoinSet::new();
    let mut failed = false;
    loop {
        let host = host.clone();
        attempts.spawn(async move { attempt(&host, port).await });
        let next = sleep(PERIOD.mul_f64(rand::random_range(0.75..1.25)));
        tokio::pin!(next);
        loop {
            let ended = tokio::select! {
                () = &mut next => break,
                Some(ended) = attempts.join_next() => ended,
            };
            match ended {
                Ok(Err(error)) if !failed => {
                    failed = true;
                    tracing::warn!(url, %error, "no way to the marketplace; looking for one");
                    board.update(|status| {
                        let text = format!("cannot reach the marketplace at {url}: {error}");
                        status.last_error = Some(text);
                    });
                }
                Ok(Ok(())) => return,
                _ => {}
            }
        }
    }
}

async fn attempt(host: &str, port: u16) -> io::Result<()> {
    timeout(PATIENCE, TcpStream::connect((host, port))).await.map_err(io::Error::from)??;
    Ok(())
}

fn address(url: &str) -> Option<(String, u16)> {
    let uri: Uri = url.parse().ok()?;
    let host = uri.host()?.trim_matches(['[', ']']).to_owned();
    Some((host, uri.port_u16().unwrap_or(443)))
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn an_address_has_a_host_and_a_port() {
        #[rustfmt::skip] // a table is read by column
        let cases = [
            ("https://market.example:7443", Some(("market.example", 7443))),
            ("https://market.example",      Some(("market.example", 443))),
            ("https://[::1]:7443",          Some(("::1", 7443))),
            ("not an address",              None),
        ];
        for (url, expected) in cases {
            let expected = expected.map(|(host, port)| (host.to_owned(), port));
            assert_eq!(address(url), expected, "{url}");
        }
    }

    #[tokio::test]
    async fn a_network_that_comes_back_is_found_within_two_seconds() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let (board, url) = (Board::default(), format!("https://{address}"));
        let looking = tokio::spawn({
            let (board, url) = (board.clone(), url.clone());
            async move { reach(&url, &board).await }
        });
        sleep(Duration::from_millis(1_500)).await;
        assert!(!looking.is_finished());
        let shown = board.snapshot().last_error.unwrap();
        assert!(shown.contains(&url), "{shown}");

        let back = Instant::now();
        let _listener = TcpListener::bind(address).await.unwrap();
        looking.await.unwrap();

        assert!(back.elapsed() < Duration::from_secs(2), "{:?}", back.elapsed());
    }
}

//! What the status says, for Prometheus: on a loopback port or a Unix socket, where the owner wants it.
//!
//! One `GET /metrics` per connection, one connection at a time: a car's computer has one reader. Whole
//! numbers of the status become metrics by themselves, so a new counter needs no line here.
//!
//! **Invariant:** nobody beyond this computer can connect: [`Listen`] holds no other address.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use serde::Deserialize;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener};

use crate::progress::Counters;
use crate::status::{Board, Status};

/// A reader that takes longer is hung up on.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest request.
const REQUEST_BYTES_MAX: u64 = 8 << 10;
/// What only grows, beside [`Counters`].
const TOTALS: [&str; 9] = [
    "batches_acknowledged",
    "samples_acknowledged",
    "bytes_acknowledged",
    "batches_lost",
    "samples_lost",
    "claims_sent",
    "claims_refused",
    "claims_paid_micro_tokens",
    "claims_swept_micro_tokens",
];

/// Where metrics are read.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Listen {
    /// A port of this computer that others can not reach.
    Loopback(SocketAddr),
    /// A Unix socket.
    Socket(PathBuf),
}

/// A place where metrics are not offered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotALocalPlace {
    /// Others could connect.
    #[error("`{0}` can be reached from outside; metrics are offered on a loopback address only")]
    Reachable(SocketAddr),
    /// Neither an address nor a path.
    #[error("`{0}` is neither a loopback address such as 127.0.0.1:9464 nor a path with a slash")]
    Neither(String),
}

/// Why metrics can not be offered.
#[derive(Debug, thiserror::Error)]
pub enum MetricsError {
    /// The place is taken, or not ours.
    #[error("cannot offer metrics on {place}")]
    Bind {
        /// The address or path.
        place: String,
        /// What the system says.
        source: io::Error,
    },
}

impl TryFrom<String> for Listen {
    type Error = NotALocalPlace;

    fn try_from(text: String) -> Result<Self, NotALocalPlace> {
        match text.parse::<SocketAddr>() {
            Ok(address) if address.ip().is_loopback() => Ok(Self::Loopback(address)),
            Ok(address) => Err(NotALocalPlace::Reachable(address)),
            Err(_) if text.contains('/') => Ok(Self::Socket(PathBuf::from(text))),
            Err(_) => Err(NotALocalPlace::Neither(text)),
        }
    }
}

/// An open door for whoever collects metrics.
#[derive(Debug)]
pub enum Door {
    /// See [`Listen::Loopback`].
    Loopback(TcpListener),
    /// See [`Listen::Socket`].
    Socket(UnixListener),
}

impl Door {
    /// Opens the door at `listen`. A socket that a killed agent left behind is replaced.
    ///
    /// # Errors
    /// When the place is taken or not ours.
    pub async fn open(listen: &Listen) -> Result<Self, MetricsError> {
        let refuse = |place: String| move |source| MetricsError::Bind { place, source };
        match listen {
            Listen::Loopback(address) => {
                let listener = TcpListener::bind(address).await;
                Ok(Self::Loopback(listener.map_err(refuse(address.to_string()))?))
            }
            Listen::Socket(path) => {
                let listener = bind_socket(path);
                Ok(Self::Socket(listener.map_err(refuse(path.display().to_string()))?))
            }
        }
    }

    /// Answers until the task is aborted.
    pub async fn serve(self, board: Board) {
        loop {
            let answered = match &self {
                Self::Loopback(listener) => match listener.accept().await {
                    Ok((stream, _)) => patiently(answer(stream, &board)).await,
                    Err(error) => Err(error),
                },
                Self::Socket(listener) => match listener.accept().await {
                    Ok((stream, _)) => patiently(answer(stream, &board)).await,
                    Err(error) => Err(error),
                },
            };
            if let Err(error) = answered {
                tracing::debug!(%error, "metrics not read");
                // Out of file descriptors, accepting fails at once, again and again.
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

fn bind_socket(path: &Path) -> io::Result<UnixListener> {
    if fs::symlink_metadata(path).is_ok_and(|about| about.file_type().is_socket()) {
        fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o660))?;
    Ok(listener)
}

async fn patiently(answer: impl Future<Output = io::Result<()>>) -> io::Result<()> {
    tokio::time::timeout(PATIENCE, answer).await.unwrap_or_else(|late| Err(late.into()))
}

async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin, board: &Board) -> io::Result<()> {
    let mut request = Vec::new();
    let mut part = [0; 1_024];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        let read = stream.read(&mut part).await?;
        request.extend(part.iter().take(read));
        if read == 0 || u64::try_from(request.len()).is_ok_and(|size| size > REQUEST_BYTES_MAX) {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
    let (status, body) = if request.starts_with(b"GET /metrics ") {
        ("200 OK", exposition(&board.snapshot()))
    } else {
        ("404 Not Found", "GET /metrics is all there is\n".to_owned())
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.shutdown().await
}

/// The status as Prometheus's text.
fn exposition(status: &Status) -> String {
    let mut text = String::new();
    let fields = |value| match value {
        Ok(Value::Object(fields)) => fields,
        // A status is an object: there is nothing else it could be.
        _ => serde_json::Map::new(),
    };
    let counters = fields(serde_json::to_value(Counters::default()));
    for (name, value) in fields(serde_json::to_value(status)) {
        let total = counters.contains_key(&name) || TOTALS.contains(&name.as_str());
        let number = match value {
            Value::Number(number) => number,
            Value::Bool(flag) => u64::from(flag).into(),
            _ => continue,
        };
        metric(&mut text, &name, total, &number.to_string());
    }
    metric(&mut text, "paused", false, if status.paused_since.is_some() { "1" } else { "0" });
    text
}

fn metric(text: &mut String, name: &str, total: bool, number: &str) {
    let (suffix, kind) = if total { ("_total", "counter") } else { ("", "gauge") };
    // Writing to text does not fail.
    let _ignored = writeln!(
        text,
        "# TYPE axle_agent_{name}{suffix} {kind}\naxle_agent_{name}{suffix} {number}"
    );
}

#[cfg(test)]
mod tests {
    use tokio::net::{TcpStream, UnixStream};

    use super::*;

    fn board() -> Board {
        let counters = Counters { frames_read: 4_711, ..Counters::default() };
        let paused_since = Some("2024-01-01T00:00:00Z".to_owned());
        let (connected, batches_lost) = (true, 12);
        Board::new(Status { connected, paused_since, counters, batches_lost, ..Status::default() })
    }

    async fn ask(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &str) -> String {
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[test]
    fn only_this_computer_can_be_listened_on() {
        let parse = |text: &str| Listen::try_from(text.to_owned());
        for local in ["127.0.0.1:9464", "[::1]:9464", "/run/axle-agent/metrics", "./metrics"] {
            assert!(parse(local).is_ok(), "{local}");
        }
        #[rustfmt::skip] // a table is read by column
        let refused = [
            ("0.0.0.0:9464",        "reached from outside"),
            ("[::]:9464",           "reached from outside"),
            ("192.168.1.5:9464",    "reached from outside"),
            ("localhost:9464",      "neither"),
            ("9464",                "neither"),
            ("",                    "neither"),
        ];
        for (text, expected) in refused {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[tokio::test]
    async fn numbers_of_the_status_are_read_from_a_port() {
        let listen = Listen::Loopback("127.0.0.1:0".parse().unwrap());
        let door = Door::open(&listen).await.unwrap();
        let Door::Loopback(listener) = &door else { panic!("not a port") };
        let address = listener.local_addr().unwrap();
        tokio::spawn(door.serve(board()));
        let connect = async || TcpStream::connect(address).await.unwrap();

        let answer = ask(connect().await, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        let line =
            "# TYPE axle_agent_frames_read_total counter\naxle_agent_frames_read_total 4711\n";
        assert!(answer.contains(line), "{answer}");
        let line =
            "# TYPE axle_agent_batches_lost_total counter\naxle_agent_batches_lost_total 12\n";
        assert!(answer.contains(line), "{answer}");
        assert!(answer.contains("\naxle_agent_connected 1\n"), "{answer}");
        assert!(answer.contains("\naxle_agent_paused 1\n"), "{answer}");

        let other = ask(connect().await, "GET / HTTP/1.1\r\n\r\n").await;
        assert!(other.starts_with("HTTP/1.1 404"), "{other}");
        let endless = "x".repeat(9_000);
        let mut stream = connect().await;
        stream.write_all(endless.as_bytes()).await.unwrap();
        let mut none = Vec::new();
        // Hung up on: nothing, or a reset.
        stream.read_to_end(&mut none).await.ok();
        assert!(none.is_empty());
    }

    #[tokio::test]
    async fn a_socket_left_behind_is_replaced_and_a_file_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics");
        let listen = Listen::Socket(path.clone());
        drop(Door::open(&listen).await.unwrap());
        let door = Door::open(&listen).await.unwrap();
        tokio::spawn(door.serve(board()));

        let stream = UnixStream::connect(&path).await.unwrap();
        let answer = ask(stream, "GET /metrics HTTP/1.1\r\n\r\n").await;
        assert!(answer.contains("axle_agent_frames_read_total 4711"), "{answer}");

        let file = folder.path().join("precious");
        fs::write(&file, "data").unwrap();
        let error = Door::open(&Listen::Socket(file.clone())).await.unwrap_err().to_string();
        assert!(error.contains("precious"), "{error}");
        assert_eq!(fs::read_to_string(file).unwrap(), "data");
    }
}

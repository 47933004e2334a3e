//! Child processes: the real programs, their logs, and their end.
//!
//! **Invariant:** no child outlives its [`Child`]: dropping it kills the process.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::Command;

/// How long a program may take to stop by itself before it is killed.
const STOP_WAIT: Duration = Duration::from_secs(20);

/// One of the programs in this binary, running.
#[derive(Debug)]
pub struct Child {
    process: tokio::process::Child,
    name: String,
    log: PathBuf,
}

/// Which binary to start; tests name it, the tour is it.
#[derive(Clone, Debug)]
pub struct Programs(PathBuf);

impl Programs {
    /// The running binary.
    ///
    /// # Errors
    /// When the system does not tell its path.
    pub fn own() -> anyhow::Result<Self> {
        Ok(Self(std::env::current_exe().context("cannot tell the path of this program")?))
    }

    /// The quickstart binary at `path`.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Starts `quickstart ARGUMENTS`, with its output appended to `log`.
    ///
    /// # Errors
    /// When the log can not be opened or the program not started.
    pub fn start(&self, arguments: &[&str], log: &Path) -> anyhow::Result<Child> {
        let name = arguments.iter().take(2).copied().collect::<Vec<_>>().join(" ");
        let output = || -> anyhow::Result<File> {
            let open = File::options().create(true).append(true).open(log);
            open.with_context(|| format!("cannot open {}", log.display()))
        };
        let process = Command::new(&self.0)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(output()?)
            .stderr(output()?)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        Ok(Child { process, name, log: log.to_owned() })
    }

    /// Runs `quickstart ARGUMENTS` to its end and returns what it printed.
    ///
    /// # Errors
    /// When it ends with another exit code than 0: the message is what it printed to stderr.
    pub async fn output(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let output = Command::new(&self.0).args(arguments).kill_on_drop(true).output().await?;
        if !output.status.success() {
            bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    }
}

impl Child {
    /// The exit status, when the process has ended.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        Ok(self.process.try_wait()?)
    }

    /// Checks that the process has not failed.
    ///
    /// # Errors
    /// When it ended with another exit code than 0: the message names its log and quotes the end.
    pub fn check(&mut self) -> anyhow::Result<()> {
        match self.ended()? {
            Some(status) if !status.success() => {
                bail!("{} ended with {status}; {}", self.name, quote(&self.log))
            }
            _ => Ok(()),
        }
    }

    /// Kills the process as a power cut would: SIGKILL, nothing is flushed.
    ///
    /// # Errors
    /// When the process can not be waited for.
    pub async fn kill(mut self) -> anyhow::Result<()> {
        Ok(self.process.kill().await?)
    }

    /// Asks the process to stop (SIGTERM), and kills it when it does not.
    ///
    /// # Errors
    /// When the process can not be waited for, or had to be killed.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        if let Some(id) = self.process.id() {
            kill(Pid::from_raw(i32::try_from(id)?), Signal::SIGTERM)?;
        }
        let Ok(status) = tokio::time::timeout(STOP_WAIT, self.process.wait()).await else {
            self.process.kill().await?;
            bail!(
                "{} did not stop within {} s; {}",
                self.name,
                STOP_WAIT.as_secs(),
                quote(&self.log)
            );
        };
        if !status?.success() {
            bail!("{} did not stop cleanly; {}", self.name, quote(&self.log));
        }
        Ok(())
    }
}

/// The last lines of a log, for an error message.
fn quote(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    let last = lines.iter().skip(lines.len().saturating_sub(8)).copied().collect::<Vec<_>>();
    format!("the end of {}:\n{}", log.display(), last.join("\n"))
}

/// `preferred` when nothing listens there, else a port of the system's choice on the same address.
///
/// # Errors
/// When the address has no free port.
pub fn free_address(preferred: SocketAddr) -> anyhow::Result<SocketAddr> {
    let bind = |address| TcpListener::bind(address).and_then(|listener| listener.local_addr());
    bind(preferred)
        .or_else(|_| bind(SocketAddr::new(preferred.ip(), 0)))
        .with_context(|| format!("no free port on {}", preferred.ip()))
}

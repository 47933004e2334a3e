//! What a process has used, as Linux counts it.

use std::fs;
use std::time::Duration;

use anyhow::Context as _;

/// What /proc counts processor time in: 100 a second on every machine that a market runs on (`USER_HZ`).
const TICK: Duration = Duration::from_millis(10);

/// Processor time and memory of one process.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Usage {
    pub(super) cpu: Duration,
    /// Resident now.
    pub(super) memory_bytes: u64,
}

impl Usage {
    /// Of the process with this number.
    pub(super) fn of(process: u32) -> anyhow::Result<Self> {
        let read = |name| {
            let file = format!("/proc/{process}/{name}");
            fs::read_to_string(&file).with_context(|| format!("cannot read {file}"))
        };
        let (stat, status) = (read("stat")?, read("status")?);
        let ticks = cpu_ticks(&stat).context("no processor time in /proc")?;
        let memory = kilobytes(&status, "VmRSS:").context("no memory in /proc")?;
        Ok(Self { cpu: TICK * ticks, memory_bytes: memory * 1_024 })
    }
}

/// User and system time in the form of proc(5): fields 14 and 15, counted behind the name, which may hold spaces.
fn cpu_ticks(stat: &str) -> Option<u32> {
    let (_, behind_name) = stat.rsplit_once(')')?;
    let mut fields = behind_name.split_whitespace().skip(11);
    let (user, system) = (fields.next()?.parse::<u32>().ok()?, fields.next()?.parse::<u32>().ok()?);
    Some(user + system)
}

fn kilobytes(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_whose_name_has_spaces_and_brackets_is_read() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 99 0 0 0 120 35 0 0 20 0";

        assert_eq!(cpu_ticks(stat), Some(155));
    }

    #[test]
    fn this_process_uses_memory() {
        assert!(Usage::of(std::process::id()).unwrap().memory_bytes > 1 << 20);
        assert!(Usage::of(u32::MAX).unwrap_err().to_string().contains("/proc/4294967295/stat"));
    }
}

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use alphafleet_tests::binary;
use serde_json::json;

use crate::measurement::Measurement;

const RUNS: usize = 7;

/// `alphafleet standalone` in an empty folder, to the line that says where it serves; and what it
/// holds of memory when idle.
pub fn run() -> Vec<Measurement> {
    let (mut times, mut sizes) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let folder = tempfile::tempdir().unwrap();
        let start = Instant::now();
        let mut process = Command::new(binary())
            .args(["standalone", "--listen", "127.0.0.1:0", "--log", "warn", "--data-dir"])
            .arg(folder.path())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Held until the end: a process that cannot log is not the usual one.
        let mut lines =
            BufReader::new(process.stderr.take().unwrap()).lines().map_while(Result::ok);
        let serves = lines.by_ref().any(|line| line.contains(" serves http"));
        assert!(serves, "it does not start");
        times.push(start.elapsed().as_secs_f64() * 1_000.0);
        std::thread::sleep(Duration::from_secs(3));
        let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        let kib: f64 = resident.trim().trim_end_matches(" kB").parse().unwrap();
        sizes.push(kib / 1_024.0);
        process.kill().unwrap();
        process.wait().unwrap();
    }
    vec![
        Measurement::new("start to ready", "ms", times, json!({})),
        Measurement::new("idle memory", "MiB", sizes, json!({ "after_s": 3 })),
    ]
}

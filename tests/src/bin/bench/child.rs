use std::process::{Command, Stdio};

use crate::turns::Figures;

/// The hidden first argument of a process that measures its own memory.
pub const CHILD: &str = "--child";

/// Work that is done in a process of its own, by name.
pub type Work = (&'static str, fn(&[String]) -> Figures);

/// Has a process of its own do the work; its figures, with the most memory it held.
pub fn run(work: &str, arguments: &[String]) -> Figures {
    let ran = Command::new(std::env::current_exe().unwrap())
        .args([CHILD, work])
        .args(arguments)
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(ran.status.success(), "{work} ended with {}", ran.status);
    serde_json::from_slice(&ran.stdout).expect("figures as JSON")
}

/// What such a process does.
pub fn serve(works: &[Work], arguments: &[String]) {
    let (name, arguments) = arguments.split_first().expect("the work's name");
    let (_, work) = works.iter().find(|(known, _)| known == name).expect("a work of that name");
    println!("{}", serde_json::to_string(&work(arguments)).unwrap());
}

/// The most memory this process has held, in MB.
pub fn peak_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kib: f64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    kib * 1_024.0 / 1e6
}

/// From here on only what is held from now counts for [`peak_mb`].
pub fn forget_peak() {
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
}

use std::path::PathBuf;

/// A program of this name on the path, or where Debian keeps those of administrators.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/bin".into()]);
    folders.map(|folder| folder.join(name)).find(|program| program.is_file())
}

/// A word on the terminal where a service is not installed; a panic if that happens in continuous
/// integration (`CI=true`).
pub(crate) fn missing(service: &str, package: &str) {
    let missing = format!("{service} is not installed: apt-get install {package}");
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{missing}");
    eprintln!("skipped: {missing}");
}

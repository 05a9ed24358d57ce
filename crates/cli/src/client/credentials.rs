use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The gateway and token of the last login, kept in the user's configuration folder.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Credentials {
    pub url: String,
    pub token: String,
}

impl Credentials {
    pub fn load() -> Option<Self> {
        serde_json::from_slice(&fs::read(file()?).ok()?).ok()
    }

    /// Written for the owner's eyes alone.
    pub fn save(&self) -> io::Result<()> {
        let file = file().ok_or_else(|| io::Error::other("HOME is not set"))?;
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        let fresh = file.with_extension("new");
        let mut out = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&fresh)?;
        out.write_all(&serde_json::to_vec_pretty(self)?)?;
        fs::rename(fresh, file)
    }

    pub fn forget() -> io::Result<()> {
        match file().map(fs::remove_file) {
            Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

fn file() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = set("XDG_CONFIG_HOME").or_else(|| Some(set("HOME")?.join(".config")))?;
    Some(base.join("alphafleet/credentials.json"))
}

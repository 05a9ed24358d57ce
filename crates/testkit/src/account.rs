use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use uuid::Uuid;

const ELSEWHERE: &str = "/var/lib/alphafleet-services";

/// An account that servers run as which refuse to run as root.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Account {
    pub uid: u32,
    pub gid: u32,
}

impl Account {
    /// Whom PostgreSQL runs as where we are root; `None` where it may run as we do.
    pub fn unprivileged() -> Option<Self> {
        if fs::metadata("/proc/self").ok()?.uid() != 0 {
            return None;
        }
        let accounts = fs::read_to_string("/etc/passwd").expect("the accounts");
        let find = |name: &str| {
            let line = accounts.lines().find(|line| line.split(':').next() == Some(name))?;
            let mut fields = line.split(':').skip(2);
            Some(Self { uid: fields.next()?.parse().ok()?, gid: fields.next()?.parse().ok()? })
        };
        Some(find("postgres").or_else(|| find("nobody")).expect("an unprivileged account"))
    }

    /// Makes a file or folder the account's.
    pub fn give(account: Option<Self>, path: &Path) {
        if let Some(Self { uid, gid }) = account {
            chown(path, Some(uid), Some(gid)).expect("root may give files away");
        }
    }

    /// `folder`, or where the way to it is barred to the account, one under `/var/lib` that
    /// `folder` then links to.
    pub fn within_reach(account: Option<Self>, folder: &Path) -> io::Result<PathBuf> {
        if let Ok(elsewhere) = fs::read_link(folder) {
            return Ok(elsewhere);
        }
        let is_open = |parent: &Path| {
            fs::metadata(parent).is_ok_and(|metadata| metadata.permissions().mode() & 0o001 != 0)
        };
        if account.is_none() || folder.ancestors().skip(1).all(is_open) {
            return Ok(folder.to_owned());
        }
        fs::create_dir_all(ELSEWHERE)?;
        fs::set_permissions(ELSEWHERE, fs::Permissions::from_mode(0o711))?;
        let elsewhere = Path::new(ELSEWHERE).join(Uuid::new_v4().simple().to_string());
        symlink(&elsewhere, folder)?;
        Ok(elsewhere)
    }
}

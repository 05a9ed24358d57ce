use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use alphafleet_domain::{LeaseId, WorkerId};
use tracing::warn;

const PREFIX: &str = "worker-";
const LOCK: &str = "lock";

/// The folder of one worker, with one folder for each attempt. Locked while the worker lives, so
/// that what dead ones left can be told and removed.
#[derive(Debug)]
pub(crate) struct Scratch {
    folder: PathBuf,
    _lock: File,
}

impl Scratch {
    pub fn open(root: &Path, worker: WorkerId) -> io::Result<Self> {
        fs::create_dir_all(root)?;
        let root = root.canonicalize()?;
        remove_abandoned(&root);
        // Until it is locked it has a name that no other worker takes for an abandoned one's.
        let (draft, folder) =
            (root.join(worker.to_string()), root.join(format!("{PREFIX}{worker}")));
        fs::create_dir(&draft)?;
        let lock = File::create(draft.join(LOCK))?;
        lock.lock()?;
        fs::rename(&draft, &folder)?;
        Ok(Self { folder, _lock: lock })
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn attempt(&self, lease: LeaseId) -> io::Result<AttemptFolder> {
        fs::create_dir(self.path_of(lease))?;
        Ok(self.unmade(lease))
    }

    /// The folder of an attempt that may need none; its child makes it at this path.
    pub fn unmade(&self, lease: LeaseId) -> AttemptFolder {
        AttemptFolder(self.path_of(lease))
    }

    pub fn path_of(&self, lease: LeaseId) -> PathBuf {
        self.folder.join(lease.to_string())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        remove(&self.folder);
    }
}

/// Removed when dropped.
#[derive(Debug)]
pub(crate) struct AttemptFolder(PathBuf);

impl AttemptFolder {
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for AttemptFolder {
    fn drop(&mut self) {
        remove(&self.0);
    }
}

fn remove(folder: &Path) {
    if let Err(error) = fs::remove_dir_all(folder)
        && error.kind() != io::ErrorKind::NotFound
    {
        warn!(folder = %folder.display(), %error, "a scratch folder is left behind");
    }
}

fn remove_abandoned(root: &Path) {
    let Ok(entries) = fs::read_dir(root) else { return };
    for folder in entries.flatten().map(|entry| entry.path()) {
        let ours = folder.file_name().is_some_and(|name| {
            name.to_string_lossy()
                .strip_prefix(PREFIX)
                .is_some_and(|id| id.parse::<WorkerId>().is_ok())
        });
        // A worker that is just starting has no lock file yet and is left alone.
        let unlocked = |lock: File| lock.try_lock().is_ok();
        if ours && File::open(folder.join(LOCK)).is_ok_and(unlocked) {
            remove(&folder);
        }
    }
}

use std::path::{Path, PathBuf};

use alphafleet_datasets::{read_announcements, write_announcements};
use alphafleet_protocol::api::DatasetView;

use super::data::progress;
use crate::client::Api;

/// Puts announcements beside a dataset's bars. A Qlib folder's become a table here.
pub async fn run(api: &Api, name: &str, file: &Path, quiet: bool) -> anyhow::Result<DatasetView> {
    if !file.is_dir() {
        return upload(api, name, file, quiet).await;
    }
    let scratch = tempfile::tempdir()?;
    let table = scratch.path().join("announcements.parquet");
    let (folder, target): (PathBuf, PathBuf) = (file.to_owned(), table.clone());
    let convert = move || write_announcements(&target, &read_announcements(&folder)?);
    tokio::task::spawn_blocking(convert).await??;
    upload(api, name, &table, quiet).await
}

async fn upload(api: &Api, name: &str, file: &Path, quiet: bool) -> anyhow::Result<DatasetView> {
    let (bar, sent) = progress(file, quiet)?;
    let announced = api.announce(name, file, sent).await;
    bar.finish_and_clear();
    Ok(announced?)
}

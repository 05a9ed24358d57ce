use std::path::Path;

use alphafleet_datasets::is_qlib_folder;

use crate::failure::Usage;

/// Refuses to write over a file that is read: named itself, by another path to it, or as one in a
/// folder of data.
pub fn refuse_input<'a>(out: &Path, inputs: impl Iterator<Item = &'a Path>) -> Result<(), Usage> {
    // A file that is not there yet is no input.
    let Ok(target) = out.canonicalize() else { return Ok(()) };
    for input in inputs {
        if reads(input, &target) {
            let (out, input) = (out.display(), input.display());
            return Err(Usage(format!(
                "--out {out} would overwrite what is read from {input}: name another file"
            )));
        }
    }
    Ok(())
}

fn reads(input: &Path, target: &Path) -> bool {
    let Ok(path) = input.canonicalize() else { return false };
    let of_bars = target.extension().is_some_and(|kind| kind == "csv" || kind == "parquet");
    path == target
        || (path.is_dir() && of_bars && target.parent() == Some(&path))
        || (is_qlib_folder(&path) && target.starts_with(&path))
}

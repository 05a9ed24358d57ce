use std::path::PathBuf;
use std::str::FromStr;

/// A universe's name and the list of who belongs to it when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UniverseFile {
    pub name: String,
    pub file: PathBuf,
}

impl FromStr for UniverseFile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let split =
            text.split_once('=').filter(|(name, file)| !name.is_empty() && !file.is_empty());
        let (name, file) = split.ok_or("expected NAME=FILE, such as csi300=csi300.txt")?;
        Ok(Self { name: name.to_owned(), file: file.into() })
    }
}

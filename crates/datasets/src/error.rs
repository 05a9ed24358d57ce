use std::io::ErrorKind;
use std::path::PathBuf;

use alphafleet_artifacts::{ArtifactError, ArtifactKeyError};
use alphafleet_market::{AnnouncementError, ColumnError, PanelError};
use thiserror::Error;

/// Why data cannot be imported, written or read. [`DatasetError::code`] is stable.
#[derive(Debug, Error)]
pub enum DatasetError {
    #[error("{file}: column {column} is missing; found: {}", found.join(", "))]
    MissingColumn { file: String, column: String, found: Vec<String> },
    #[error("{file}: column {column} appears more than once ({})", sources.join(", "))]
    AmbiguousColumn { file: String, column: String, sources: Vec<String> },
    #[error("column mapping '{column}': {reason}")]
    BadMapping { column: String, reason: String },
    #[error("{file} is corrupt or truncated: {reason}")]
    CorruptFile { file: String, reason: String },
    #[error(
        "{file}: column {column} is compressed with {codec}, which is not supported; write it \
         uncompressed or with zstd, snappy, gzip, brotli or lz4"
    )]
    UnsupportedCodec { file: String, column: String, codec: &'static str },
    #[error("{file}, row {row}: '{value}' in column {column} is not {expected}")]
    BadValue { file: String, row: u64, column: String, value: String, expected: &'static str },
    #[error(
        "{file} has no score: its column score is empty or NaN alone; check the model's predictions"
    )]
    NoScore { file: String },
    #[error("{file} has two scores for {instrument} at {time}: keep one")]
    DuplicateScore { file: String, instrument: String, time: chrono::NaiveDateTime },
    #[error("no bars in {}", files.join(", "))]
    EmptyDataset { files: Vec<String> },
    #[error("{file}: {found} {what}, at most {limit} are allowed")]
    TooLarge { file: String, what: &'static str, found: u64, limit: u64 },
    #[error("{} cannot be read", file.display())]
    Read {
        file: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{file} cannot be written")]
    Write {
        file: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("'{0}' is no frequency: expected day, 1min, 5min, …")]
    BadFrequency(String),
    #[error("{} holds no frequency {wanted}; found: {}", folder.display(), found.join(", "))]
    MissingFrequency { folder: PathBuf, wanted: String, found: Vec<String> },
    #[error("{} is a Qlib folder: import it alone", folder.display())]
    MixedSources { folder: PathBuf },
    #[error("{} is there already and not an empty folder", folder.display())]
    TargetExists { folder: PathBuf },
    #[error("Qlib's format cannot hold {what}: {reason}")]
    NotRepresentable { what: String, reason: String },
    #[error("{file}, {source}")]
    Announcement { file: String, source: AnnouncementError },
    #[error("no announcements in {file}")]
    EmptyAnnouncements { file: String },
    #[error(
        "{file} announces nothing of the bars' instruments: it has {announced}, they have {bars}; \
         name the instruments alike"
    )]
    StrangeAnnouncements { file: String, announced: String, bars: String },
    #[error("universe {name}: {reason}")]
    BadUniverse { name: String, reason: String },
    #[error("no instruments in {file}: a universe's list has one a line")]
    EmptyUniverse { file: String },
    #[error(
        "{file} lists none of the bars' instruments: it has {listed}, they have {bars}; name the \
         instruments alike"
    )]
    StrangeUniverse { file: String, listed: String, bars: String },
    #[error("table: {0}")]
    BadTable(String),
    #[error("{key} is not what was written: expected SHA-256 {expected}, found {found}")]
    Tampered { key: String, expected: String, found: String },
    #[error("manifest {key} cannot be used: {reason}")]
    BadManifest { key: String, reason: String },
    #[error(transparent)]
    Column(#[from] ColumnError),
    #[error(transparent)]
    Panel(#[from] PanelError),
    #[error(transparent)]
    Key(#[from] ArtifactKeyError),
    #[error(transparent)]
    Storage(#[from] ArtifactError),
}

impl DatasetError {
    /// A name for programs: stable, in snake case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::MissingColumn { .. } | Self::Column(ColumnError::Missing { .. }) => {
                "missing_column"
            }
            Self::AmbiguousColumn { .. } => "ambiguous_column",
            Self::BadMapping { .. } => "bad_mapping",
            Self::CorruptFile { .. } => "corrupt_file",
            Self::UnsupportedCodec { .. } => "unsupported_codec",
            Self::BadValue { .. } => "bad_value",
            Self::NoScore { .. } => "empty_signal",
            Self::DuplicateScore { .. } => "duplicate_score",
            Self::EmptyDataset { .. } => "empty_dataset",
            Self::TooLarge { .. } => "too_large",
            Self::Read { .. } => "unreadable_file",
            Self::Write { .. } => "unwritable_file",
            Self::BadFrequency(_) => "bad_frequency",
            Self::MissingFrequency { .. } => "missing_frequency",
            Self::MixedSources { .. } => "mixed_sources",
            Self::TargetExists { .. } => "target_exists",
            Self::NotRepresentable { .. } => "not_representable",
            Self::Announcement { source, .. } => source.code(),
            Self::EmptyAnnouncements { .. } => "empty_announcements",
            Self::StrangeAnnouncements { .. } => "strange_announcements",
            Self::BadUniverse { .. } => "bad_universe",
            Self::EmptyUniverse { .. } => "empty_universe",
            Self::StrangeUniverse { .. } => "strange_universe",
            Self::BadTable(_) => "bad_table",
            Self::Tampered { .. } | Self::Storage(ArtifactError::Tampered { .. }) => {
                "tampered_file"
            }
            Self::BadManifest { .. } => "bad_manifest",
            Self::Column(_) | Self::Panel(_) => "bad_panel",
            Self::Key(_) => "bad_key",
            Self::Storage(ArtifactError::NotFound(_)) => "missing_file",
            Self::Storage(_) => "storage_failed",
        }
    }

    /// Whether the cause is the data or the request, not the storage or this program.
    pub fn is_data_fault(&self) -> bool {
        !matches!(self, Self::Read { .. } | Self::Write { .. } | Self::Storage(_) | Self::Key(_))
    }

    /// Whether the one who named the files is to put it right: the data are at fault, or a file
    /// is not there, may not be read or is a folder.
    pub fn is_callers(&self) -> bool {
        let Self::Read { source, .. } = self else { return self.is_data_fault() };
        let kinds = [ErrorKind::NotFound, ErrorKind::PermissionDenied, ErrorKind::IsADirectory];
        kinds.contains(&source.kind())
    }
}

use parquet::basic::Compression;
use parquet::file::metadata::ParquetMetaData;

use crate::error::DatasetError;

/// Refuses a Parquet file with columns in a codec that this build has no decoder for; the decoder's
/// own error would read as if the file were broken. `file` is the name errors use.
pub(crate) fn check_codecs(file: &str, metadata: &ParquetMetaData) -> Result<(), DatasetError> {
    let mut columns = metadata.row_groups().iter().flat_map(|group| group.columns());
    // Every other codec is a feature of the workspace's parquet.
    match columns.find(|column| column.compression() == Compression::LZO) {
        None => Ok(()),
        Some(column) => {
            let column = column.column_path().string();
            Err(DatasetError::UnsupportedCodec { file: file.to_owned(), column, codec: "LZO" })
        }
    }
}

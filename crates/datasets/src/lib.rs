//! Import, versions and manifests of market data on Parquet and object storage.

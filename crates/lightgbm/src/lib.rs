//! A thin safe wrapper of LightGBM's C interface.

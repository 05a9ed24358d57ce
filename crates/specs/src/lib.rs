//! What a person may ask for: typed, defaulted, validated parameters.

DROP TABLE feature_cache;
DROP TABLE feature_versions;
DROP TABLE features;

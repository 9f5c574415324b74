"""Where records, labels and counts are kept: Parquet files in the workspace, all else in a SQL database."""

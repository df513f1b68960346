"""Names that the data package and its readers share."""

PRICE_COLUMNS = ("Open", "High", "Low", "Close", "Volume")
"""Raw columns of every dataset after ``Date``, the last where it is known; every further column is a feature."""

RAW_FILE = "data/raw/SPX_daily.csv.gz"
"""The embedded S&P 500 index prices, relative to the project."""

DEFAULT_DATASET = "data/processed/SPX_dataset_c.parquet"
"""The dataset that ``python -m data build`` makes from `RAW_FILE`, relative to the project."""

PROTOCOL_ROWS = 804
"""Rows that a script with default flags needs at the least: 4 chunks of 201, of which it holds out 2."""

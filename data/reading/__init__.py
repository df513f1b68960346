"""From a price file of any vendor to checked daily bars of one asset: `read_asset` in `data.reading.asset`."""

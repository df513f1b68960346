"""From prices to isolated, standardised samples: bars, labels, splits, windows."""

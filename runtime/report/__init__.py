"""One page for a phase: what was searched and trained, what it shows, and what cannot be said.

In the order that a value travels: `records.results` (the shape of a record) → `runs`, `searches` (one folder each) →
`phase` (all of them) → `verdict`, `tables`, `seeds`, `scaling_tables`, `figures/` (words, numbers, pictures) →
`sections` (each experiment), `scaling` (all of them together) → `page` (HTML).
"""

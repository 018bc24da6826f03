"""Reports: figures from record and audit log, each traceable to its entries. Read only."""

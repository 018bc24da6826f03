"""Reports: figures from the record and the audit log, each traceable to its entries. Read only."""

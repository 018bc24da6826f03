"""The record of customers in SQLite: one file, a module for each subject."""

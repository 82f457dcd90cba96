"""Spreadsheets in: opened safely, recognised by their headers, every cell read or refused with its name."""

"""The chase list: the site's own workbook, marked with what is missing and whose turn it is."""

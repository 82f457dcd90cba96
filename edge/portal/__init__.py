"""The site's portal in the browser: accounts, uploads, the NHS/CHI Checker, the summary."""

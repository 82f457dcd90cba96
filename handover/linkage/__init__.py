"""National linkage: the controller opens the numbers behind some pseudonyms, for a reason, with a second person's approval."""

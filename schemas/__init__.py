"""What travels: the records, the topics they travel on, the spreadsheet templates, the registry and the rules, as data.

This room imports nothing of ours. Whoever changes a file here changes what two rooms have agreed on.
"""

"""The hospital: spreadsheets and images in, sealed records out, answers back in words.

Everything up to the raw topics. ``door`` is the way in; the folders are what a nurse or a PACS department brings.
"""

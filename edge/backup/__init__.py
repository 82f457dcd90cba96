"""Backing a home up while its set-up runs, and making a new home of a back-up."""

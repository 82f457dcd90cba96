"""Forgetting: what the topics still hold of patients who have opted out is taken off them, so that no reader finds it again."""

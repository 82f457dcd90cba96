"""Images in: files found, headers read up to the pixels, grouped to studies, counted once."""

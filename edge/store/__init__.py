"""The store of de-identified images, and the intake: how an image becomes durable together with what is reported of it."""

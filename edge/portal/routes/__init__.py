"""The pages of the portal, by what one comes for."""

"""Maps of what does not belong, from yes or no a picture: several streams that have to agree (WSCL)."""

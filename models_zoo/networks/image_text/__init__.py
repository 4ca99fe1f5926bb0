"""Image-text models: places of a picture and sentences as vectors that can be compared."""

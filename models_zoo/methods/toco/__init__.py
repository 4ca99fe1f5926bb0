"""Token contrast: one network learns tags, class maps and masks at once (ToCo)."""

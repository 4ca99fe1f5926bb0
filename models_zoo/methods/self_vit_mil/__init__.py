"""Large pictures as bags of tiles: one tag a picture, heat a tile (Self-ViT-MIL, DSMIL)."""

"""Detection from few boxed images: pseudo boxes are polished before they are learnt (Zhang, Sun and Wei, AAAI 2023)."""

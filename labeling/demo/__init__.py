"""The demo: real pictures that ship inside scikit-image and scikit-learn, some of them marked."""

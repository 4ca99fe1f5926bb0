"""What comes in from outside, before it is trusted: names, pictures, archives; and how images are dealt to splits."""

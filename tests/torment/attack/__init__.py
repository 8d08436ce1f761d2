"""The attacks of torment.attacks, by where they come from."""

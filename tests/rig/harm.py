"""What no test gets a second chance for."""


class Harm(AssertionError):
    """Mail is lost, doubled, resurrected or altered, or the two sides differ."""

"""Registers an environment when it is imported, as packages of environments do."""
import gymnasium


@gymnasium.register("Extra-v0")
class Extra(gymnasium.Still):
    pass

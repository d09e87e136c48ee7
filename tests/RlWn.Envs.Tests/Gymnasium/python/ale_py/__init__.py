"""Registers Pong when it is imported."""
import gymnasium


@gymnasium.register("ALE/Pong-v5")
class Pong(gymnasium.Still):
    def __init__(self, frameskip=4, obs_type="rgb"):
        self.observation_space = gymnasium.spaces.Box(0, frameskip, (len(obs_type),), "uint8")

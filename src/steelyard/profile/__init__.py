"""Knowledge: the facts about one system, their types, and the `steelyard.yaml` that carries them."""

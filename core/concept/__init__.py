"""Whether the outcome still depends on the model's output as it did on the reference."""

"""The use cases: what a person or a program can ask of Plumbline. Every call names its actor."""

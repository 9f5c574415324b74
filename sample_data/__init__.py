"""The demo scenario: a lender's models, made from a seed, and the truth about what happens to them."""

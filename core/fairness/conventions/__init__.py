"""Numbers as other tools print them, by their names, so that a report can be reconciled with a notebook."""

"""Is what arrives in a column still of the kind that the reference had?"""

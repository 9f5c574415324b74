"""Has a column's distribution moved away from the reference's, and what moved inside it?"""

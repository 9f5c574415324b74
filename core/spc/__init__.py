"""Statistical process control: charts that say which windows leave their limits."""
